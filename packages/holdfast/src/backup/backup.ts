/**
 * `holdfast backup`: a bucket into a folder, one file for each shard, while it serves. What is
 * written during the backup may or may not be in it, item by item; what was acknowledged before it
 * began and stays is. Memory is bounded by a stream's buffers. It never overwrites: a folder is
 * empty, or holds an unfinished backup of the same bucket that it is told to go on with.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { RestClient } from '../cluster/rest-client.ts'
import {
  BackupError,
  type BackupFile,
  fileNameOf,
  type Manifest,
  readManifest,
  writeManifest,
} from './manifest.ts'
import { readShard, readShards, type ShardedBucket } from './shard-stream.ts'

const OWNER_ONLY = 0o600
const OWNER_ONLY_FOLDER = 0o700

export interface BackupOptions {
  bucket: string
  folder: string
  /** Goes on with an unfinished one. */
  resume: boolean
  megabytesPerSecond: number
  /** Items that the bucket has about, for progress. */
  itemsExpected: number
  onProgress?: (fraction: number, detail: string) => void
  onBreak?: (message: string) => void
}

/** Makes a backup; resolves with its manifest. Throws {@link BackupError} or what the store says. */
export async function backUp(rest: RestClient, options: BackupOptions): Promise<Manifest> {
  const source = await readShards(rest, options.bucket)
  const missing = source.shards.find((shard) => !shard.created)
  if (missing) throw new BackupError(`bucket ${options.bucket} is not ready yet`)
  const manifest = await prepare(source, options)
  for (const { shard } of source.shards) {
    if (manifest.files.some((file) => file.shard === shard)) continue
    manifest.files.push(await backUpShard(rest, shard, manifest, options))
    await writeManifest(options.folder, manifest)
  }
  const after = await readShards(rest, options.bucket)
  if (after.uuid !== source.uuid) {
    throw new BackupError(`bucket ${options.bucket} was deleted and made anew during the backup`)
  }
  manifest.state = 'finished'
  manifest.finishedAt = new Date().toISOString()
  await writeManifest(options.folder, manifest)
  return manifest
}

/** The manifest to go on with, in a folder that may be used. */
async function prepare(source: ShardedBucket, options: BackupOptions): Promise<Manifest> {
  const { folder, resume } = options
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY_FOLDER })
  const known = await readManifest(folder)
  if (known === null) {
    const names = await readdir(folder)
    if (names.length > 0) throw new BackupError(`${folder} is not empty: give another folder`)
    const manifest = newManifest(source)
    await writeManifest(folder, manifest)
    return manifest
  }
  if (known.state === 'finished') throw new BackupError(`${folder} holds a finished backup`)
  if (!resume) {
    throw new BackupError(`${folder} holds an unfinished backup: --resume goes on with it`)
  }
  if (known.bucket.uuid !== source.uuid || known.shards !== source.shards.length) {
    throw new BackupError(`${folder} holds an unfinished backup of another bucket`)
  }
  return known
}

function newManifest(source: ShardedBucket): Manifest {
  const { bucket: name, uuid, bucketType: type, ramQuotaMB, replicaNumber } = source
  return {
    format: 1,
    bucket: { name, uuid, type, ramQuotaMB, replicaNumber },
    shards: source.shards.length,
    state: 'unfinished',
    startedAt: new Date().toISOString(),
    finishedAt: null,
    files: [],
  }
}

async function backUpShard(
  rest: RestClient,
  shard: number,
  manifest: Manifest,
  options: BackupOptions,
): Promise<BackupFile> {
  const name = fileNameOf(shard)
  const path = join(options.folder, name)
  const before = manifest.files.reduce((sum, file) => sum + file.items, 0)
  const file = await open(`${path}.part`, 'w', OWNER_ONLY)
  let hash = createHash('sha256')
  let bytes = 0
  let itemsSoFar = 0
  try {
    const items = await readShard(
      rest,
      { ...options, shard },
      {
        begin: async () => {
          await file.truncate(0)
          hash = createHash('sha256')
          bytes = 0
          itemsSoFar = 0
        },
        take: async (piece, taken) => {
          await file.write(piece, 0, piece.length, bytes)
          hash.update(piece)
          bytes += piece.length
          itemsSoFar += taken.length
          const done = before + itemsSoFar
          const fraction = Math.min(1, done / Math.max(options.itemsExpected, done, 1))
          options.onProgress?.(fraction, `shard ${shard + 1} of ${manifest.shards}, ${done} items`)
        },
      },
    )
    await file.sync()
    await rename(`${path}.part`, path)
    return { shard, name, items, bytes, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}
