/**
 * `backup.json`, what a backup's folder holds: of which bucket, which shards are done, their sizes
 * and checksums. It is written anew after each shard, in one step, so that a backup that was
 * stopped can go on where it was.
 */
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** Raised for a folder that cannot be used. */
export class BackupError extends Error {
  readonly code = 'HOLDFAST_BACKUP'
}

export interface BackupFile {
  shard: number
  name: string
  items: number
  bytes: number
  sha256: string
}

export interface Manifest {
  format: 1
  bucket: { name: string; uuid: string; type: string; ramQuotaMB: number; replicaNumber: number }
  shards: number
  state: 'unfinished' | 'finished'
  startedAt: string
  finishedAt: string | null
  files: BackupFile[]
}

export const MANIFEST_NAME = 'backup.json'
const OWNER_ONLY = 0o600

const manifestSchema: z.ZodType<Manifest> = z.object({
  format: z.literal(1),
  bucket: z.object({
    name: z.string(),
    uuid: z.string(),
    type: z.string(),
    ramQuotaMB: z.number(),
    replicaNumber: z.number(),
  }),
  shards: z.number().int().positive(),
  state: z.enum(['unfinished', 'finished']),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  files: z.array(
    z.object({
      shard: z.number().int(),
      name: z.string().regex(/^[\w.-]+$/),
      items: z.number().int(),
      bytes: z.number().int(),
      sha256: z.string(),
    }),
  ),
})

/** Name of a shard's file. */
export function fileNameOf(shard: number): string {
  return `shard-${String(shard).padStart(4, '0')}.items`
}

/** Reads a backup's manifest; null when there is none. Throws {@link BackupError} for a bad one. */
export async function readManifest(folder: string): Promise<Manifest | null> {
  let text: string
  try {
    text = await readFile(join(folder, MANIFEST_NAME), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  try {
    return manifestSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new BackupError(`${join(folder, MANIFEST_NAME)} is no backup of this version`, { cause })
  }
}

/** Writes the manifest, on disk when it returns. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, MANIFEST_NAME)
  const file = await open(`${path}.part`, 'w', OWNER_ONLY)
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.part`, path)
}
