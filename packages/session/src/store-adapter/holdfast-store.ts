/*
 * A store for express-session and what takes its stores: sessions in memcached, the proxy or a
 * bucket, in the stored form of the session manager.
 *
 * What it does beyond such stores: `get` loads and renews in one operation, so the `touch` that
 * follows costs none; `set` is checked against the version that `get` loaded, and what other
 * requests stored meanwhile is merged per attribute; a session that was destroyed meanwhile stays
 * destroyed. express-session has no place for a version, but it copies the members of a stored
 * cookie to the session's: there it travels (`LoadedState`). Where it does not (@fastify/session
 * copies the members it knows), the last writer wins, as with other stores.
 *
 * Methods take a callback or return a promise.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { NO_CONTENT, SessionCodec, type SessionContent } from '../encoding/session-codec.ts'
import type { EncodingOptions } from '../encoding-options.ts'
import { SessionConflictError } from '../errors.ts'
import { Store } from '../express/store.ts'
import type { StoreCallback, StoredRecord } from '../express/store-like.ts'
import { parseSessionOptions, type SessionLogger, type SessionSettings } from '../options.ts'
import type { SessionHealth } from '../session-manager.ts'
import { SessionStore } from '../store/session-store.ts'
import type { NodeKey } from '../store/store-keys.ts'
import type { StoreOptions } from '../store-options.ts'
import { LoadedState, loadedStateOf, loadedStateTo } from './loaded-state.ts'
import { keyOf, recordCookie, recordTtlSeconds, storedCookie } from './store-record.ts'

/** Options of the session manager that concern the store, and `ttl`. */
export interface HoldfastStoreOptions extends StoreOptions, EncodingOptions {
  /** As of the session manager: usually the local proxy, `localhost:11311`. */
  memcachedNodes: string
  /** As of the session manager; default none. */
  storageKeyPrefix?: string | undefined
  /** Seconds that a session without `cookie.maxAge` is kept after its last use. Default 86400. */
  ttl?: number | undefined
  operationTimeout?: number | undefined
  logger?: SessionLogger | undefined
}

const TTL_SECONDS_DEFAULT = 86_400
/** How often a write is repeated with what others stored meanwhile. */
const WRITE_ATTEMPTS_MAX = 8
const CONFLICT_DELAY_MS = 2

type Loaded = (error: unknown, record?: StoredRecord | null) => void

/**
 * @example
 * import session from 'express-session'
 * import { HoldfastStore } from '@holdfast/session/store'
 *
 * const store = new HoldfastStore({ memcachedNodes: 'localhost:11311' })
 * app.use(session({ store, secret, resave: false, saveUninitialized: false }))
 */
export class HoldfastStore extends Store {
  readonly #settings: SessionSettings
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  readonly #ttlSeconds: number
  /** The last write queued per session id. */
  readonly #writing = new Map<string, Promise<void>>()
  /** What most sessions have: the time to live to load with. */
  #usualTtlSeconds: number

  /** Throws TypeError for options that are wrong. */
  constructor(options: HoldfastStoreOptions) {
    super()
    const { ttl = TTL_SECONDS_DEFAULT, ...storeOptions } = options
    if (!Number.isSafeInteger(ttl) || ttl < 1) {
      throw new TypeError('option ttl must be a whole number of seconds, at least 1')
    }
    // A store signs nothing: the secret is whoever's uses it.
    this.#settings = parseSessionOptions({ ...storeOptions, secret: 'none', sticky: false })
    this.#store = new SessionStore(this.#settings)
    this.#codec = new SessionCodec(this.#settings, this.#store)
    this.#ttlSeconds = ttl
    this.#usualTtlSeconds = ttl
  }

  get(id: string): Promise<StoredRecord | null>
  get(id: string, callback: Loaded): void
  get(id: string, callback?: Loaded): Promise<StoredRecord | null> | undefined {
    return answer(this.#load(id), callback)
  }

  set(id: string, session: object): Promise<void>
  set(id: string, session: object, callback: StoreCallback | undefined): void
  set(id: string, session: object, callback?: StoreCallback): Promise<void> | undefined {
    return answer(
      this.#queued(id, () => this.#save(id, session)),
      callback,
    )
  }

  /** Renews the time to live; what is stored stays as it is. */
  touch(id: string, session: object): Promise<void>
  touch(id: string, session: object, callback: StoreCallback | undefined): void
  touch(id: string, session: object, callback?: StoreCallback): Promise<void> | undefined {
    return answer(this.#renew(id, session), callback)
  }

  destroy(id: string): Promise<void>
  destroy(id: string, callback: StoreCallback | undefined): void
  destroy(id: string, callback?: StoreCallback): Promise<void> | undefined {
    return answer(
      this.#queued(id, () => this.#remove(id)),
      callback,
    )
  }

  /** A real round trip to each node, bounded to half a second; never rejects. */
  async health(): Promise<SessionHealth> {
    const nodes = await this.#store.health()
    return { ok: nodes.every(({ ok }) => ok), nodes }
  }

  /** Closes the connections. */
  close(): Promise<void> {
    return this.#store.close()
  }

  /** Writes of one session wait for each other: they would only make their versions stale. */
  #queued(id: string, write: () => Promise<void>): Promise<void> {
    const before = this.#writing.get(id)
    const written = before === undefined ? write() : before.then(write)
    const settled = written
      .catch(() => undefined)
      .then(() => {
        if (this.#writing.get(id) === settled) this.#writing.delete(id)
      })
    this.#writing.set(id, settled)
    return written
  }

  async #load(id: string): Promise<StoredRecord | null> {
    const { node, key } = this.#place(id)
    const guessSeconds = this.#usualTtlSeconds
    const item = await node.loadAndRenew(key, guessSeconds)
    if (item === undefined) return null
    const decoding = this.#codec.decode(item.value, id)
    const decoded = decoding instanceof Promise ? await decoding : decoding
    if (!decoded.ok) {
      this.#settings.logger.error({ why: decoded.unreadable }, 'stored session is not readable')
      return null
    }
    const { attributes, maxInactiveSeconds: ttlSeconds, createdMs } = decoded.envelope
    if (ttlSeconds !== guessSeconds && ttlSeconds > 0) {
      await node.touch(key, ttlSeconds)
      this.#usualTtlSeconds = ttlSeconds
    }
    const { cookie, ...shown } = attributes
    const state = new LoadedState(decoded.content, createdMs)
    state.cas = item.cas
    state.renewedSeconds = ttlSeconds
    return { ...shown, cookie: loadedStateTo(recordCookie(cookie, Date.now()), state) }
  }

  async #save(id: string, session: object): Promise<void> {
    const ttlSeconds = recordTtlSeconds(session, this.#ttlSeconds, Date.now())
    if (ttlSeconds <= 0) return this.#remove(id)
    const { node, key } = this.#place(id)
    const state = loadedStateOf(session)
    const { attributes, cookie } = storedForm(session)
    const ours = this.#codec.content(attributes, cookie)
    if (state === undefined) {
      const fresh = new LoadedState(ours, Date.now())
      const value = await this.#encode(id, ours, { fresh, ttlSeconds })
      const { cas } = await node.set(key, value, ttlSeconds)
      fresh.cas = cas
      loadedStateTo(Reflect.get(session, 'cookie'), fresh)
      return
    }
    await this.#saveChecked({ id, key, node, session, ttlSeconds, state }, ours)
    state.content = ours
    state.renewedSeconds = ttlSeconds
  }

  async #saveChecked(write: CheckedWrite, ours: SessionContent): Promise<void> {
    const { id, key, node, state } = write
    let { ttlSeconds } = write
    let content = ours
    for (let attempt = 0; attempt < WRITE_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await delay(Math.random() * CONFLICT_DELAY_MS * 2 ** attempt)
      const isMerged = state.cas === undefined
      if (isMerged) {
        const merged = await this.#merged(write)
        if (merged === undefined) return
        content = merged.content
        ttlSeconds = merged.ttlSeconds
      }
      const cas = state.cas
      state.cas = undefined
      if (cas === undefined) break
      const value = await this.#encode(id, content, { fresh: state, ttlSeconds })
      const written = await node.cas(key, value, ttlSeconds, cas)
      if (written.outcome === 'NOT_FOUND') {
        this.#settings.logger.debug({}, 'session was destroyed meanwhile, its changes are dropped')
        return
      }
      if (written.outcome === 'STORED') {
        // The application's session has not what others stored: the next write merges again.
        if (!isMerged) state.cas = written.cas
        return
      }
    }
    throw new SessionConflictError(WRITE_ATTEMPTS_MAX)
  }

  /** Ours with what others stored; undefined: the session is gone. */
  async #merged(write: CheckedWrite): Promise<Merged | undefined> {
    const { id, key, node, session, state } = write
    const item = await node.load(key)
    const decoded = item === undefined ? undefined : await this.#codec.decode(item.value, id)
    if (decoded === undefined || !decoded.ok) return undefined
    state.cas = item?.cas
    const { envelope } = decoded
    // A session stored by several requests at once is as old as the first of them made it.
    state.createdMs = Math.min(state.createdMs, envelope.createdMs)
    const merged = storedForm(session)
    const { maxAgeMs } = merged.cookie
    this.#codec.mergeParts(merged, state.content ?? NO_CONTENT, envelope)
    const lifeMs = merged.cookie.maxAgeMs
    const isOurs = lifeMs === maxAgeMs
    // Where others alone have changed the cookie's life, the session lives as long as theirs.
    if (!isOurs) {
      const cookie = { ...storedCookie(merged.attributes.cookie), originalMaxAge: lifeMs ?? null }
      merged.attributes.cookie = cookie
    }
    const content = this.#codec.content(merged.attributes, merged.cookie)
    return { content, ttlSeconds: isOurs ? write.ttlSeconds : envelope.maxInactiveSeconds }
  }

  async #renew(id: string, session: object): Promise<void> {
    const ttlSeconds = recordTtlSeconds(session, this.#ttlSeconds, Date.now())
    if (ttlSeconds <= 0) return this.#remove(id)
    const state = loadedStateOf(session)
    // `get` has done it, moments ago.
    const isRenewed = state?.renewedSeconds === ttlSeconds
    if (state !== undefined) state.renewedSeconds = undefined
    if (isRenewed) return
    const { node, key } = this.#place(id)
    await node.touch(key, ttlSeconds)
  }

  async #remove(id: string): Promise<void> {
    const { node, key } = this.#place(id)
    await node.delete(key)
  }

  #encode(
    id: string,
    content: SessionContent,
    { fresh, ttlSeconds }: { fresh: LoadedState; ttlSeconds: number },
  ): Buffer | Promise<Buffer> {
    return this.#codec.encode(content, {
      id,
      createdMs: fresh.createdMs,
      lastAccessedMs: Date.now(),
      maxInactiveSeconds: ttlSeconds,
    })
  }

  #place(id: string): { node: NodeKey; key: string } {
    return { node: this.#store.keys.nodeForText(id), key: keyOf(this.#settings.keyPrefix, id) }
  }
}

interface CheckedWrite {
  id: string
  key: string
  node: NodeKey
  session: object
  ttlSeconds: number
  state: LoadedState
}

interface Merged {
  content: SessionContent
  ttlSeconds: number
}

interface StoredForm {
  attributes: Record<string, unknown>
  cookie: { maxAgeMs?: number | null }
}

/** A session's own attributes with its cookie among them, a fresh object. */
function storedForm(session: object): StoredForm {
  const { cookie, ...attributes } = session as StoredRecord
  const stored = storedCookie(cookie)
  const { originalMaxAge } = stored
  return {
    attributes: { ...attributes, cookie: stored },
    cookie: typeof originalMaxAge === 'number' ? { maxAgeMs: originalMaxAge } : {},
  }
}

/** Tells the callback in a turn of its own, or returns the promise. */
function answer<T>(
  work: Promise<T>,
  callback: ((error: unknown, result?: T) => void) | undefined,
): Promise<T> | undefined {
  if (typeof callback !== 'function') return work
  work.then(
    (result) => process.nextTick(callback, null, result),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}
