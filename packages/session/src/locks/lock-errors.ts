/*
 * The operational failures that come from locks. Each has a stable `code` and an HTTP `status`.
 */

/** Other requests of the session did not give up its lock within `lockWait`. */
export class SessionLockTimeoutError extends Error {
  readonly code = 'HOLDFAST_SESSION_LOCK_TIMEOUT'
  readonly status = 503
  constructor(why: string) {
    super(`session is locked by another request: ${why}`)
    this.name = 'SessionLockTimeoutError'
  }
}

/**
 * The request lost its lock (it was stopped for longer than `lockExpiration`, ran for longer than
 * `lockHoldMax`, or its client has gone) and another one has changed the session since; its own
 * changes are not stored.
 */
export class SessionLockLostError extends Error {
  readonly code = 'HOLDFAST_SESSION_LOCK_LOST'
  readonly status = 503
  constructor() {
    super('request has lost the lock of its session, which was changed since')
    this.name = 'SessionLockLostError'
  }
}

/** The session is only to be read by this request; its changes are not stored. */
export class SessionReadOnlyError extends Error {
  readonly code = 'HOLDFAST_SESSION_READ_ONLY'
  readonly status: 500 | 503
  constructor(reason: 'declared' | 'lockTimeout') {
    super(
      reason === 'declared'
        ? 'request is declared read-only, its changes of the session are not stored'
        : 'session was locked by another request, the changes of this one are not stored',
    )
    this.name = 'SessionReadOnlyError'
    this.status = reason === 'declared' ? 500 : 503
  }
}

/** The client closed its connection while the request waited for the lock. */
export class ClientGoneError extends Error {
  readonly code = 'HOLDFAST_CLIENT_GONE'
  readonly status = 499
  constructor() {
    super('client has gone while its request waited for the lock of its session')
    this.name = 'ClientGoneError'
  }
}

/** True for changes refused for the sake of a lock: no policy lets such a response pass. */
export function isLockRefusal(error: unknown): boolean {
  return error instanceof SessionLockLostError || error instanceof SessionReadOnlyError
}
