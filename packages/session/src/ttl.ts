/*
 * How long the store keeps a session. Pure.
 *
 * In sticky mode an unmodified session is not written, so its stored copy is kept longer than the
 * session lives by a slack, and renewed at most once per slack: it cannot vanish while it is in
 * use.
 */
const SLACK_SECONDS_MAX = 60

/** At most half of the session's life, so that short sessions are not kept long after their end. */
export function slackSeconds(maxInactiveSeconds: number): number {
  if (maxInactiveSeconds <= 0) return SLACK_SECONDS_MAX
  return Math.max(1, Math.min(SLACK_SECONDS_MAX, Math.floor(maxInactiveSeconds / 2)))
}

/** Time to live in the store in sticky mode; 0: for ever. */
export function storedTtlSeconds(maxInactiveSeconds: number): number {
  return maxInactiveSeconds <= 0 ? 0 : maxInactiveSeconds + slackSeconds(maxInactiveSeconds)
}
