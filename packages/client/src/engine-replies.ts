/**
 * What an engine's reply means for a memcached operation. Pure: it fills in the outcome and says
 * whether that is an answer or a reason to hold the operation back and try again, because the
 * engine is not (or no longer, or not yet) a primary that can serve it.
 */
import { Extra, Op, RespKind, type RespReply } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'
import { keepItem, leavesRecache } from './result-item.ts'

const NOT_A_NUMBER_LINE = 'CLIENT_ERROR cannot increment or decrement non-numeric value'
const TOO_LARGE_LINE = 'SERVER_ERROR object too large for cache'
/** Reply line of an operation on an item that somebody else has locked. */
export const LOCKED_LINE = 'SERVER_ERROR item is locked'
/** Reply line of an unlock of an item that nobody has locked. */
export const NOT_LOCKED_LINE = 'SERVER_ERROR item is not locked'
const LOCKED = -4
const OUT_OF_MEMORY_LINE = 'SERVER_ERROR out of memory storing object'

/** Error codes that say "not here, not now": a failover is under way or the engine is starting. */
const HOLD_CODES: ReadonlySet<string> = new Set([
  'MOVED',
  'ASK',
  'READONLY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'TRYAGAIN',
  'NOREPLICAS',
  'UNBLOCKED',
  'BUSY',
  'NOAUTH',
])

/**
 * Decides `operation` from `reply`.
 *
 * @returns true when it is decided, false when it has to be held and sent again
 */
export function decideFromReply(operation: Operation, reply: RespReply): boolean {
  if (reply.kind === RespKind.Error) return decideFromError(operation, reply)
  if (operation.guarded && reply.kind === RespKind.Int && reply.int === LOCKED) {
    operation.decide(Outcome.Failed, LOCKED_LINE)
    return true
  }
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
    case Op.Debug:
      return decideItem(operation, reply)
    case Op.Set:
    case Op.Replace:
    case Op.Add:
      decideStore(operation, reply)
      break
    case Op.Cas:
      decideFunction(operation, reply, Outcome.Exists, Outcome.NotFound)
      break
    case Op.Append:
    case Op.Prepend:
      decideFunction(operation, reply, Outcome.Exists, Outcome.NotStored)
      break
    case Op.Incr:
    case Op.Decr:
      decideCount(operation, reply)
      break
    case Op.Delete:
      decideDelete(operation, reply)
      break
    case Op.Touch:
      decideTouch(operation, reply)
      break
    case Op.GetLocked:
      decideLock(operation, reply)
      break
    case Op.Unlock:
      decideUnlock(operation, reply)
      break
    default:
      operation.decide(Outcome.Ok)
  }
  return true
}

/** The text of an error or simple string. */
export function replyText(reply: RespReply): string {
  return reply.buf.toString('latin1', reply.start, reply.end)
}

/** Whether an error reply, as text, is a reason to hold operations back. */
export function holdsBack(text: string): boolean {
  const space = text.indexOf(' ')
  if (HOLD_CODES.has(space < 0 ? text : text.slice(0, space))) return true
  // The store loads the function library on a fresh primary a moment after it became one.
  return text.startsWith('ERR Function not found') || text.startsWith('ERR WAIT cannot be used')
}

function decideFromError(operation: Operation, reply: RespReply): boolean {
  const text = replyText(reply)
  if (holdsBack(text)) return false
  operation.decide(
    Outcome.Failed,
    text.startsWith('OOM') ? OUT_OF_MEMORY_LINE : `SERVER_ERROR engine: ${oneLine(text)}`,
  )
  return true
}

/** GET and GETEX answer the item, the read function an array, both null for a miss. */
function decideItem(operation: Operation, reply: RespReply): boolean {
  if (reply.kind === RespKind.Bulk) {
    keepItem(operation, reply.buf, reply.start, reply.end)
    if (leavesRecache(operation)) return false
    operation.decide(Outcome.Hit)
  } else if (reply.kind === RespKind.Array) {
    keepRead(operation, reply)
    operation.decide(Outcome.Hit)
  } else {
    operation.decide(Outcome.Miss)
  }
  return true
}

function keepRead(operation: Operation, reply: RespReply): void {
  const [item, marks, ttl, idle] = reply.items
  if (item === undefined) return
  keepItem(operation, item.buf, item.start, item.end)
  operation.resultMarks = marks?.int ?? 0
  operation.resultTtlSeconds = secondsOf(ttl?.int ?? -1)
  operation.resultAccessSeconds = Math.max(0, idle?.int ?? 0)
}

function decideTouch(operation: Operation, reply: RespReply): void {
  if (reply.kind !== RespKind.Array) {
    operation.decide(positive(reply) ? Outcome.Touched : Outcome.NotFound)
    return
  }
  keepRead(operation, reply)
  operation.decide(Outcome.Touched)
}

/** The item as it is, with the CAS that opens the lock; a number when it was locked before. */
function decideLock(operation: Operation, reply: RespReply): void {
  if (reply.kind === RespKind.Int) {
    operation.decide(Outcome.Failed, LOCKED_LINE)
    return
  }
  decideItem(operation, reply)
  operation.resultCasHi = operation.stampHi
  operation.resultCasLo = operation.stampLo
}

function decideUnlock(operation: Operation, reply: RespReply): void {
  if (reply.int === 1) operation.decide(Outcome.Ok)
  else if (reply.int === -1) operation.decide(Outcome.NotFound)
  else operation.decide(Outcome.Failed, reply.int === LOCKED ? LOCKED_LINE : NOT_LOCKED_LINE)
}

/** DEL answers a count; the function also 0 for another CAS and -1 for nothing there. */
function decideDelete(operation: Operation, reply: RespReply): void {
  if (positive(reply)) operation.onceDeleted = true
  if (operation.onceDeleted) operation.decide(Outcome.Deleted)
  else if (reply.int === 0 && comparesOnDelete(operation)) operation.decide(Outcome.Exists)
  else operation.decide(Outcome.NotFound)
}

function comparesOnDelete(operation: Operation): boolean {
  return (operation.extras & Extra.Compare) !== 0
}

/** SET answers OK or null, EXISTS and DEL (an item stored as expired) and holdfast_add a number. */
function decideStore(operation: Operation, reply: RespReply): void {
  if (operation.kind !== Op.Set && (operation.extras & Extra.Compare) !== 0) {
    decideFunction(operation, reply, Outcome.Exists, Outcome.NotFound)
    return
  }
  const found = reply.kind !== RespKind.Null && (reply.kind !== RespKind.Int || reply.int > 0)
  let stored = found
  if (operation.kind === Op.Set) stored = true
  // EXISTS is the only number a first attempt of add can get, and there a hit means "refused".
  else if (operation.kind === Op.Add && operation.ttlMs === 0 && operation.attempts === 1) {
    stored = !found
  }
  operation.decide(stored ? Outcome.Stored : Outcome.NotStored)
}

function decideFunction(
  operation: Operation,
  reply: RespReply,
  refused: Outcome,
  missing: Outcome,
): void {
  const result = reply.kind === RespKind.Int ? reply.int : 0
  if (result === 1) operation.decide(Outcome.Stored)
  else if (result === -1) operation.decide(missing)
  else if (result === -3) operation.decide(Outcome.Failed, TOO_LARGE_LINE)
  else operation.decide(refused)
}

function decideCount(operation: Operation, reply: RespReply): void {
  const [digits, ttl] = reply.items
  if (reply.kind === RespKind.Bulk) {
    keepNumber(operation, reply)
  } else if (reply.kind === RespKind.Array && digits !== undefined) {
    keepNumber(operation, digits)
    operation.resultTtlSeconds = secondsOf(ttl?.int ?? -1)
  } else if (reply.int === -1) {
    operation.decide(Outcome.NotFound)
  } else if (reply.int === 0) {
    operation.decide(Outcome.Exists)
  } else {
    operation.decide(Outcome.Refused, NOT_A_NUMBER_LINE)
  }
}

function keepNumber(operation: Operation, digits: RespReply): void {
  operation.resultBuf = digits.buf
  operation.resultStart = digits.start
  operation.resultEnd = digits.end
  operation.decide(Outcome.Counted)
}

/** Whole seconds to live, any part of one counting in full; -1 never expires. */
function secondsOf(ttlMs: number): number {
  return ttlMs < 0 ? -1 : Math.ceil(ttlMs / 1000)
}

/** PEXPIRE and DEL answer a count, GETEX the item or null. */
function positive(reply: RespReply): boolean {
  return reply.kind === RespKind.Bulk || (reply.kind === RespKind.Int && reply.int > 0)
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').slice(0, 200)
}
