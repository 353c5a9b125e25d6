/*
 * Sticky mode: the session in local memory is the master, the store holds its backup.
 *
 * A request for a local session costs no store operation unless it changed the session. A session
 * that is not here is taken over from the store: its id gets this server's route and it is stored
 * once more, which tells other servers by its version (CAS). The key stays the same, so two servers
 * that take a session over at once still share it, and merge what each of them writes. Parallel
 * requests of one user at one server share one takeover.
 *
 * The foreign route in the cookie is what tells that another server has served this user since: a
 * local copy is then brought up to date first. Without a route that cannot be seen; a user who is
 * moved away and back meets the older local copy until it is written.
 */
import type { Commit, SessionMode } from './active-session.ts'
import { ActiveSession, NOTHING_TO_COMMIT } from './active-session.ts'
import type { SessionCodec, SessionContent } from './encoding/session-codec.ts'
import { SessionGoneError, TooManySessionsError } from './errors.ts'
import { isExpired, type LocalSession, LocalSessions } from './local-sessions.ts'
import type { ModeGauges } from './observe/metrics-table.ts'
import type { SessionSettings } from './options.ts'
import { forgetSaved, renewIntervalMs, SessionBackup } from './session-backup.ts'
import { formatSessionId, parseSessionId } from './session-id.ts'
import type { SessionStore, StoredSession, Written } from './store/session-store.ts'
import { lifeSeconds } from './ttl.ts'

const SWEEP_INTERVAL_MS_MAX = 10_000
/** Expired sessions removed by one run of the sweep timer. */
export const SWEEP_BATCH = 1000

export class StickyMode implements SessionMode {
  readonly #settings: SessionSettings
  readonly #store: SessionStore
  readonly #codec: SessionCodec
  readonly #backup: SessionBackup
  readonly #sessions = new LocalSessions()
  readonly #takeovers = new Map<string, Promise<LocalSession | undefined>>()
  readonly #sweepTimer: NodeJS.Timeout

  constructor(store: SessionStore, settings: SessionSettings, codec: SessionCodec) {
    this.#settings = settings
    this.#store = store
    this.#codec = codec
    this.#backup = new SessionBackup(store, settings, codec)
    const { maxInactiveSeconds } = settings
    const intervalMs = maxInactiveSeconds > 0 ? maxInactiveSeconds * 500 : SWEEP_INTERVAL_MS_MAX
    this.#sweepTimer = setInterval(
      () => this.#sweep(),
      Math.min(intervalMs, SWEEP_INTERVAL_MS_MAX),
    ).unref()
  }

  gauges(): ModeGauges {
    const { queueLength, lagMs } = this.#backup
    return { localSessions: this.#sessions.size, backupQueue: queueLength, backupLagMs: lagMs }
  }

  load(id: string): Promise<ActiveSession | undefined> | ActiveSession | undefined {
    const nowMs = Date.now()
    const local = this.#sessions.get(id) ?? this.#movingHere(id)
    if (local !== undefined && (local.destroyed || isExpired(local, nowMs))) {
      this.#drop(local)
      return undefined
    }
    if (local !== undefined) {
      this.#relocateIfDue(local)
      return this.#activate(local, id, nowMs)
    }
    // The browser may still send the id that the session had before it moved.
    if (!this.#settings.enabled || !this.#store.knows(id)) return this.peek(id)
    if (this.#backup.isDeleteOwed(id)) return undefined
    return this.#takeOver(id)
  }

  peek(id: string): ActiveSession | undefined {
    const local = this.#sessions.get(id) ?? this.#movedHere(id)
    const nowMs = Date.now()
    if (local === undefined || isExpired(local, nowMs)) return undefined
    return this.#activate(local, id, nowMs)
  }

  create(id: string): ActiveSession {
    const nowMs = Date.now()
    const watch = this.#codec.watch({})
    const local: LocalSession = {
      id,
      attributes: watch.watched,
      watch,
      cookie: {},
      createdMs: nowMs,
      lastAccessedMs: nowMs,
      maxInactiveSeconds: this.#settings.maxInactiveSeconds,
      savedContent: undefined,
      savedCas: undefined,
      heldContent: undefined,
      renewedMs: 0,
      unclaimed: false,
      supersededId: undefined,
      formerId: undefined,
      destroyed: false,
    }
    return activeSession(local, true, false)
  }

  admit(): void {
    const { maxActiveSessions } = this.#settings
    if (maxActiveSessions >= 0 && this.#sessions.size >= maxActiveSessions) {
      throw new TooManySessionsError(maxActiveSessions)
    }
  }

  isChanged({ local, isNew }: ActiveSession): boolean {
    if (local === undefined) return false
    if (isNew) return Object.keys(local.attributes).length > 0
    if (this.#settings.enabled) return this.#backup.isDirty(local)
    return this.#contentHere(local) !== (local.heldContent ?? local.savedContent)
  }

  commit(active: ActiveSession, saveUninitialized: boolean): Commit {
    const { local } = active
    if (local === undefined || local.destroyed) return NOTHING_TO_COMMIT
    local.maxInactiveSeconds = lifeSeconds(this.#settings, local.cookie)
    if (active.isNew) {
      if (!saveUninitialized && Object.keys(local.attributes).length === 0) return NOTHING_TO_COMMIT
      this.#sessions.put(local)
      active.isNew = false
      if (!this.#settings.enabled) return this.#commitHere(active, local, true)
      return { saved: this.#backup.save(local), cookieDue: true }
    }
    const { cookieDue } = active
    active.cookieDue = false
    if (!this.#settings.enabled) return this.#commitHere(active, local, cookieDue)
    const isDue = local.unclaimed || local.supersededId !== undefined
    if (isDue) return { saved: this.#backup.save(local), cookieDue }
    const content = active.accessed ? this.#backup.dirtyContent(local) : undefined
    if (content !== undefined) return { saved: this.#backup.save(local, content), cookieDue }
    if (this.#backup.isOwed(local)) this.#backup.save(local).catch(() => undefined)
    else this.#renewIfDue(local)
    return { saved: undefined, cookieDue }
  }

  /** Without a store: whether the session differs from what its last request left. */
  #commitHere({ accessed }: ActiveSession, local: LocalSession, cookieDue: boolean): Commit {
    if (!accessed) return { saved: undefined, cookieDue }
    const content = this.#contentHere(local)
    const changed = content !== (local.heldContent ?? local.savedContent)
    local.heldContent = content
    return { saved: undefined, cookieDue, changed }
  }

  /** Undefined for what has no stored form: without a store that is no fault. */
  #contentHere({ attributes, cookie }: LocalSession): SessionContent | undefined {
    try {
      return this.#codec.content(attributes, cookie)
    } catch {
      return undefined
    }
  }

  async save(active: ActiveSession): Promise<void> {
    active.accessed = true
    active.watch.changed()
    const wasNew = active.isNew
    const { saved } = this.commit(active, true)
    // The response still has to carry the cookie.
    if (wasNew) active.cookieDue = true
    await saved
  }

  async storeOnce(active: ActiveSession): Promise<Written['outcome']> {
    await this.save(active)
    return 'STORED'
  }

  held(id: string): LocalSession | undefined {
    const local = this.#sessions.get(id) ?? this.#movedHere(id)
    if (local === undefined || local.destroyed || isExpired(local, Date.now())) return undefined
    return local
  }

  reload(active: ActiveSession): Promise<void> {
    // The local session is the master: there is nothing newer anywhere.
    const { local } = active
    if (local === undefined || local.destroyed || this.#sessions.get(local.id) !== local) {
      return Promise.reject(new SessionGoneError())
    }
    return Promise.resolve()
  }

  async destroy(active: ActiveSession): Promise<void> {
    active.destroyed = true
    const { local } = active
    if (local === undefined) return
    local.destroyed = true
    this.#sessions.remove(local)
    if (!this.#settings.enabled || active.isNew) return
    await this.#backup.remove(local)
  }

  async destroyById(id: string): Promise<void> {
    const local = this.#sessions.get(id) ?? this.#sessions.get(this.#ownId(id))
    if (local !== undefined) {
      this.#sessions.remove(local)
      if (this.#settings.enabled) await this.#backup.remove(local)
      local.destroyed = true
    } else if (this.#settings.enabled && this.#store.knows(id)) {
      await this.#backup.end(id)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweepTimer)
    if (this.#settings.enabled) await this.#backup.close()
  }

  /** The local session taken over from this id: the browser has not heard of its new id yet. */
  #movedHere(id: string): LocalSession | undefined {
    return this.#sessions.movedFrom(id)
  }

  /** Not stored by this server yet, or what is stored under that id was left behind by it. */
  #movingHere(id: string): LocalSession | undefined {
    const ours = this.#movedHere(id)
    if (ours === undefined) return undefined
    const isOurs = ours.unclaimed || ours.supersededId === id || this.#backup.hasLeft(id)
    return isOurs ? ours : undefined
  }

  /** Its node is away: the session goes on under the id of another node, where it is stored anew. */
  #relocateIfDue(local: LocalSession): void {
    if (!this.#settings.enabled) return
    const id = this.#store.relocated(local.id)
    if (id === undefined) return
    const from = local.id
    // It moves on before it was stored.
    void this.#backup.dropSuperseded(local)
    local.supersededId = from
    forgetSaved(local)
    this.#sessions.move(local, id)
    this.#settings.logger.info({}, 'session moves to another store node')
    this.#settings.observer.takenOver(id, from)
  }

  #activate(local: LocalSession, sentId: string, nowMs: number): ActiveSession {
    local.lastAccessedMs = nowMs
    return activeSession(local, false, local.id !== sentId)
  }

  async #takeOver(id: string): Promise<ActiveSession | undefined> {
    let takeover = this.#takeovers.get(id)
    if (takeover === undefined) {
      takeover = this.#loadForeign(id).finally(() => this.#takeovers.delete(id))
      this.#takeovers.set(id, takeover)
    }
    const local = await takeover
    if (local === undefined || local.destroyed) return undefined
    return this.#activate(local, id, Date.now())
  }

  /** The session as the store has it; a copy that this server has already is brought up to date. */
  async #loadForeign(id: string): Promise<LocalSession | undefined> {
    const ours = this.#sessions.get(this.#ownId(id))
    // On a node that is away a session is lost, where others are up: its only other copy was in the
    // memory of a server that is not this one.
    const isLost = this.#store.relocated(id) !== undefined && !this.#store.isUp(id)
    const item = isLost ? undefined : await this.#loadItem(id)
    if (item === 'away') return ours
    if (this.#backup.isDeleteOwed(id)) return undefined
    if (ours !== undefined && !ours.destroyed) return await this.#bringUpToDate(ours, item)
    return item === undefined ? this.#movedHere(id) : await this.#adopt(item, id)
  }

  /** With the store away, a session that is here is served from here. */
  async #loadItem(id: string): Promise<StoredSession | 'away' | undefined> {
    try {
      return await this.#store.load(id)
    } catch (error) {
      if (this.#sessions.get(this.#ownId(id)) !== undefined) return 'away'
      throw error
    }
  }

  /** Another server has served this user since. */
  async #bringUpToDate(
    ours: LocalSession,
    item: StoredSession | undefined,
  ): Promise<LocalSession | undefined> {
    if (item !== undefined) {
      const isCurrent = item.cas !== undefined && item.cas === ours.savedCas
      if (!isCurrent) await this.#backup.mergeStored(ours, item)
    } else {
      if (await this.#backup.wasEnded(ours)) {
        this.#sessions.remove(ours)
        return undefined
      }
      forgetSaved(ours)
    }
    ours.unclaimed = true
    return ours
  }

  async #adopt(item: StoredSession, id: string): Promise<LocalSession | undefined> {
    const { logger, observer } = this.#settings
    const startMs = observer.nowMs
    const decoded = await this.#codec.decode(item.value, id)
    observer.decoded(startMs)
    if (!decoded.ok) {
      logger.error({ why: decoded.unreadable }, 'stored session is not readable')
      observer.tell('unreadable', { id, why: decoded.unreadable })
      return undefined
    }
    const ownId = this.#ownId(id)
    const isForeign = ownId !== id
    const local: LocalSession = {
      ...decoded.envelope,
      watch: this.#codec.watch(decoded.envelope.attributes),
      id: ownId,
      lastAccessedMs: Date.now(),
      savedContent: decoded.content,
      savedCas: item.cas,
      heldContent: undefined,
      renewedMs: 0,
      unclaimed: isForeign,
      supersededId: undefined,
      formerId: isForeign ? id : undefined,
      destroyed: false,
    }
    this.#sessions.put(local)
    logger.info({ moved: isForeign }, 'session taken over')
    if (isForeign) observer.takenOver(ownId, id)
    return local
  }

  #ownId(id: string): string {
    const { route } = this.#settings
    if (route === undefined) return id
    const parsed = parseSessionId(id, this.#withNodeId)
    return parsed === undefined ? id : formatSessionId({ ...parsed, route })
  }

  get #withNodeId(): boolean {
    return this.#store.withNodeIds
  }

  #renewIfDue(local: LocalSession): void {
    const nowMs = Date.now()
    if (nowMs - local.renewedMs < renewIntervalMs(local)) return
    local.renewedMs = nowMs
    void this.#backup.renew(local)
  }

  #sweep(): void {
    for (const local of this.#sessions.takeExpired(Date.now(), SWEEP_BATCH)) this.#drop(local)
  }

  /** In the store it ends only if no other server has taken it over. */
  #drop(local: LocalSession): void {
    const { destroyed } = local
    local.destroyed = true
    this.#sessions.remove(local)
    if (destroyed) return
    const { enabled, observer } = this.#settings
    observer.counts.expiredHere++
    const { id, attributes } = local
    if (!enabled) observer.tell('expired', { id, attributes })
    if (!enabled) return
    this.#backup.discard(local).then(
      (wasThere) => {
        if (wasThere) observer.tell('expired', { id, attributes })
      },
      (error: unknown) =>
        this.#settings.logger.debug({ err: error }, 'expired session is left to the store'),
    )
  }
}

function activeSession(local: LocalSession, isNew: boolean, cookieDue: boolean): ActiveSession {
  const { id, watch, cookie, createdMs } = local
  return new ActiveSession({ id, watch, cookie, isNew, cookieDue, createdMs, local })
}
