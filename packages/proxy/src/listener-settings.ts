/**
 * What the connections of a listener may do and for how long: one table of bounds and deadlines
 * with their defaults. Read by listener.ts and upstream-connection.ts; the configuration fills it.
 */
import { VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'

/** Which protocol a listener speaks; `auto` tells by the first byte of each connection. */
export type ListenerProtocol = 'auto' | 'ascii' | 'binary'

/** Bounds and deadlines of the connections of a listener. */
export interface ListenerSettings {
  /** `ascii` is memcached's text and meta protocol. */
  protocol: ListenerProtocol
  /** Keys and commands of one connection without a reply; beyond, it is not read from. */
  outstandingMax: number
  /** Bytes of values of one connection without a reply; beyond, it is not read from. */
  outstandingBytesMax: number
  /** Bytes of one value; a larger one is refused. */
  valueBytesMax: number
  /** Longest time from a request to its reply. */
  operationTimeoutMs: number
  /** Reply bytes that an application has not taken; beyond, it is not read from. */
  backlogBytesMax: number
  /** Reply bytes that an application has not taken; beyond, it is disconnected. */
  backlogBytesLimit: number
  /** An application that takes none of its replies for this long is disconnected. 0 is never. */
  blockedTimeoutMs: number
  /** A connection that says nothing and is owed nothing for this long is closed. 0 is never. */
  idleTimeoutMs: number
  /** A request of which no further byte arrives for this long ends its connection. 0 is never. */
  requestTimeoutMs: number
  /** A TLS handshake that takes longer ends its connection. */
  handshakeTimeoutMs: number
  /** SASL PLAIN is offered; without TLS it shows the password to whoever listens in. */
  plainLogins: boolean
  /** Failed logins after which a connection is closed. */
  loginFailuresMax: number
}

/** The settings that hold unless others are given. */
export const LISTENER_DEFAULTS: Readonly<ListenerSettings> = {
  protocol: 'auto',
  outstandingMax: 1024,
  outstandingBytesMax: 64 * 1024 * 1024,
  valueBytesMax: VALUE_BYTES_MAX_DEFAULT,
  operationTimeoutMs: 5000,
  backlogBytesMax: 1024 * 1024,
  backlogBytesLimit: 256 * 1024 * 1024,
  blockedTimeoutMs: 30_000,
  idleTimeoutMs: 0,
  requestTimeoutMs: 30_000,
  handshakeTimeoutMs: 10_000,
  plainLogins: true,
  loginFailuresMax: 5,
}
