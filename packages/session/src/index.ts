// The framework-free session manager. Applications use a binding, such as
// @holdfast/session/express.
export type { ActiveSession, Commit } from './active-session.ts'
export { SessionEncodingError } from './encoding/envelope.ts'
export {
  SessionConflictError,
  SessionGoneError,
  SessionStoreUnavailableError,
  TooManySessionsError,
} from './errors.ts'
export {
  ClientGoneError,
  SessionLockLostError,
  SessionLockTimeoutError,
  SessionReadOnlyError,
} from './locks/lock-errors.ts'
export type { SessionLogger, SessionOptions } from './options.ts'
export { type SessionHealth, SessionManager } from './session-manager.ts'
export type { NodeHealth } from './store/session-store.ts'
