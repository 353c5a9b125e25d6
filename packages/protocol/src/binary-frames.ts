// The frames that Couchbase's clients put before a request's extras (magic 0x08): a byte of id and
// length each, then the contents. A barrier asks for what every connection of ours does anyway
// (requests are answered in order), a trace is for others; durability is kept; whatever else is
// asked, impersonation and preserved expiry too, is refused, as leaving it out would be wrong.

import { BinaryStatus } from './binary.ts'
import type { MemcachedRequest } from './request.ts'

const Frame = { Barrier: 0, Durability: 1, Trace: 3 } as const
/** An id or length of 15 goes on in a byte of its own. */
const ESCAPE = 15
const DURABILITY_LEVEL_MAX = 3

/** Reads the frames from `start` to `end` into the request; answers the status, 0 when all is well. */
export function readFrames(
  buf: Buffer,
  start: number,
  end: number,
  request: Pick<MemcachedRequest, 'durabilityLevel' | 'durabilityTimeoutMs'>,
): number {
  let at = start
  while (at < end) {
    const head = buf[at++] ?? 0
    let id = head >>> 4
    let bytes = head & ESCAPE
    if (id === ESCAPE && at < end) id += buf[at++] ?? 0
    if (bytes === ESCAPE && at < end) bytes += buf[at++] ?? 0
    if (at + bytes > end) return BinaryStatus.InvalidArguments
    if (id === Frame.Durability) {
      if (bytes !== 1 && bytes !== 3) return BinaryStatus.InvalidArguments
      request.durabilityLevel = buf[at] ?? 0
      request.durabilityTimeoutMs = bytes === 3 ? buf.readUInt16BE(at + 1) : 0
      const { durabilityLevel: level } = request
      if (level < 1 || level > DURABILITY_LEVEL_MAX) return BinaryStatus.DurabilityInvalidLevel
    } else if (id !== Frame.Barrier && id !== Frame.Trace) {
      return BinaryStatus.UnknownFrame
    }
    at += bytes
  }
  return BinaryStatus.Success
}
