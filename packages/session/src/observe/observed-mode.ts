/*
 * A mode with every call reported to the observer. It changes nothing: what the mode says is
 * handed on as it is, except that a load or save from the store is watched on its way.
 */
import type { ActiveSession, Commit, SessionMode } from '../active-session.ts'
import type { LocalSession } from '../local-sessions.ts'
import type { Written } from '../store/session-store.ts'
import type { ModeGauges } from './metrics-table.ts'
import type { SessionObserver } from './session-observer.ts'

export class ObservedMode implements SessionMode {
  readonly #mode: SessionMode
  readonly #observer: SessionObserver

  constructor(mode: SessionMode, observer: SessionObserver) {
    this.#mode = mode
    this.#observer = observer
  }

  load(id: string): Promise<ActiveSession | undefined> | ActiveSession | undefined {
    const expiredBefore = this.#observer.counts.expiredHere
    const found = this.#mode.load(id)
    if (found instanceof Promise) return this.#observer.loading(id, found)
    this.#observer.loadedLocally(found, expiredBefore)
    return found
  }

  peek(id: string): ActiveSession | undefined {
    return this.#mode.peek(id)
  }

  create(id: string): ActiveSession {
    return this.#mode.create(id)
  }

  admit(): void {
    this.#mode.admit()
  }

  isChanged(active: ActiveSession): boolean {
    return this.#mode.isChanged(active)
  }

  commit(active: ActiveSession, saveUninitialized: boolean): Commit {
    const wasNew = active.isNew
    const startMs = active.accessed ? this.#observer.nowMs : 0
    const commit = this.#mode.commit(active, saveUninitialized)
    if (commit.saved === undefined) {
      this.#observer.skipped(active, startMs)
    } else {
      this.#observer.encoded(startMs)
      this.#observer.saving(active, wasNew, commit.saved)
    }
    return commit
  }

  save(active: ActiveSession): Promise<void> {
    const wasNew = active.isNew
    const saved = this.#mode.save(active)
    this.#observer.saving(active, wasNew, saved)
    return saved
  }

  storeOnce(active: ActiveSession): Promise<Written['outcome']> {
    return this.#mode.storeOnce(active)
  }

  held(id: string): LocalSession | undefined {
    return this.#mode.held(id)
  }

  reload(active: ActiveSession): Promise<void> {
    return this.#mode.reload(active)
  }

  async destroy(active: ActiveSession): Promise<void> {
    const wasThere = !active.isNew && !active.destroyed
    await this.#mode.destroy(active)
    if (wasThere) this.#observer.tell('destroyed', { id: active.id, by: 'application' })
  }

  async destroyById(id: string): Promise<void> {
    await this.#mode.destroyById(id)
    this.#observer.tell('destroyed', { id, by: 'application' })
  }

  gauges(): ModeGauges {
    return this.#mode.gauges()
  }

  close(): Promise<void> {
    return this.#mode.close()
  }
}
