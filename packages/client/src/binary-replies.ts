/**
 * What a reply of the binary protocol means for an operation. Pure: it fills in the outcome. The
 * texts are memcached's own where it has one for the case, else moxi's (`a2b ...`); a failure never
 * looks like a miss.
 */
import { type BinaryReply, BinaryStatus, Extra, Op, readUint32 } from '@holdfast/protocol'
import { comparesWithZero } from './binary-commands.ts'
import type { Operation } from './operation.ts'
import { Outcome } from './outcome.ts'

/** Reply line of an operation that no server of a bucket would take. */
export const NOT_MY_VBUCKET_LINE = 'SERVER_ERROR a2b not_my_vbucket'

const NOT_A_NUMBER_LINE = 'CLIENT_ERROR cannot increment or decrement non-numeric value'
const NO_FLUSH_LINE = 'SERVER_ERROR flush_all not supported'
/** Couchbase: the item is locked by getl; the credentials may not do this. */
const LOCKED = 0x09
const NO_ACCESS = 0x24

const LINES: ReadonlyMap<number, string> = new Map([
  [BinaryStatus.TooLarge, 'SERVER_ERROR object too large for cache'],
  [BinaryStatus.InvalidArguments, 'SERVER_ERROR a2b einval'],
  [BinaryStatus.NotMyVBucket, NOT_MY_VBUCKET_LINE],
  [BinaryStatus.NoBucket, 'SERVER_ERROR a2b no bucket'],
  [LOCKED, 'SERVER_ERROR a2b locked'],
  [BinaryStatus.AuthError, 'SERVER_ERROR a2b auth_error'],
  [BinaryStatus.AuthContinue, 'SERVER_ERROR a2b auth_continue'],
  [NO_ACCESS, 'SERVER_ERROR a2b eaccess'],
  [BinaryStatus.UnknownCommand, 'SERVER_ERROR a2b unknown'],
  [BinaryStatus.OutOfMemory, 'SERVER_ERROR a2b out of memory'],
  [BinaryStatus.NotSupported, 'SERVER_ERROR a2b not supported'],
  [BinaryStatus.InternalError, 'SERVER_ERROR a2b einternal'],
  [BinaryStatus.Busy, 'SERVER_ERROR a2b ebusy'],
  [BinaryStatus.TemporaryFailure, 'SERVER_ERROR temporary failure'],
])

/** Decides `operation` from `reply`, whose bytes are never overwritten. */
export function decideFromBinaryReply(operation: Operation, reply: BinaryReply): void {
  const { status } = reply
  if (status === BinaryStatus.Success) decideSuccess(operation, reply)
  else if (status === BinaryStatus.KeyNotFound) decideNotFound(operation)
  else if (status === BinaryStatus.KeyExists) operation.decide(existsOutcome(operation))
  else decideFailure(operation, status)
}

function decideSuccess(operation: Operation, reply: BinaryReply): void {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
      keepHit(operation, reply)
      return
    case Op.Incr:
    case Op.Decr:
      keepCount(operation, reply)
      break
    case Op.Delete:
      operation.decide(comparesWithZero(operation) ? Outcome.Exists : Outcome.Deleted)
      break
    case Op.Cas:
      operation.decide(comparesWithZero(operation) ? Outcome.Exists : Outcome.Stored)
      break
    case Op.Touch:
      keepHit(operation, reply)
      operation.decide(Outcome.Touched)
      break
    case Op.FlushAll:
      operation.decide(Outcome.Ok)
      break
    default:
      operation.decide(Outcome.Stored)
  }
  operation.stampHi = reply.casHi
  operation.stampLo = reply.casLo
}

function keepHit(operation: Operation, reply: BinaryReply): void {
  const { buf, extrasStart } = reply
  operation.resultBuf = buf
  operation.resultStart = reply.valueStart
  operation.resultEnd = reply.valueEnd
  operation.resultFlags = reply.keyStart - extrasStart >= 4 ? readUint32(buf, extrasStart) : 0
  operation.resultCasHi = reply.casHi
  operation.resultCasLo = reply.casLo
  operation.decide(Outcome.Hit)
}

/** The wire has a 64 bit number, the operation wants its digits. */
function keepCount(operation: Operation, reply: BinaryReply): void {
  const { buf, valueStart, valueEnd } = reply
  if (valueEnd - valueStart !== 8) {
    operation.decide(Outcome.Failed, 'SERVER_ERROR a2b arith error')
    return
  }
  const upper = readUint32(buf, valueStart)
  const digits =
    upper === 0 ? String(readUint32(buf, valueStart + 4)) : String(buf.readBigUInt64BE(valueStart))
  operation.resultBuf = Buffer.from(digits, 'latin1')
  operation.resultStart = 0
  operation.resultEnd = digits.length
  operation.decide(Outcome.Counted)
}

function decideNotFound(operation: Operation): void {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
      operation.decide(Outcome.Miss)
      break
    case Op.Replace:
      operation.decide(comparesCas(operation) ? Outcome.NotFound : Outcome.NotStored)
      break
    case Op.Append:
    case Op.Prepend:
      operation.decide(Outcome.NotStored)
      break
    case Op.Set:
    case Op.FlushAll:
      operation.decide(Outcome.Failed, 'SERVER_ERROR a2b error')
      break
    default:
      operation.decide(Outcome.NotFound)
  }
}

function existsOutcome(operation: Operation): Outcome {
  if (operation.kind === Op.Add && !comparesCas(operation)) return Outcome.NotStored
  return Outcome.Exists
}

function comparesCas(operation: Operation): boolean {
  if ((operation.extras & Extra.Compare) === 0) return false
  return operation.casHi !== 0 || operation.casLo !== 0
}

function decideFailure(operation: Operation, status: number): void {
  if (status === BinaryStatus.NotStored) {
    operation.decide(Outcome.NotStored)
  } else if (status === BinaryStatus.NotNumeric) {
    operation.decide(Outcome.Refused, NOT_A_NUMBER_LINE)
  } else if (operation.kind === Op.FlushAll && unknownToServer(status)) {
    operation.decide(Outcome.Failed, NO_FLUSH_LINE)
  } else {
    operation.decide(Outcome.Failed, LINES.get(status) ?? 'SERVER_ERROR a2b error')
  }
}

function unknownToServer(status: number): boolean {
  return status === BinaryStatus.UnknownCommand || status === BinaryStatus.NotSupported
}
