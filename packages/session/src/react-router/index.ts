/*
 * A session storage strategy for React Router and Remix: their sessions, kept in the store.
 *
 * React Router reads a session, and writes it back as a whole when the application commits it: of
 * parallel commits the later one wins. A session that was destroyed stays so: a late commit of
 * another request is dropped. Ids are random; React Router signs them in its cookie.
 */
import { randomBytes } from 'node:crypto'
import { TextStore, type TextStoreOptions } from '../text-store/text-store.ts'

export type { SessionLogger } from '../options.ts'
export type { TextStoreOptions } from '../text-store/text-store.ts'

/** What `createSessionStorage` takes besides `cookie`, and how to end it. */
export interface SessionStrategy<Data extends object = Record<string, unknown>> {
  createData(attributes: Partial<Data>, expires?: Date): Promise<string>
  readData(id: string): Promise<Partial<Data> | null>
  updateData(id: string, attributes: Partial<Data>, expires?: Date): Promise<void>
  deleteData(id: string): Promise<void>
  /** Closes the connections. */
  close(): Promise<void>
}

const ID_BYTES = 24
/** Longer than any request that may still commit the session that was destroyed. */
const DESTROYED_SECONDS = 120
const DESTROYED = ''
const PREFIX = 'rr:'

/**
 * Makes the strategy. `ttl` is how long a session lives whose cookie has no end. Throws TypeError
 * for options that are wrong.
 *
 * @example
 * const { getSession, commitSession, destroySession } = createSessionStorage({
 *   cookie: { name: '__session', secrets, httpOnly: true, sameSite: 'lax' },
 *   ...sessionStrategy({ memcachedNodes: 'localhost:11311', ttl: 1800 }),
 * })
 */
export function sessionStrategy<Data extends object = Record<string, unknown>>(
  options: TextStoreOptions,
): SessionStrategy<Data> {
  const store = new TextStore(options)
  return {
    createData: async (attributes, expires) => {
      const id = randomBytes(ID_BYTES).toString('base64url')
      await store.set(PREFIX + id, JSON.stringify(attributes), secondsUntil(expires))
      return id
    },
    readData: async (id) => {
      const text = await store.get(PREFIX + id)
      if (text === undefined || text === DESTROYED) return null
      // Only this strategy writes under its prefix.
      return JSON.parse(text) as Partial<Data>
    },
    updateData: async (id, attributes, expires) => {
      const json = JSON.stringify(attributes)
      const change = (text: string | undefined): string | undefined =>
        text === DESTROYED ? undefined : json
      await store.replace(PREFIX + id, change, secondsUntil(expires))
    },
    deleteData: (id) => store.set(PREFIX + id, DESTROYED, DESTROYED_SECONDS),
    close: () => store.close(),
  }
}

function secondsUntil(expires: Date | undefined): number | undefined {
  if (expires === undefined) return undefined
  return Math.max(1, Math.ceil((expires.getTime() - Date.now()) / 1000))
}
