/**
 * The replies that the proxy gives itself, in the dialect of their request: versions, no-ops,
 * statistics, refusals, requests that were none. Each is a slot in the connection's order of
 * replies, so that it leaves after the replies to what was asked before.
 */
import { DELAYED_FLUSH_LINE, type DelayedFlushes, type ReplySlot } from '@holdfast/client'
import {
  BinaryStatus,
  type ByteWriter,
  Dialect,
  type MemcachedRequest,
  Op,
  ttlFromExptime,
  writeBinaryStat,
  writeBinaryStatus,
} from '@holdfast/protocol'
import type { Bucket } from './bucket.ts'
import { type StatsAnswer, statsText } from './stats-report.ts'
import { VERSION } from './version.ts'

/** Reply line to whoever has no bucket; moxi's. */
export const NULL_BUCKET_LINE = 'SERVER_ERROR unauthorized, null bucket'

/** Whom local replies ask. */
export interface LocalSource {
  readonly delayedFlushes: DelayedFlushes
  /** Does what `stats ARGS` asks for and answers, perhaps after other processes were asked. */
  stats(args: string, bucket: Bucket): StatsAnswer | Promise<StatsAnswer>
}

/** What of a request its reply repeats. */
export interface Asked {
  readonly dialect: Dialect
  readonly opcode: number
  readonly opaque: number
}

/** The reply to a request that needs no store; `settled` is called when it comes later. */
export function replyLocally(
  request: MemcachedRequest,
  bucket: Bucket | undefined,
  source: LocalSource,
  settled: (slot: ReplySlot) => void,
): ReplySlot {
  const { op } = request
  if (op === Op.Invalid) return invalid(request)
  if (op === Op.Noop) return said(request, 'MN')
  if (op === Op.Version) {
    return request.dialect === Dialect.Binary
      ? said(request, VERSION)
      : said(request, `VERSION ${VERSION}`)
  }
  if (op === Op.Quit) return said(request, '')
  if (op === Op.Verbosity) return said(request, 'OK')
  if (bucket === undefined) return unauthorized(request)
  if (op === Op.FlushAll) return flushLater(request, bucket, source.delayedFlushes)
  if (op === Op.Stats) {
    return new StatsReply(request, source.stats(request.args, bucket), settled)
  }
  throw new Error(`bug: no local reply for operation ${op}`)
}

/** The reply to whoever has no bucket. */
export function unauthorized(request: MemcachedRequest): ReplySlot {
  if (request.dialect === Dialect.Binary) return new StatusReply(request, BinaryStatus.AuthError)
  return new LineReply(request.noreply ? '' : NULL_BUCKET_LINE)
}

/** The text that binary has in the body of a success; in text and meta a line. */
function said(request: MemcachedRequest, text: string): ReplySlot {
  if (request.dialect !== Dialect.Binary) return new LineReply(request.noreply ? '' : text)
  if (request.quiet) return new LineReply('')
  const body = request.op === Op.Version ? text : ''
  return new StatusReply(request, BinaryStatus.Success, body)
}

function invalid(request: MemcachedRequest): ReplySlot {
  if (request.dialect === Dialect.Binary) {
    return new StatusReply(request, request.errorStatus, request.error)
  }
  return new LineReply(request.noreply ? '' : request.error)
}

function flushLater(
  request: MemcachedRequest,
  bucket: Bucket,
  delayedFlushes: DelayedFlushes,
): ReplySlot {
  const delayMs = Math.max(0, ttlFromExptime(request.exptime, Date.now()))
  const backend = {
    submit: (operation: Parameters<Bucket['backend']['submit']>[0]) => {
      bucket.backend.submit(operation)
    },
  }
  if (delayedFlushes.schedule(request, delayMs, backend)) return said(request, 'OK')
  return request.dialect === Dialect.Binary
    ? new StatusReply(request, BinaryStatus.TemporaryFailure)
    : new LineReply(request.noreply ? '' : DELAYED_FLUSH_LINE)
}

/** A line of text; none when it is empty. */
export class LineReply implements ReplySlot {
  readonly settled = true
  /** Never late: it is settled. */
  readonly deadlineMs = 0
  readonly #line: string

  constructor(line: string) {
    this.#line = line
  }

  fail(): void {}

  writeReply(writer: ByteWriter): void {
    if (this.#line === '') return
    writer.ascii(this.#line)
    writer.ascii('\r\n')
  }
}

/** A binary reply of a status and a text. */
export class StatusReply implements ReplySlot {
  readonly settled = true
  readonly deadlineMs = 0
  readonly #opcode: number
  readonly #opaque: number
  readonly #status: number
  readonly #text: string | undefined

  constructor(asked: Asked, status: number, text?: string) {
    this.#opcode = asked.opcode
    this.#opaque = asked.opaque
    this.#status = status
    this.#text = text
  }

  fail(): void {}

  writeReply(writer: ByteWriter): void {
    const asked = { opcode: this.#opcode, opaque: this.#opaque }
    writeBinaryStatus(writer, asked, this.#status, this.#text)
  }
}

/** Statistics, which may have to be waited for. */
class StatsReply implements ReplySlot {
  readonly deadlineMs = 0
  readonly #asked: Asked
  #answer: StatsAnswer | undefined = undefined

  constructor(
    { dialect, opcode, opaque }: MemcachedRequest,
    answer: StatsAnswer | Promise<StatsAnswer>,
    settled: (slot: ReplySlot) => void,
  ) {
    this.#asked = { dialect, opcode, opaque }
    if (!(answer instanceof Promise)) {
      this.#answer = answer
      return
    }
    const settle = (answered: StatsAnswer): void => {
      this.#answer = answered
      settled(this)
    }
    answer.then(settle, () => settle(STATS_FAILED))
  }

  get settled(): boolean {
    return this.#answer !== undefined
  }

  fail(): void {}

  writeReply(writer: ByteWriter): void {
    const answer = this.#answer ?? STATS_FAILED
    if (this.#asked.dialect === Dialect.Binary) this.#writeBinary(writer, answer)
    else writer.ascii(statsText(answer))
  }

  #writeBinary(writer: ByteWriter, answer: StatsAnswer): void {
    if (answer.kind === 'error') {
      const failed = answer === STATS_FAILED
      const status = failed ? BinaryStatus.InternalError : BinaryStatus.KeyNotFound
      writeBinaryStatus(writer, this.#asked, status)
      return
    }
    const stats = answer.kind === 'list' ? answer.stats : []
    for (const [name, value] of stats) writeBinaryStat(writer, this.#asked, name, value)
    writeBinaryStat(writer, this.#asked, '', '')
  }
}

const STATS_FAILED: StatsAnswer = {
  kind: 'error',
  line: 'SERVER_ERROR statistics are not available',
}
