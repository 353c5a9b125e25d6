// The framework-free session manager. Applications use a binding, such as
// @holdfast/session/express.
export type { ActiveSession, Commit } from './active-session.ts'
export { SessionEncodingError, SessionTooLargeError } from './encoding/encoding-errors.ts'
export type { EncryptionKey, EncryptionOption } from './encoding/encryption-keys.ts'
export type { AttributeResolver, AttributeSides } from './encoding/merge.ts'
export type { SessionConverter } from './encoding/tagged-tree.ts'
export type { Transcoder } from './encoding/transcoder.ts'
export {
  SessionConflictError,
  SessionGoneError,
  SessionStoreUnavailableError,
  SessionUnreadableError,
  TooManySessionsError,
} from './errors.ts'
export {
  ClientGoneError,
  SessionLockLostError,
  SessionLockTimeoutError,
  SessionReadOnlyError,
} from './locks/lock-errors.ts'
export type {
  SessionCreatedEvent,
  SessionDestroyedEvent,
  SessionEvent,
  SessionEventMap,
  SessionEventName,
  SessionExpiredEvent,
  SessionListener,
  SessionRelocatedEvent,
  SessionTakenOverEvent,
  SessionUnreadableEvent,
} from './observe/session-events.ts'
export type { MetricsRegistry } from './observe/session-metrics.ts'
export type { SessionStatistics, StatisticsProbe } from './observe/session-statistics.ts'
export type { SessionSpan, SessionTracer } from './observe/tracing.ts'
export type { SessionLogger, SessionOptions } from './options.ts'
export { type SessionChange, type SessionHealth, SessionManager } from './session-manager.ts'
export type { NodeHealth } from './store/session-store.ts'
export type { SessionUpdate } from './users/atomic-update.ts'
export type { RevokeUserOptions } from './users/session-control.ts'
export {
  SessionRevokedError,
  TooManyUserSessionsError,
  UnusableUserError,
} from './users/user-errors.ts'
export type { UserSession } from './users/user-sessions.ts'
