/**
 * Copying an item from one pool to another by way of operations: the question with which it is read
 * there, and the add that stores it here.
 */
import type { Operation } from '@holdfast/client'
import { Dialect, Extra, Op, RELATIVE_EXPTIME_MAX_SECONDS } from '@holdfast/protocol'

/** Meta flags of the question: value, flags, time to live. */
const QUESTION_FLAGS: Buffer = Buffer.from(' v f t')

/** Makes `child` read the item that its parent is about; with its time to live only meta can. */
export function askWithTtl(child: Operation, wantsTtl: boolean): Operation {
  const key = child.buf.subarray(child.keyStart, child.keyEnd)
  plain(child, Op.Get)
  if (!wantsTtl) return child
  child.dialect = Dialect.Meta
  child.extras = Extra.WantTtl
  child.buf = Buffer.concat([key, QUESTION_FLAGS])
  child.keyStart = 0
  child.keyEnd = key.length
  child.metaStart = key.length
  child.metaEnd = child.buf.length
  return child
}

/** Makes `child` add what was `found`, with the given time to live or with what it has left. */
export function makeAdd(
  child: Operation,
  found: Operation,
  ttlSeconds: number | undefined,
  nowMs: number,
): Operation {
  const key = child.buf.subarray(child.keyStart, child.keyEnd)
  const value = found.resultBuf.subarray(found.resultStart, found.resultEnd)
  plain(child, Op.Add)
  child.buf = Buffer.concat([key, value])
  child.keyStart = 0
  child.keyEnd = key.length
  child.valueStart = key.length
  child.valueEnd = child.buf.length
  child.flags = found.resultFlags
  child.exptime = ttlSeconds ?? exptimeOf(found.resultTtlSeconds, nowMs)
  return child
}

/** An item in its last second has a second. */
function exptimeOf(ttlSeconds: number, nowMs: number): number {
  if (ttlSeconds < 0) return 0
  if (ttlSeconds <= RELATIVE_EXPTIME_MAX_SECONDS) return Math.max(1, ttlSeconds)
  return Math.floor(nowMs / 1000) + ttlSeconds
}

function plain(child: Operation, kind: Op): void {
  child.kind = kind
  child.dialect = Dialect.Text
  child.extras = 0
  child.noreply = false
  child.quiet = false
  child.casHi = 0
  child.casLo = 0
  child.valueStart = 0
  child.valueEnd = 0
  child.metaStart = 0
  child.metaEnd = 0
}
