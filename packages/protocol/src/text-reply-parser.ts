// Client side parser of memcached's text protocol. It knows what a reply is by itself (VALUE up to
// END, STAT up to END, single lines), so it needs no knowledge of the requests; the client matches
// replies to requests by their order. Errors of the server are replies; other bytes throw.

import { parseUnsigned } from './decimal.ts'
import {
  KEY_BYTES_MAX,
  REPLY_BYTES_MAX,
  REPLY_ITEMS_MAX,
  REPLY_LINE_BYTES_MAX,
  VALUE_BYTES_MAX_DEFAULT,
} from './limits.ts'
import { ProtocolError } from './protocol-error.ts'

/** One item of a get reply. */
export interface TextItem {
  /** Decoded as UTF-8, as the request writer encodes it. */
  key: string
  flags: number
  value: Buffer
  /** Decimal; only after gets and gats. */
  cas?: string
}

const STATUSES = [
  'STORED',
  'NOT_STORED',
  'EXISTS',
  'NOT_FOUND',
  'DELETED',
  'TOUCHED',
  'OK',
  'RESET',
] as const

/** The one-word replies that are neither a number nor an error. */
export type TextStatus = (typeof STATUSES)[number]

/** The three error classes of the protocol. */
export type TextErrorKind = 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR'

/** The meta replies without a value. */
export type MetaCode = 'HD' | 'NS' | 'EX' | 'NF' | 'EN' | 'MN'

/** One reply; a get or stats that found nothing is `values` without items. */
export type TextReply =
  | { type: 'values'; items: TextItem[] }
  | { type: 'status'; status: TextStatus }
  | { type: 'number'; value: bigint }
  | { type: 'version'; version: string }
  | { type: 'stats'; stats: Map<string, string> }
  | { type: 'meta'; code: MetaCode; flags: string }
  | { type: 'error'; kind: TextErrorKind; message: string }

/** Options of `TextReplyParser`. */
export interface TextReplyParserOptions {
  /** Longest value in bytes. */
  valueBytesMax?: number
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const VALUE_FIRST_BYTES_MAX = 1024 * 1024
const EMPTY: Buffer = Buffer.alloc(0)
const STATUS_BY_LINE: ReadonlyMap<string, TextStatus> = new Map(STATUSES.map((s) => [s, s]))

/**
 * Client side parser of memcached's text protocol.
 *
 * @example
 * const parser = new TextReplyParser()
 * socket.on('data', (chunk) => parser.push(chunk, (reply) => pending.shift()?.resolve(reply)))
 */
export class TextReplyParser {
  readonly #valueBytesMax: number
  #partialLine: Buffer = EMPTY
  #items: TextItem[] = []
  /** Bytes of the values in `#items`. */
  #itemBytes = 0
  #stats: Map<string, string> | undefined
  #item: TextItem | undefined
  /** The value of `#item` and its line end, as far as it has arrived. */
  #value: Buffer = EMPTY
  #valueBytes = 0
  #valueNeeded = 0

  constructor(options: TextReplyParserOptions = {}) {
    this.#valueBytesMax = options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT
  }

  /** Bytes of an incomplete line or value that the parser holds. */
  get bufferedBytes(): number {
    return this.#partialLine.length + this.#valueBytes
  }

  /**
   * Takes ownership of the chunk and reports the replies that it completes, in order. Throws
   * `ProtocolError` at bytes that are no reply; the parser is of no use after that.
   */
  push(chunk: Buffer, onReply: (reply: TextReply) => void): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#item !== undefined) {
        at = this.#readValue(chunk, at, this.#item)
        continue
      }
      const lineFeed = chunk.indexOf(LINE_FEED, at)
      if (lineFeed < 0) {
        this.#keepLine(chunk.subarray(at))
        return
      }
      let line = chunk.subarray(at, lineFeed + 1)
      if (this.#partialLine.length > 0) {
        line = Buffer.concat([this.#partialLine, line])
        this.#partialLine = EMPTY
      }
      at = lineFeed + 1
      this.#readLine(line, onReply)
    }
  }

  #keepLine(part: Buffer): void {
    const bytes = this.#partialLine.length + part.length
    if (bytes > REPLY_LINE_BYTES_MAX) throw new ProtocolError('reply line too long')
    this.#partialLine = Buffer.concat([this.#partialLine, part])
  }

  #readLine(line: Buffer, onReply: (reply: TextReply) => void): void {
    if (line.length > REPLY_LINE_BYTES_MAX) throw new ProtocolError('reply line too long')
    const end = line.at(-2) === CARRIAGE_RETURN ? line.length - 2 : line.length - 1
    const text = line.toString('latin1', 0, end)
    if (text.startsWith('VALUE ')) {
      this.#beginItem(line.toString('utf8', 6, end), line, end)
      return
    }
    if (text.startsWith('STAT ')) {
      this.#addStat(line.toString('utf8', 5, end))
      return
    }
    if (text === 'END') {
      onReply(this.#finishList())
      return
    }
    const error = errorReply(text)
    if (error !== undefined) {
      // memcached's own proxy may break off a list with an error.
      this.#finishList()
      onReply(error)
      return
    }
    if (this.#items.length > 0 || this.#stats !== undefined) {
      throw new ProtocolError('reply inside a list')
    }
    onReply(lineReply(text))
  }

  #finishList(): TextReply {
    const stats = this.#stats
    const items = this.#items
    this.#stats = undefined
    this.#items = []
    this.#itemBytes = 0
    return stats === undefined ? { type: 'values', items } : { type: 'stats', stats }
  }

  #beginItem(text: string, line: Buffer, end: number): void {
    const words = text.split(' ')
    const [key = '', flagsText = '', bytesText = '', cas] = words
    const flags = unsigned(flagsText)
    const valueBytes = unsigned(bytesText)
    const valid =
      key !== '' &&
      line.length - end <= 2 &&
      Buffer.byteLength(key) <= KEY_BYTES_MAX * 3 &&
      flags >= 0 &&
      flags <= 0xffff_ffff &&
      valueBytes >= 0 &&
      words.length <= 4 &&
      (cas === undefined || /^[0-9]{1,20}$/.test(cas))
    if (!valid || this.#stats !== undefined) throw new ProtocolError('bad VALUE line')
    if (valueBytes > this.#valueBytesMax) {
      throw new ProtocolError(`value of ${valueBytes} bytes exceeds ${this.#valueBytesMax}`)
    }
    this.#itemBytes += valueBytes
    if (this.#items.length >= REPLY_ITEMS_MAX || this.#itemBytes > REPLY_BYTES_MAX) {
      throw new ProtocolError('too many items')
    }
    this.#item =
      cas === undefined ? { key, flags, value: EMPTY } : { key, flags, value: EMPTY, cas }
    this.#valueNeeded = valueBytes + 2
    this.#value = EMPTY
    this.#valueBytes = 0
  }

  #readValue(chunk: Buffer, from: number, item: TextItem): number {
    const taken = Math.min(this.#valueNeeded - this.#valueBytes, chunk.length - from)
    const bytes = this.#valueBytes + taken
    if (taken === this.#valueNeeded) {
      this.#value = chunk.subarray(from, from + taken)
    } else {
      if (bytes > this.#value.length) {
        const first = Math.min(this.#valueNeeded, VALUE_FIRST_BYTES_MAX)
        const doubled = Math.min(this.#valueNeeded, this.#value.length * 2)
        const larger = Buffer.allocUnsafe(Math.max(bytes, first, doubled))
        this.#value.copy(larger, 0, 0, this.#valueBytes)
        this.#value = larger
      }
      chunk.copy(this.#value, this.#valueBytes, from, from + taken)
    }
    this.#valueBytes = bytes
    if (bytes === this.#valueNeeded) this.#finishItem(item)
    return from + taken
  }

  #finishItem(item: TextItem): void {
    const end = this.#valueNeeded - 2
    if (this.#value[end] !== CARRIAGE_RETURN || this.#value[end + 1] !== LINE_FEED) {
      throw new ProtocolError('bad end of value')
    }
    item.value = this.#value.subarray(0, end)
    this.#items.push(item)
    this.#item = undefined
    this.#value = EMPTY
    this.#valueBytes = 0
  }

  #addStat(text: string): void {
    if (this.#items.length > 0) throw new ProtocolError('STAT among items')
    this.#stats ??= new Map()
    if (this.#stats.size >= REPLY_ITEMS_MAX) throw new ProtocolError('too many stats')
    const blank = text.indexOf(' ')
    if (blank < 0) this.#stats.set(text, '')
    else this.#stats.set(text.slice(0, blank), text.slice(blank + 1))
  }
}

function errorReply(text: string): TextReply | undefined {
  const match = /^(ERROR|CLIENT_ERROR|SERVER_ERROR)(?:[ :](.*))?$/.exec(text)
  if (match === null) return undefined
  const kind: TextErrorKind =
    match[1] === 'ERROR' || match[1] === 'CLIENT_ERROR' ? match[1] : 'SERVER_ERROR'
  return { type: 'error', kind, message: (match[2] ?? '').trim() }
}

function lineReply(text: string): TextReply {
  const status = STATUS_BY_LINE.get(text)
  if (status !== undefined) return { type: 'status', status }
  // decr leaves blanks behind a number that became shorter.
  const number = /^([0-9]{1,20}) *$/.exec(text)?.[1]
  if (number !== undefined) return { type: 'number', value: BigInt(number) }
  const [, code, flags = ''] = /^(HD|NS|EX|NF|EN|MN)(?: (.*))?$/.exec(text) ?? []
  if (code !== undefined) return { type: 'meta', code: code as MetaCode, flags }
  if (text.startsWith('VERSION ')) return { type: 'version', version: text.slice(8) }
  throw new ProtocolError(`unknown reply line of ${text.length} bytes`)
}

function unsigned(text: string): number {
  const bytes = Buffer.from(text)
  return parseUnsigned(bytes, 0, bytes.length)
}
