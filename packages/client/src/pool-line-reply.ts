/**
 * What a one-line reply of memcached's text protocol makes of the operation that it answers.
 */
import { Op } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'

const STORED: Buffer = Buffer.from('STORED')
const NOT_STORED: Buffer = Buffer.from('NOT_STORED')
const EXISTS: Buffer = Buffer.from('EXISTS')
const NOT_FOUND: Buffer = Buffer.from('NOT_FOUND')
const DELETED: Buffer = Buffer.from('DELETED')
const TOUCHED: Buffer = Buffer.from('TOUCHED')
const OK: Buffer = Buffer.from('OK')
const SERVER_ERROR: Buffer = Buffer.from('SERVER_ERROR')
const CLIENT_ERROR: Buffer = Buffer.from('CLIENT_ERROR')
const ERROR: Buffer = Buffer.from('ERROR')

const SPACE = 32
const ZERO = 48
const NINE = 57
const COLON = 58

/** The outcomes that a kind of operation can have, as bits. */
const STORE_OUTCOMES: number = bits(
  Outcome.Stored,
  Outcome.NotStored,
  Outcome.Exists,
  Outcome.NotFound,
)
const COUNT_OUTCOMES: number = bits(Outcome.Counted, Outcome.NotFound)
const OUTCOMES_OF: Readonly<Record<number, number>> = {
  [Op.Set]: STORE_OUTCOMES,
  [Op.Add]: STORE_OUTCOMES,
  [Op.Replace]: STORE_OUTCOMES,
  [Op.Append]: STORE_OUTCOMES,
  [Op.Prepend]: STORE_OUTCOMES,
  [Op.Cas]: STORE_OUTCOMES,
  [Op.Incr]: COUNT_OUTCOMES,
  [Op.Decr]: COUNT_OUTCOMES,
  [Op.Delete]: bits(Outcome.Deleted, Outcome.NotFound),
  [Op.Touch]: bits(Outcome.Touched, Outcome.NotFound),
  [Op.FlushAll]: bits(Outcome.Ok),
}

/** Decides by the line without its line end; false when it is no reply to this operation. */
export function decideByLine(
  operation: Operation,
  buf: Buffer,
  start: number,
  end: number,
): boolean {
  const outcome = outcomeOf(buf, start, end)
  if (outcome === Outcome.Pending) return decideByErrorLine(operation, buf, start, end)
  if ((((OUTCOMES_OF[operation.kind] ?? 0) >> outcome) & 1) === 0) return false
  if (outcome === Outcome.Counted) {
    operation.resultBuf = buf
    operation.resultStart = start
    operation.resultEnd = end
  }
  operation.decide(outcome)
  return true
}

/** Decides by ERROR, CLIENT_ERROR or SERVER_ERROR; false when the line is none of them. */
export function decideByErrorLine(
  operation: Operation,
  buf: Buffer,
  start: number,
  end: number,
): boolean {
  if (!isErrorLine(buf, start, end)) return false
  const failed = beginsWith(buf, start, end, SERVER_ERROR)
  operation.decide(failed ? Outcome.Failed : Outcome.Refused, buf.toString('latin1', start, end))
  return true
}

/** True for a line of one of the three errors, with or without a text. */
export function isErrorLine(buf: Buffer, start: number, end: number): boolean {
  return (
    saysError(buf, start, end, SERVER_ERROR) ||
    saysError(buf, start, end, CLIENT_ERROR) ||
    saysError(buf, start, end, ERROR)
  )
}

function saysError(buf: Buffer, start: number, end: number, word: Buffer): boolean {
  if (!beginsWith(buf, start, end, word)) return false
  const after = start + word.length
  return after === end || buf[after] === SPACE || buf[after] === COLON
}

/** True for a bare `ERROR`, the reply to a command that the server does not know. */
export function isUnknownCommand(buf: Buffer, start: number, end: number): boolean {
  return end - start === ERROR.length && beginsWith(buf, start, end, ERROR)
}

function outcomeOf(buf: Buffer, start: number, end: number): Outcome {
  switch (buf[start]) {
    case 83:
      return equals(buf, start, end, STORED) ? Outcome.Stored : Outcome.Pending
    case 78:
      if (equals(buf, start, end, NOT_FOUND)) return Outcome.NotFound
      return equals(buf, start, end, NOT_STORED) ? Outcome.NotStored : Outcome.Pending
    case 69:
      return equals(buf, start, end, EXISTS) ? Outcome.Exists : Outcome.Pending
    case 68:
      return equals(buf, start, end, DELETED) ? Outcome.Deleted : Outcome.Pending
    case 84:
      return equals(buf, start, end, TOUCHED) ? Outcome.Touched : Outcome.Pending
    case 79:
      return equals(buf, start, end, OK) ? Outcome.Ok : Outcome.Pending
    default:
      return isNumber(buf, start, end) ? Outcome.Counted : Outcome.Pending
  }
}

/** True for the digits of an unsigned 64 bit number. */
export function isNumber(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buf[at] ?? 0
    if (byte < ZERO || byte > NINE) return false
  }
  return end > start && end - start <= 20
}

function equals(buf: Buffer, start: number, end: number, word: Buffer): boolean {
  return end - start === word.length && beginsWith(buf, start, end, word)
}

function beginsWith(buf: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start < word.length) return false
  for (let i = 0; i < word.length; i++) {
    if (buf[start + i] !== word[i]) return false
  }
  return true
}

function bits(...outcomes: number[]): number {
  return outcomes.reduce((sum, outcome) => sum | (1 << outcome), 0)
}
