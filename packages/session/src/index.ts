// The framework-free session manager. Applications use a binding, such as
// @holdfast/session/express.
export type { ActiveSession, Commit } from './active-session.ts'
export { SessionEncodingError, SessionTooLargeError } from './encoding/encoding-errors.ts'
export type { AttributeResolver, AttributeSides } from './encoding/merge.ts'
export type { SessionConverter } from './encoding/tagged-tree.ts'
export type { Transcoder } from './encoding/transcoder.ts'
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
