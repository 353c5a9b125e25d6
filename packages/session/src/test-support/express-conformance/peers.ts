/*
 * express-session itself and stores made for it, as this suite uses them.
 *
 * Loaded by `require`, without their types: those declare `req.session` too, and one program can
 * have only one such declaration.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { SessionStoreLike } from '../../express/store-like.ts'

export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** `session`, of either make. */
export interface SessionMaker {
  // biome-ignore lint/suspicious/noExplicitAny: options are right or wrong on purpose
  (options?: any): Middleware
  Store: { new (options?: unknown): object; prototype: object; call(self: object): void }
  Session: { new (request: object, attributes?: object): object; prototype: object }
  Cookie: { new (options?: unknown): object; prototype: object }
  MemoryStore: { new (): SessionStoreLike; prototype: object }
}

const require = createRequire(import.meta.url)

export const expressSession: SessionMaker = require('express-session')

/** A bounded store in memory. */
export function makeMemorystore(): SessionStoreLike {
  const make = require('memorystore')(expressSession)
  return new make({ checkPeriod: 3_600_000, ttl: 3_600_000 })
}

export interface RedisPeer {
  store: SessionStoreLike
  close(): Promise<void>
}

export async function makeConnectRedis(port: number): Promise<RedisPeer> {
  const { createClient } = require('redis')
  const { RedisStore } = require('connect-redis')
  const client = createClient({ socket: { host: '127.0.0.1', port } })
  await client.connect()
  return { store: new RedisStore({ client }), close: async () => client.destroy() }
}
