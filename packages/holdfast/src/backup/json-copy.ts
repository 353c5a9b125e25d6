/**
 * `holdfast export` and `import`: a bucket as JSON lines, into a file or through a pipe. A file is
 * there under its name only when it is whole, and is never overwritten.
 */
import { constants, createReadStream } from 'node:fs'
import { access, open, rename, rm } from 'node:fs/promises'
import type { ShardItem } from '@holdfast/cluster'
import type { RestClient } from '../cluster/rest-client.ts'
import type { BucketWriter } from './bucket-writer.ts'
import { itemOfLine, LineCutter, lineOf } from './json-lines.ts'
import { BackupError } from './manifest.ts'
import { readShard, readShards } from './shard-stream.ts'
import { Throttle } from './throttle.ts'

/** A value of 20 MB as base64 with all that is around it. */
const LINE_BYTES_MAX: number = 32 * 1024 * 1024
const OWNER_ONLY = 0o600

export interface ExportOptions {
  bucket: string
  megabytesPerSecond: number
  itemsExpected: number
  onProgress?: (fraction: number, detail: string) => void
  onBreak?: (message: string) => void
}

/** Where lines go; a shard that breaks off is written again from where it began. */
interface LineSink {
  beginShard(): Promise<void>
  restartShard(): Promise<void>
  write(text: string): Promise<void>
}

/** Exports into a file that is not there yet. */
export async function exportToFile(
  rest: RestClient,
  path: string,
  options: ExportOptions,
): Promise<number> {
  if (await exists(path)) throw new BackupError(`${path} is there already`)
  const part = `${path}.part`
  const file = await open(part, 'w', OWNER_ONLY)
  let bytes = 0
  let shardStart = 0
  try {
    const items = await exportTo(rest, options, {
      beginShard: async () => {
        shardStart = bytes
      },
      restartShard: async () => {
        bytes = shardStart
        await file.truncate(bytes)
      },
      write: async (text) => {
        bytes += (await file.write(text, bytes)).bytesWritten
      },
    })
    await file.sync()
    await file.close()
    await rename(part, path)
    return items
  } catch (error) {
    await file.close().catch(() => {})
    await rm(part, { force: true })
    throw error
  }
}

/** Exports to a pipe; an item of a shard that broke off may come twice. */
export function exportToPipe(
  rest: RestClient,
  pipe: NodeJS.WritableStream,
  options: ExportOptions,
): Promise<number> {
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      pipe.write(text, (error) => (error ? reject(error) : resolve()))
    })
  return exportTo(rest, options, {
    beginShard: async () => {},
    restartShard: async () => {},
    write,
  })
}

async function exportTo(rest: RestClient, options: ExportOptions, sink: LineSink): Promise<number> {
  const { shards } = await readShards(rest, options.bucket)
  let total = 0
  for (const { shard } of shards) {
    await sink.beginShard()
    let seen = 0
    total += await readShard(
      rest,
      { ...options, shard },
      {
        begin: async () => {
          seen = 0
          await sink.restartShard()
        },
        take: async (_piece, items: ShardItem[]) => {
          if (items.length === 0) return
          await sink.write(items.map(lineOf).join(''))
          seen += items.length
          const done = total + seen
          const fraction = Math.min(1, done / Math.max(options.itemsExpected, done, 1))
          options.onProgress?.(fraction, `shard ${shard + 1} of ${shards.length}, ${done} items`)
        },
      },
    )
  }
  return total
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path, constants.F_OK)
    return true
  } catch {
    return false
  }
}

/** Imports a file, or standard input for `-`; resolves with the number of lines. */
export async function importFrom(
  path: string,
  writer: BucketWriter,
  megabytesPerSecond: number,
): Promise<number> {
  const source: AsyncIterable<Buffer> = path === '-' ? process.stdin : createReadStream(path)
  const cutter = new LineCutter(LINE_BYTES_MAX)
  const throttle = new Throttle(megabytesPerSecond)
  let line = 0
  const take = async (text: string): Promise<void> => {
    line++
    if (text.trim() !== '') await writer.write(itemOfLine(text, line))
  }
  for await (const piece of source) {
    for (const text of cutter.cut(piece)) await take(text)
    await throttle.after(piece.length)
  }
  const last = cutter.rest()
  if (last !== null) await take(last)
  await writer.finish()
  return line
}
