/*
 * How long the store keeps a session. Pure.
 *
 * In sticky mode an unmodified session is not written, so its stored copy is kept longer than the
 * session lives by a slack, and renewed at most once per slack: it cannot vanish while it is in
 * use.
 */
import type { CookieOverrides } from './encoding/envelope.ts'

const SLACK_SECONDS_MAX = 60
/** memcached's clock ticks in seconds: what is stored for n seconds may live n - 1 only. */
const TICK_SECONDS = 1

/**
 * How long a session lives after its last use: as long as the cookie that the application gave it
 * (`session.cookie.maxAge`), unless `maxInactiveInterval` was set for all.
 */
export function lifeSeconds(
  settings: { maxInactiveSeconds: number; lifeFollowsCookie: boolean },
  cookie: CookieOverrides,
): number {
  const { maxAgeMs } = cookie
  if (!settings.lifeFollowsCookie || typeof maxAgeMs !== 'number')
    return settings.maxInactiveSeconds
  return Math.max(1, Math.ceil(maxAgeMs / 1000))
}

/** At most half of the session's life, so that short sessions are not kept long after their end. */
export function slackSeconds(maxInactiveSeconds: number): number {
  if (maxInactiveSeconds <= 0) return SLACK_SECONDS_MAX
  return Math.max(1, Math.min(SLACK_SECONDS_MAX, Math.floor(maxInactiveSeconds / 2)))
}

/** Time to live in the store in sticky mode; 0: for ever. */
export function storedTtlSeconds(maxInactiveSeconds: number): number {
  const ttlSeconds = masterTtlSeconds(maxInactiveSeconds)
  return ttlSeconds === 0 ? 0 : ttlSeconds + slackSeconds(maxInactiveSeconds)
}

/** Time to live where the store is the master: never less than the session's life; 0: for ever. */
export function masterTtlSeconds(maxInactiveSeconds: number): number {
  return maxInactiveSeconds <= 0 ? 0 : maxInactiveSeconds + TICK_SECONDS
}
