/**
 * What a meta reply makes of the operation that it answers: the two-letter code decides, the flags
 * that were asked for (pool-meta-request.ts) become the result's fields.
 */
import {
  Extra,
  Op,
  parseSigned,
  parseUint64,
  parseUnsigned,
  type Uint64Halves,
} from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { ItemMark, Outcome } from './outcome.ts'
import { isNumber } from './pool-line-reply.ts'

const SPACE = 32
const ZERO = 48
const ONE = 49
const FLAGS_MAX = 0xffff_ffff
/** Beside the marks: a flag whose token is none. */
const BAD_FLAG = -1

/** Where a reply lies: the line without its line end, and the value when there is one. */
export interface MetaReply {
  buf: Buffer
  start: number
  end: number
  valueStart: number
  valueEnd: number
}

const cas: Uint64Halves = { hi: 0, lo: 0 }

/** Decides by a reply; false when it is no reply to this operation. */
export function decideByMeta(operation: Operation, reply: MetaReply): boolean {
  const { buf, start } = reply
  if (reply.end > start + 2 && buf[start + 2] !== SPACE) return false
  const outcome = outcomeOf(operation, codeOf(buf, start))
  if (outcome === Outcome.Pending) return false
  if (outcome === Outcome.Counted && !isNumber(buf, reply.valueStart, reply.valueEnd)) return false
  operation.resultBuf = buf
  operation.resultStart = reply.valueStart
  operation.resultEnd = reply.valueEnd
  if (operation.kind === Op.Debug) {
    if (outcome === Outcome.Hit && !readDebugWords(operation, reply)) return false
  } else {
    if (!readFlags(operation, reply)) return false
    operation.stampHi = operation.resultCasHi
    operation.stampLo = operation.resultCasLo
  }
  operation.decide(outcome)
  return true
}

function outcomeOf(operation: Operation, code: number): Outcome {
  const { kind } = operation
  switch (code) {
    case CODE.HD:
      return asksForValue(operation) ? Outcome.Pending : successOf(kind)
    case CODE.VA:
      if (kind === Op.Incr || kind === Op.Decr) return Outcome.Counted
      return asksForValue(operation) ? Outcome.Hit : Outcome.Pending
    case CODE.EN:
      if (kind === Op.Touch) return Outcome.NotFound
      return isRead(kind) || kind === Op.Debug ? Outcome.Miss : Outcome.Pending
    case CODE.ME:
      return kind === Op.Debug ? Outcome.Hit : Outcome.Pending
    case CODE.NF:
      return isRead(kind) || kind === Op.Debug ? Outcome.Pending : Outcome.NotFound
    case CODE.NS:
      return isRead(kind) || kind === Op.Debug ? Outcome.Pending : Outcome.NotStored
    case CODE.EX:
      return isRead(kind) || kind === Op.Debug ? Outcome.Pending : Outcome.Exists
    default:
      return Outcome.Pending
  }
}

/** Whether the request had a `v`; a hit is `VA` then. */
function asksForValue({ kind, extras }: Operation): boolean {
  return isRead(kind) && kind !== Op.Touch && (extras & Extra.NoValue) === 0
}

function successOf(kind: Op): Outcome {
  if (kind === Op.Touch) return Outcome.Touched
  if (kind === Op.Delete) return Outcome.Deleted
  if (kind === Op.Incr || kind === Op.Decr || kind === Op.Debug) return Outcome.Pending
  return isRead(kind) ? Outcome.Hit : Outcome.Stored
}

/** Answered by `mg`. */
function isRead(kind: Op): boolean {
  switch (kind) {
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
    case Op.Touch:
      return true
    default:
      return false
  }
}

/** The words after the code, and after the length of a value; false when one is none. */
function readFlags(operation: Operation, reply: MetaReply): boolean {
  const { buf, end } = reply
  let marks = 0
  let at = reply.start + 2
  while (at < end) {
    const wordStart = at + 1
    let wordEnd = wordStart
    while (wordEnd < end && buf[wordEnd] !== SPACE) wordEnd++
    const mark = readFlag(operation, reply, wordStart, wordEnd)
    if (mark === BAD_FLAG) return false
    marks |= mark
    at = wordEnd
  }
  operation.resultMarks = marks
  return true
}

/** Takes one flag with its token; returns the mark that it sets, or `BAD_FLAG`. */
function readFlag(operation: Operation, reply: MetaReply, start: number, end: number): number {
  const { buf } = reply
  switch (buf[start]) {
    case 99: // c
      if (!parseUint64(buf, start + 1, end, cas)) return BAD_FLAG
      operation.resultCasHi = cas.hi
      operation.resultCasLo = cas.lo
      return 0
    case 102: // f
      operation.resultFlags = parseUnsigned(buf, start + 1, end)
      return operation.resultFlags < 0 || operation.resultFlags > FLAGS_MAX ? BAD_FLAG : 0
    case 115: // s: without a value only its length is told
      if (reply.valueEnd === 0) operation.resultEnd = parseUnsigned(buf, start + 1, end)
      return operation.resultEnd < 0 ? BAD_FLAG : 0
    case 116: // t
      operation.resultTtlSeconds = parseSigned(buf, start + 1, end)
      return Number.isNaN(operation.resultTtlSeconds) ? BAD_FLAG : 0
    case 108: // l
      operation.resultAccessSeconds = parseUnsigned(buf, start + 1, end)
      return operation.resultAccessSeconds < 0 ? BAD_FLAG : 0
    case 104: // h
      if (buf[start + 1] !== ONE && buf[start + 1] !== ZERO) return BAD_FLAG
      return buf[start + 1] === ONE ? ItemMark.Read : 0
    case 87: // W
      return ItemMark.Won
    case 88: // X
      return ItemMark.Stale
    case 90: // Z
      return ItemMark.WonBefore
    default:
      return 0
  }
}

/** `ME key exp=-1 la=2 cas=3 fetch=no cls=1 size=63`; a coming expiry is told as negative. */
function readDebugWords(operation: Operation, reply: MetaReply): boolean {
  const words = reply.buf.toString('latin1', reply.start, reply.end).split(' ').slice(2)
  const said = new Map(words.map((word) => [word.slice(0, word.indexOf('=')), word] as const))
  const numberOf = (name: string): number => {
    const token = Buffer.from(said.get(name)?.slice(name.length + 1) ?? '0')
    return parseSigned(token, 0, token.length)
  }
  const expiry = numberOf('exp')
  operation.resultTtlSeconds = expiry === -1 ? -1 : Math.abs(expiry)
  operation.resultAccessSeconds = numberOf('la')
  operation.resultStart = 0
  operation.resultEnd = numberOf('size')
  operation.resultMarks = said.get('fetch') === 'fetch=yes' ? ItemMark.Read : 0
  const casWord = Buffer.from(said.get('cas')?.slice('cas='.length) ?? '')
  if (!parseUint64(casWord, 0, casWord.length, cas)) return false
  operation.resultCasHi = cas.hi
  operation.resultCasLo = cas.lo
  return !Number.isNaN(expiry) && operation.resultAccessSeconds >= 0 && operation.resultEnd >= 0
}

function codeOf(buf: Buffer, at: number): number {
  return ((buf[at] ?? 0) << 8) | (buf[at + 1] ?? 0)
}

const CODE = {
  HD: 0x4844,
  VA: 0x5641,
  EN: 0x454e,
  NF: 0x4e46,
  NS: 0x4e53,
  EX: 0x4558,
  ME: 0x4d45,
} as const
