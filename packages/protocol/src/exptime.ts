// What a memcached expiry time means (protocol.txt): 0 is never, negative is already expired, up
// to 30 days is relative, anything above is a unix time.

import { RELATIVE_EXPTIME_MAX_SECONDS } from './limits.ts'

/**
 * Time to live in whole ms of an item stored now: -1 for ever, 0 expired already. On the wire times
 * are whole seconds; whoever calls us in process may give fractions of one.
 */
export function ttlFromExptime(exptime: number, nowMs: number): number {
  if (exptime === 0) return -1
  if (exptime < 0) return 0
  if (exptime <= RELATIVE_EXPTIME_MAX_SECONDS) return Math.round(exptime * 1000)
  return Math.max(0, Math.round(exptime * 1000) - Math.floor(nowMs))
}
