// What a memcached expiry time means (protocol.txt): 0 is never, negative is already expired, up
// to 30 days is relative, anything above is a unix time.

import { RELATIVE_EXPTIME_MAX_SECONDS } from './limits.ts'

/** Time to live in ms of an item stored now: -1 for ever, 0 expired already. */
export function ttlFromExptime(exptime: number, nowMs: number): number {
  if (exptime === 0) return -1
  if (exptime < 0) return 0
  if (exptime <= RELATIVE_EXPTIME_MAX_SECONDS) return exptime * 1000
  return Math.max(0, exptime * 1000 - Math.floor(nowMs))
}
