// A session store for people who keep express-session, @fastify/session or next-session.
export type { SessionLogger } from '../options.ts'
export { HoldfastStore, type HoldfastStoreOptions } from './holdfast-store.ts'
