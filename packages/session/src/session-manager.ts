/*
 * The session manager: what happens to a session from the cookie of a request to the release of its
 * response. It knows no web framework; `express/` binds it to one.
 *
 *   request
 *     │  cookie ── verify signature ── parse id              (a bad one: as if there were none)
 *     ▼
 *   load ─┬─ no id ──────────────────────► fresh session, known to no one yet
 *         ├─ sticky: in local memory ────► the shared local session, 0 operations
 *         ├─ sticky: elsewhere ──────────► takeover: 1 gets
 *         ├─ non-sticky ─────────────────► its lock, if the request locks (locks/)
 *         │                                this request's copy: 1 gats
 *         ├─ the store does not know it ─► fresh session under a FRESH id
 *         └─ the store does not answer ──► error 503, or an empty session marked as degraded,
 *                                          never a fresh one (loadFailure)
 *     ▼
 *   application reads and changes attributes
 *     ▼
 *   first byte of the response ── held
 *     ▼
 *   commit ─┬─ unchanged ──► 0 operations
 *           ├─ sticky ─────► 1 set, after a takeover 1 delete
 *           └─ non-sticky ─► 1 cas; on conflict gets, merge, cas
 *     ▼
 *   acknowledged, or the policy storeFailure ── Set-Cookie if due ── head and body are released
 *     ▼
 *   response over, or the client gone ── the lock is given back
 */
import type { ActiveSession, Commit, SessionMode } from './active-session.ts'
import { NOTHING_TO_COMMIT } from './active-session.ts'
import { CookieSigner } from './cookie-signer.ts'
import { SessionCodec } from './encoding/session-codec.ts'
import { SessionStoreUnavailableError } from './errors.ts'
import { RequestLocking } from './locks/request-locking.ts'
import { NonStickyMode } from './non-sticky-mode.ts'
import { ObservedMode } from './observe/observed-mode.ts'
import type { SessionEventName, SessionListener } from './observe/session-events.ts'
import { type MetricsRegistry, registerSessionMetrics } from './observe/session-metrics.ts'
import { type SessionStatistics, sessionStatistics } from './observe/session-statistics.ts'
import { parseSessionOptions, type SessionOptions, type SessionSettings } from './options.ts'
import { formatSessionId, isValidSid, newSid, parseSessionId } from './session-id.ts'
import { StickyMode } from './sticky-mode.ts'
import { type NodeHealth, SessionStore, type StoreChange } from './store/session-store.ts'
import type { SessionUpdate } from './users/atomic-update.ts'
import { type RevokeUserOptions, SessionControl } from './users/session-control.ts'
import type { UserSession } from './users/user-sessions.ts'

export interface SessionHealth {
  ok: boolean
  nodes: NodeHealth[]
}

/** What can be changed while the application runs. */
export interface SessionChange extends StoreChange {
  enabled?: boolean | undefined
}

/** What is known of a request besides its cookies. */
export interface RequestFacts {
  method: string
  /** Path and query, as the client sent them. */
  url: string
  /** The framework's own request; given to `genid` and other functions of the application. */
  raw: unknown
  /** False: the binding is not told when the request is over, so it must not hold a lock. */
  mayLock?: boolean | undefined
}

/**
 * Loads and stores sessions for one application.
 *
 * @example
 * const manager = new SessionManager({ memcachedNodes: 'localhost:11311', secret })
 * const active = await manager.load(cookieValues)
 * active.attributes.user = 'ann'
 * await manager.commit(active).saved
 */
export class SessionManager {
  readonly settings: SessionSettings
  readonly #store: SessionStore
  readonly #signer: CookieSigner
  readonly #codec: SessionCodec
  readonly #mode: SessionMode
  readonly #control: SessionControl
  readonly #locking: RequestLocking | undefined

  /** Throws TypeError for options that are wrong. */
  constructor(options: SessionOptions) {
    this.settings = parseSessionOptions(options)
    this.#signer = new CookieSigner(this.settings.secrets)
    this.#store = new SessionStore(this.settings)
    this.#codec = new SessionCodec(this.settings, this.#store)
    const mode = this.settings.sticky
      ? new StickyMode(this.#store, this.settings, this.#codec)
      : new NonStickyMode(this.#store, this.settings, this.#codec)
    this.#locking = RequestLocking.for(this.#store, this.settings)
    const [store, codec, settings, signer] = [this.#store, this.#codec, this.settings, this.#signer]
    this.#control = new SessionControl({ mode, store, codec, settings, signer })
    this.#mode = new ObservedMode(this.#control.mode, settings.observer)
    if (!this.settings.sticky && this.settings.attributeFilter !== undefined) {
      this.settings.logger.warn(
        {},
        'attributes outside sessionAttributeFilter end with the request',
      )
    }
  }

  /**
   * The session of the first cookie value that verifies and is known, else a fresh one; a promise
   * only when the store has to be asked. Rejects with SessionStoreUnavailableError.
   */
  load(
    cookieValues: readonly string[],
    request?: RequestFacts,
  ): ActiveSession | Promise<ActiveSession> {
    const ids = this.#verifiedIds(cookieValues)
    return ids.length > 1 ? this.#loadFirst(ids, request) : this.#loadOurs(ids[0], request)
  }

  /** As `load`, for bindings that verify their cookie themselves: `id` is what it holds. */
  loadById(id: string | undefined, request?: RequestFacts): ActiveSession | Promise<ActiveSession> {
    const isOurs = id !== undefined && parseSessionId(id, this.#withNodeId) !== undefined
    return this.#loadOurs(isOurs ? id : undefined, request)
  }

  /** `id` has the form of ours. */
  #loadOurs(
    id: string | undefined,
    request: RequestFacts | undefined,
  ): ActiveSession | Promise<ActiveSession> {
    if (id === undefined) {
      this.settings.observer.counts.requestsWithoutSession++
      return this.create(request)
    }
    const known = this.#loadKnown(id, request)
    if (!(known instanceof Promise)) return known ?? this.create(request)
    const loaded = known.then((active) => active ?? this.create(request))
    if (this.settings.loadFailure === 'fail') return loaded
    return loaded.catch((error: unknown) => this.#degraded(id, error, request))
  }

  /** For a request matching `requestUriIgnorePattern`: no store operation; see `detached`. */
  loadIgnored(cookieValues: readonly string[], request?: RequestFacts): ActiveSession {
    const ids = this.#verifiedIds(cookieValues)
    const known = ids.find((id) => this.#mode.peek(id) !== undefined)
    return this.loadIgnoredById(known ?? ids[0], request)
  }

  /** As `loadIgnored`, for bindings that verify their cookie themselves. */
  loadIgnoredById(id: string | undefined, request?: RequestFacts): ActiveSession {
    const isOurs = id !== undefined && parseSessionId(id, this.#withNodeId) !== undefined
    const active = (isOurs ? this.#mode.peek(id) : undefined) ?? this.create(request)
    active.detached = true
    return active
  }

  /** A fresh session that nobody knows until it is committed. */
  create(request?: RequestFacts): ActiveSession {
    const { genid, route } = this.settings
    const sid = genid === undefined ? newSid() : genid(request?.raw)
    if (!isValidSid(sid)) {
      throw new TypeError('genid must return 1 to 128 letters, digits, "_", "-" or "~"')
    }
    const id = formatSessionId({ sid, nodeId: this.#store.chooseNodeId(), route })
    const active = this.#mode.create(id)
    return this.#locking?.created(active, request) ?? active
  }

  /** False: no request of this manager holds anything that `release` would give back. */
  get mayHold(): boolean {
    return this.#locking !== undefined
  }

  /** The request is over: gives back what it held of the session. Safe to call again. */
  release(active: ActiveSession): void {
    void active.hold?.release()
  }

  /**
   * The fencing number of the session's lock while a request of this process holds it: a later
   * holder has a greater one, as a decimal number. Undefined without a lock, and where the store
   * does not tell the version of what it wrote.
   */
  fenceOf(id: string): string | undefined {
    return this.#locking?.fenceOf(id)
  }

  /** Before the first attribute of a new session is set; throws TooManySessionsError. */
  admit(): void {
    this.#mode.admit()
  }

  /** Whether the session differs from its stored state. Throws SessionEncodingError. */
  isChanged(active: ActiveSession): boolean {
    return this.#mode.isChanged(active)
  }

  /** Starts to store what this request changed. Throws SessionEncodingError. */
  commit(active: ActiveSession): Commit {
    if (active.detached || active.destroyed) return NOTHING_TO_COMMIT
    const { saveUninitialized } = this.settings
    if (active.hold === undefined) return this.#mode.commit(active, saveUninitialized)
    return active.hold.commit(active, this.#mode, saveUninitialized)
  }

  /** Stores the session now; resolves when the store has acknowledged it. */
  save(active: ActiveSession): Promise<void> {
    if (active.destroyed) return Promise.resolve()
    active.detached = false
    if (active.hold === undefined) return this.#mode.save(active)
    return active.hold.save(() => this.#mode.save(active))
  }

  /** Brings the session to its stored state; rejects with SessionGoneError. */
  reload(active: ActiveSession): Promise<void> {
    return this.#mode.reload(active)
  }

  /** Ends the session; resolves when the store has deleted it. */
  destroy(active: ActiveSession): Promise<void> {
    active.hold?.destroys()
    // Who logs out while the store is away must not be told that it worked when it did not.
    if (active.notLoadedId !== undefined) return this.destroyById(active.notLoadedId)
    return this.#mode.destroy(active)
  }

  /** Ends the session with this id (or signed cookie value), wherever it was made. */
  destroyById(id: string): Promise<void> {
    return this.#control.destroyById(id)
  }

  /** The id of the session cookie in a Cookie header, if its signature is ours. */
  idOfCookie(cookieHeader: string | undefined): string | undefined {
    return this.#control.idOfCookie(cookieHeader)
  }

  /** A copy of a session's attributes; undefined: no such session. Looking is no use of it. */
  read(id: string): Promise<Record<string, unknown> | undefined> {
    return this.#control.read(id)
  }

  /**
   * Changes a session so that no parallel change is lost: `fn` changes a copy of the attributes in
   * place, and runs again when another writer was faster. Resolves to what `fn` returned. Rejects
   * with SessionGoneError for an unknown id, and SessionConflictError.
   *
   * @example
   * await manager.update(id, (attributes) => {
   *   attributes.count = Number(attributes.count ?? 0) + 1
   * })
   */
  update<T>(id: string, fn: SessionUpdate<T>): Promise<T> {
    return this.#control.update(id, fn)
  }

  /** As `update`, for the session of a request. */
  updateActive<T>(active: ActiveSession, fn: SessionUpdate<T>): Promise<T> {
    if (active.hold === undefined) return this.#control.updateActive(active, fn)
    return active.hold.update(() => this.#control.updateActive(active, fn))
  }

  /** Renews a session's life; false: no such session. */
  touch(id: string): Promise<boolean> {
    return this.#control.touch(id)
  }

  /** The sessions of a user, the one used last first; needs `userOf`. */
  listByUser(user: string | number): Promise<UserSession[]> {
    return this.#control.listByUser(user)
  }

  /** Ends a session on all servers; false: it was not known. */
  revoke(id: string): Promise<boolean> {
    return this.#control.revoke(id)
  }

  /** Ends all sessions of a user; resolves to their number; needs `userOf`. */
  revokeUser(user: string | number, options?: RevokeUserOptions): Promise<number> {
    return this.#control.revokeUser(user, options)
  }

  /** The attributes of the session with this id, or undefined; it is not taken over. */
  async attributesOf(id: string): Promise<Record<string, unknown> | undefined> {
    return this.#mode.peek(id)?.attributes ?? (await this.#control.read(id))
  }

  /** The value of the session cookie. */
  cookieValue(active: ActiveSession): string {
    return this.#signer.sign(active.id)
  }

  /** A real round trip to each node, bounded to half a second; never rejects. */
  async health(): Promise<SessionHealth> {
    if (!this.settings.enabled) return { ok: true, nodes: [] }
    const nodes = await this.#store.health()
    return { ok: nodes.every(({ ok }) => ok), nodes }
  }

  /**
   * Changes nodes, failover nodes or `enabled` while requests go on; what is left out stays. Throws
   * TypeError for settings that are wrong, and then changes nothing.
   */
  reconfigure({ enabled, ...nodes }: SessionChange): void {
    if (enabled === false && !this.settings.sticky) {
      throw new TypeError('option enabled: false needs sticky: true, as the store is the only copy')
    }
    this.#store.reconfigure(nodes)
    if (enabled !== undefined) this.settings.enabled = enabled
  }

  /** Calls the listener for each event of this process; see `SessionEventMap`. */
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): this {
    this.settings.observer.events.on(name, listener)
    return this
  }

  once<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): this {
    this.settings.observer.events.once(name, listener)
    return this
  }

  off<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): this {
    this.settings.observer.events.off(name, listener)
    return this
  }

  /** Adds this manager's metrics to a Registry of prom-client. */
  registerMetrics(registry: MetricsRegistry): void {
    const { counts } = this.settings.observer
    const gauges = () => ({ ...this.#mode.gauges(), nodes: this.#store.gauges() })
    registerSessionMetrics(registry, { counts, gauges })
  }

  /** The original's counters and probes, of this process since its start. */
  statistics(): SessionStatistics {
    return sessionStatistics(this.settings.observer.counts)
  }

  /** Stores what is unsaved once more, then closes the connections. */
  async close(): Promise<void> {
    this.#control.close()
    await this.#mode.close()
    await this.#locking?.close()
    await this.#store.close()
  }

  /** Stands in for a session that cannot be loaded now: empty, not stored, without a cookie. */
  #degraded(id: string, error: unknown, request: RequestFacts | undefined): ActiveSession {
    if (!(error instanceof SessionStoreUnavailableError)) throw error
    this.settings.logger.warn({ err: error }, 'request goes on without its session')
    const active = this.create(request)
    active.detached = true
    active.degraded = true
    active.notLoadedId = id
    return active
  }

  /** Of several cookies of one name the first whose session is known. */
  async #loadFirst(ids: readonly string[], request?: RequestFacts): Promise<ActiveSession> {
    for (const id of ids) {
      const active = await this.#loadKnown(id, request)
      if (active !== undefined) return active
    }
    return this.create(request)
  }

  #loadKnown(
    id: string,
    request: RequestFacts | undefined,
  ): ActiveSession | undefined | Promise<ActiveSession | undefined> {
    if (this.#locking === undefined) return this.#mode.load(id)
    return this.#locking.load(id, request, () => this.#mode.load(id))
  }

  #verifiedIds(cookieValues: readonly string[]): string[] {
    const ids: string[] = []
    for (const value of cookieValues) {
      const id = this.#signer.verify(value)
      if (id === undefined || ids.includes(id)) continue
      if (parseSessionId(id, this.#withNodeId) !== undefined) ids.push(id)
    }
    return ids
  }

  get #withNodeId(): boolean {
    return this.#store.withNodeIds
  }
}
