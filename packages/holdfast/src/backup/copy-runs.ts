/** What `backup`, `restore`, `export` and `import` do; their options are in commands.ts. */
import { openBucketBackend } from '@holdfast/client'
import {
  type CommandContext,
  numberOf,
  type Outcome,
  requiredText,
  success,
  textOf,
  UsageError,
} from '../cluster/command.ts'
import { readBuckets, readPool } from '../cluster/pool.ts'
import { type RestClient, RestError } from '../cluster/rest-client.ts'
import { backUp } from './backup.ts'
import { BucketWriter, type WriteMode } from './bucket-writer.ts'
import { RATE_DEFAULT } from './copy-rate.ts'
import { exportToFile, exportToPipe, importFrom } from './json-copy.ts'
import { restore, verifyBackup } from './restore.ts'

const WRITE_TIMEOUT_MS = 5000

export async function runBackup(context: CommandContext): Promise<Outcome> {
  const { rest, options, progress, note } = context
  const folder = requiredText(options, 'to')
  const bucket = requiredText(options, 'bucket')
  const manifest = await backUp(rest, {
    bucket,
    folder,
    resume: options.resume === true,
    megabytesPerSecond: rateOf(context),
    itemsExpected: await itemsIn(rest, bucket),
    onProgress: (fraction, detail) => progress.update(fraction, detail),
    onBreak: (message) => note(`WARNING: ${message}`),
  })
  const items = manifest.files.reduce((sum, file) => sum + file.items, 0)
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  return success(`backup of ${bucket} in ${folder}: ${items} items, ${bytes} bytes`, {
    bucket,
    folder,
    items,
    bytes,
    startedAt: manifest.startedAt,
    finishedAt: manifest.finishedAt,
  })
}

export async function runRestore(context: CommandContext): Promise<Outcome> {
  const { options, progress } = context
  const folder = requiredText(options, 'from')
  const manifest = await verifyBackup(folder)
  const bucket = textOf(options, 'bucket') ?? manifest.bucket.name
  if (options.check === true) return success(`${folder} is whole`, { folder, manifest })
  const writer = await openWriter(context, bucket)
  try {
    const read = await restore(manifest, writer, {
      folder,
      megabytesPerSecond: rateOf(context),
      onProgress: (fraction, detail) => progress.update(fraction, detail),
    })
    return written(`restored ${folder} into ${bucket}`, read, writer)
  } finally {
    await writer.close()
  }
}

export async function runExport(context: CommandContext): Promise<Outcome> {
  const { rest, options, output, progress } = context
  const bucket = requiredText(options, 'bucket')
  const to = requiredText(options, 'to')
  const copy = {
    bucket,
    megabytesPerSecond: rateOf(context),
    itemsExpected: await itemsIn(rest, bucket),
  }
  if (to === '-') {
    if (output === 'json') throw new UsageError('--to - and --output json both want stdout')
    await exportToPipe(rest, process.stdout, copy)
    return { lines: [], value: null }
  }
  const items = await exportToFile(rest, to, {
    ...copy,
    onProgress: (fraction, detail) => progress.update(fraction, detail),
    onBreak: (message) => context.note(`WARNING: ${message}`),
  })
  return success(`exported ${bucket} to ${to}: ${items} items`, { bucket, file: to, items })
}

export async function runImport(context: CommandContext): Promise<Outcome> {
  const { options } = context
  const bucket = requiredText(options, 'bucket')
  const from = requiredText(options, 'from')
  const writer = await openWriter(context, bucket)
  try {
    const read = await importFrom(from, writer, rateOf(context))
    return written(`imported ${from} into ${bucket}`, read, writer)
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error))
    throw new RestError(`${message}; ${writer.counts.written} items were written`, null, error)
  } finally {
    await writer.close()
  }
}

function written(message: string, read: number, { counts }: BucketWriter): Outcome {
  const more = [
    ...(counts.kept > 0 ? [`${counts.kept} kept as they were`] : []),
    ...(counts.expired > 0 ? [`${counts.expired} expired`] : []),
  ]
  const text = [`${message}: ${counts.written} items written`, ...more].join(', ')
  return success(text, { read, ...counts })
}

function rateOf({ options }: CommandContext): number {
  const rate = numberOf(options, 'rate') ?? Number(RATE_DEFAULT)
  if (rate === 0) throw new UsageError('--rate is above 0')
  return rate
}

async function itemsIn(rest: RestClient, name: string): Promise<number> {
  const pool = readPool(rest)
  const bucket = (await readBuckets(rest)).find((b) => b.name === name)
  await pool
  if (bucket === undefined) throw new RestError(`no bucket ${name}`, null)
  return bucket.basicStats.itemCount ?? 0
}

/** A writer into a bucket of the cluster, by the way of any client: config stream, then engines. */
async function openWriter(
  { rest, options }: CommandContext,
  bucket: string,
): Promise<BucketWriter> {
  const pool = await readPool(rest)
  await itemsIn(rest, bucket)
  const hosts = pool.nodes.filter((n) => !n.arbiter).map((n) => `http://${n.hostname}`)
  const bases = rest.isSecure ? [`https://${rest.address}`] : hosts
  const { username, password } = rest.options
  const path = `/pools/default/bucketsStreaming/${encodeURIComponent(bucket)}`
  const mode: WriteMode = options.mode === 'add' ? 'add' : 'overwrite'
  const backend = openBucketBackend({
    urls: bases.map((base) => `${base}${path}`),
    credentials: username === undefined ? undefined : { username, password: password ?? '' },
    timeoutMs: WRITE_TIMEOUT_MS,
  })
  return new BucketWriter(backend, mode)
}
