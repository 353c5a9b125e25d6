/*
 * What happens to sessions, as the application may listen to it, in this process. Which event is
 * told how often in a cluster is written at each one.
 *
 * A listener that throws is reported and disturbs neither the request nor the other listeners.
 */
import { EventEmitter } from 'node:events'
import type { Attributes } from '../encoding/envelope.ts'

/** The members of every event. */
export interface SessionEvent {
  /** The id that the session has, or had last. */
  id: string
}

/** A session was stored for the first time. */
export interface SessionCreatedEvent extends SessionEvent {
  attributes: Attributes
}

/** A session was ended. */
export interface SessionDestroyedEvent extends SessionEvent {
  /**
   * `application`: here, by `destroy` or `regenerate`; `revoked`: here, by `revoke`, `revokeUser`
   * or `sessionsPerUserMax`; `elsewhere`: this server gave up its copy of a session that was ended
   * elsewhere.
   */
  by: 'application' | 'revoked' | 'elsewhere'
}

/** A session was not used for `maxInactiveInterval`. */
export interface SessionExpiredEvent extends SessionEvent {
  /** The last known attributes; undefined in non-sticky mode. */
  attributes: Attributes | undefined
}

/** Sticky: another server's session is served here from now on. */
export interface SessionTakenOverEvent extends SessionEvent {
  previousId: string
}

/** A session goes on under another id because its store node is away or back. */
export interface SessionRelocatedEvent extends SessionEvent {
  previousId: string
}

/** What is stored cannot be read; it was left in the store. */
export interface SessionUnreadableEvent extends SessionEvent {
  why: string
}

/** Event names with what listeners are given. */
export interface SessionEventMap {
  created: [SessionCreatedEvent]
  destroyed: [SessionDestroyedEvent]
  expired: [SessionExpiredEvent]
  takenOver: [SessionTakenOverEvent]
  relocated: [SessionRelocatedEvent]
  unreadable: [SessionUnreadableEvent]
}

export type SessionEventName = keyof SessionEventMap

export const SESSION_EVENTS: readonly SessionEventName[] = [
  'created',
  'destroyed',
  'expired',
  'takenOver',
  'relocated',
  'unreadable',
]

/** What is called for an event. */
export type SessionListener<Name extends SessionEventName> = (
  event: SessionEventMap[Name][0],
) => void

export class SessionEvents {
  readonly #emitter = new EventEmitter()
  readonly #onListenerError: (error: unknown) => void

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError
  }

  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): void {
    this.#emitter.on(name, listener)
  }

  once<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): void {
    this.#emitter.once(name, listener)
  }

  off<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): void {
    this.#emitter.off(name, listener)
  }

  hasListeners(name: SessionEventName): boolean {
    return this.#emitter.listenerCount(name) > 0
  }

  tell<Name extends SessionEventName>(name: Name, event: SessionEventMap[Name][0]): void {
    // rawListeners keeps the wrapper of `once`, which removes itself.
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        listener(event)
      } catch (error) {
        this.#onListenerError(error)
      }
    }
  }
}
