/*
 * The operational failures that an application can meet. Each has a stable `code` and the HTTP
 * `status` that Express's error handler answers with.
 */

/** The store could not be asked in time, so it is not known whether the user has a session. */
export class SessionStoreUnavailableError extends Error {
  readonly code = 'HOLDFAST_STORE_UNAVAILABLE'
  readonly status = 503
  constructor(operation: string, cause: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super(`session store is not available, cannot ${operation}${why}`, { cause })
    this.name = 'SessionStoreUnavailableError'
  }
}

/** Other requests kept changing the same session; the changes of this one are not stored. */
export class SessionConflictError extends Error {
  readonly code = 'HOLDFAST_SESSION_CONFLICT'
  readonly status = 503
  constructor(attempts: number) {
    super(`session was changed by others during each of ${attempts} attempts to store it`)
    this.name = 'SessionConflictError'
  }
}

/** Another server has stored the session meanwhile in a form that is not read here. */
export class SessionUnreadableError extends Error {
  readonly code = 'HOLDFAST_SESSION_UNREADABLE'
  readonly status = 503
  constructor() {
    super('session was stored meanwhile in a form that cannot be read here, changes are not stored')
    this.name = 'SessionUnreadableError'
  }
}

/** `maxActiveSessions` is reached. */
export class TooManySessionsError extends Error {
  readonly code = 'HOLDFAST_TOO_MANY_SESSIONS'
  readonly status = 503
  constructor(sessionsMax: number) {
    super(`there are already ${sessionsMax} sessions, which is maxActiveSessions`)
    this.name = 'TooManySessionsError'
  }
}

/** The session to reload no longer exists. */
export class SessionGoneError extends Error {
  readonly code = 'HOLDFAST_SESSION_GONE'
  constructor() {
    super('failed to load session')
    this.name = 'SessionGoneError'
  }
}
