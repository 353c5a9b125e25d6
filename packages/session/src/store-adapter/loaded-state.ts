/*
 * What the store knows of a session that it has handed out, carried by the session's cookie.
 *
 * express-session copies each enumerable member of a stored cookie to the cookie of the request's
 * session, and writes and compares only the members it knows. So one member more travels from
 * `get` to `set`, is seen by no one and is part of no JSON.
 */
import type { SessionContent } from '../encoding/session-codec.ts'

const MEMBER = '_holdfast'

export class LoadedState {
  /** What the application's session started from, or was last stored as. */
  content: SessionContent
  createdMs: number
  /** The version in the store; undefined: it has to be asked for before a write. */
  cas: string | undefined
  /** The time to live that the store has just been given. */
  renewedSeconds: number | undefined

  constructor(content: SessionContent, createdMs: number) {
    this.content = content
    this.createdMs = createdMs
  }

  toJSON(): undefined {
    return undefined
  }
}

export function loadedStateOf(session: object): LoadedState | undefined {
  const cookie: unknown = Reflect.get(session, 'cookie')
  if (typeof cookie !== 'object' || cookie === null) return undefined
  const state: unknown = Reflect.get(cookie, MEMBER)
  return state instanceof LoadedState ? state : undefined
}

/** Returns the cookie. */
export function loadedStateTo(cookie: unknown, state: LoadedState): unknown {
  if (typeof cookie === 'object' && cookie !== null) Reflect.set(cookie, MEMBER, state)
  return cookie
}
