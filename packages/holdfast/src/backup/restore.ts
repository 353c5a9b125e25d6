/**
 * `holdfast restore`: the items of a backup's folder back into a bucket, with flags and the very
 * moment of expiry. Every file's size and checksum are looked at before the first item is written.
 * May be repeated: an item is written again with the same value.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { ShardFrameReader } from '@holdfast/cluster'
import type { BucketWriter } from './bucket-writer.ts'
import { BackupError, type BackupFile, type Manifest, readManifest } from './manifest.ts'
import { Throttle } from './throttle.ts'

const CHUNK_BYTES: number = 256 * 1024

export interface RestoreOptions {
  folder: string
  megabytesPerSecond: number
  onProgress?: (fraction: number, detail: string) => void
}

/** The manifest of a folder whose files are whole. Throws {@link BackupError}. */
export async function verifyBackup(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  if (manifest === null) throw new BackupError(`${folder} holds no backup`)
  if (manifest.state !== 'finished') {
    throw new BackupError(`${folder} holds an unfinished backup: finish it with backup --resume`)
  }
  if (manifest.files.length !== manifest.shards) {
    throw new BackupError(`${folder} names ${manifest.files.length} of ${manifest.shards} files`)
  }
  for (const file of manifest.files) await verifyFile(folder, file)
  return manifest
}

async function verifyFile(folder: string, file: BackupFile): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(join(folder, file.name))) {
      const piece: Buffer = chunk
      hash.update(piece)
      bytes += piece.length
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new BackupError(`cannot read ${file.name}: ${why}`, { cause })
  }
  if (bytes !== file.bytes) {
    throw new BackupError(`${file.name} has ${bytes} bytes, the backup wrote ${file.bytes}`)
  }
  if (hash.digest('hex') !== file.sha256) {
    throw new BackupError(`${file.name} is damaged: its checksum is another`)
  }
}

/** Writes every item of a verified backup. */
export async function restore(
  manifest: Manifest,
  writer: BucketWriter,
  options: RestoreOptions,
): Promise<number> {
  const total = manifest.files.reduce((sum, file) => sum + file.items, 0)
  const throttle = new Throttle(options.megabytesPerSecond)
  let read = 0
  for (const file of manifest.files) {
    const reader = new ShardFrameReader()
    const path = join(options.folder, file.name)
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
      const piece: Buffer = chunk
      for (const item of reader.read(piece)) await writer.write(item)
      await throttle.after(piece.length)
      options.onProgress?.(
        (read + reader.items) / Math.max(total, 1),
        `${read + reader.items} items`,
      )
    }
    if (!reader.ended) throw new BackupError(`${file.name} has no end`)
    read += reader.items
  }
  await writer.finish()
  return read
}
