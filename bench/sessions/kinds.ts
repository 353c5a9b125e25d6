// Who is measured in the suite `sessions`: web servers with and without a session layer, by the
// framework whose bare server they are compared with.

/** What one server needs to be started. */
export interface ServerKind {
  readonly name: string
  readonly framework: Framework
  readonly about: string
  /** The store behind it. */
  readonly store: 'none' | 'memory' | 'redis' | 'memcached' | 'proxy'
  /** Not measured for its cost. */
  readonly racesOnly?: boolean
  /** Most CPU per request against the bare framework, for a read and a write; ours only. */
  readonly target?: { readonly read: number; readonly write?: number }
}

export type Framework = 'express' | 'fastify' | 'koa'

export const SERVER_KINDS: readonly ServerKind[] = [
  { name: 'express', framework: 'express', about: 'bare', store: 'none' },
  {
    name: 'express-holdfast-sticky',
    framework: 'express',
    about: '@holdfast/session/express, sticky, memcached behind',
    store: 'memcached',
    target: { read: 1.2 },
  },
  {
    name: 'express-holdfast',
    framework: 'express',
    about: '@holdfast/session/express, non-sticky, memcached behind',
    store: 'memcached',
    target: { read: 1.35, write: 1.8 },
  },
  {
    name: 'express-holdfast-proxy',
    framework: 'express',
    about: 'the same through a local proxy',
    store: 'proxy',
    target: { read: 1.35, write: 1.8 },
  },
  {
    name: 'express-session-memory',
    framework: 'express',
    about: 'express-session, MemoryStore',
    store: 'memory',
  },
  {
    name: 'express-session-memorystore',
    framework: 'express',
    about: 'express-session, memorystore',
    store: 'memory',
  },
  {
    name: 'express-session-redis',
    framework: 'express',
    about: 'express-session, connect-redis',
    store: 'redis',
  },
  {
    name: 'express-session-redis-resave',
    framework: 'express',
    about: 'the same with resave: true',
    store: 'redis',
    racesOnly: true,
  },
  { name: 'fastify', framework: 'fastify', about: 'bare', store: 'none' },
  {
    name: 'fastify-holdfast',
    framework: 'fastify',
    about: '@holdfast/session/fastify, non-sticky, memcached behind',
    store: 'memcached',
    target: { read: 2, write: 2.5 },
  },
  {
    name: 'fastify-holdfast-sticky',
    framework: 'fastify',
    about: '@holdfast/session/fastify, sticky, memcached behind',
    store: 'memcached',
  },
  {
    name: 'fastify-session-memory',
    framework: 'fastify',
    about: '@fastify/session, its own store',
    store: 'memory',
  },
  {
    name: 'fastify-session-redis',
    framework: 'fastify',
    about: '@fastify/session, connect-redis',
    store: 'redis',
  },
  { name: 'koa', framework: 'koa', about: 'bare', store: 'none' },
  {
    name: 'koa-holdfast',
    framework: 'koa',
    about: '@holdfast/session/koa, non-sticky, memcached behind',
    store: 'memcached',
  },
  {
    name: 'koa-session-redis',
    framework: 'koa',
    about: 'koa-session, Redis behind',
    store: 'redis',
  },
]

/** The kind of this name; throws for an unknown one. */
export function serverKind(name: string): ServerKind {
  const kind = SERVER_KINDS.find((known) => known.name === name)
  if (kind !== undefined) return kind
  throw new Error(`${name} is none of ${SERVER_KINDS.map((known) => known.name).join(', ')}`)
}
