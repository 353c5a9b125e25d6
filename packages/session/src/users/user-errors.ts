/*
 * The operational failures that come from a user's sessions. Each has a stable `code` and the HTTP
 * `status`; both stand whatever `storeFailure` says.
 */

/** The user has `sessionsPerUserMax` sessions, and the policy is `reject`. */
export class TooManyUserSessionsError extends Error {
  readonly code = 'HOLDFAST_TOO_MANY_USER_SESSIONS'
  readonly status = 403
  constructor(sessionsMax: number) {
    super(`user has ${sessionsMax} sessions already, which is sessionsPerUserMax`)
    this.name = 'TooManyUserSessionsError'
  }
}

/** The session was revoked while it was being stored. */
export class SessionRevokedError extends Error {
  readonly code = 'HOLDFAST_SESSION_REVOKED'
  readonly status = 403
  constructor() {
    super('session was revoked while its login was being stored')
    this.name = 'SessionRevokedError'
  }
}

/** `userOf` gave something that is no user; it is the application's to mend. */
export class UnusableUserError extends Error {
  readonly code = 'HOLDFAST_UNUSABLE_USER'
  readonly status = 500
  constructor(user: unknown) {
    super(`userOf must give a text or a number, or nothing, not ${typeof user}`)
    this.name = 'UnusableUserError'
  }
}

/** True for logins that no policy lets pass. */
export function isLoginRefusal(error: unknown): boolean {
  return (
    error instanceof TooManyUserSessionsError ||
    error instanceof SessionRevokedError ||
    error instanceof UnusableUserError
  )
}
