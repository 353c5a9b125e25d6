/**
 * Turns conditions into alerts: one is raised when its condition has lasted, shown while it lasts,
 * and told again only after a while. It has no clock of its own and tells nobody itself.
 */
import type { Condition } from './alert-rules.ts'
import type { AlertKey } from './alert-settings.ts'
import type { Alert } from './member-figures.ts'

/** The same alert is not told again within this. */
export const TELL_AGAIN_MS = 600_000
/** A disk does not become emptier by itself. */
export const TELL_DISK_AGAIN_MS = 43_200_000
/** What happened at one moment is shown for this long. */
export const MOMENT_SHOWN_MS = 600_000
/** Alerts shown at once. */
const ALERTS_MAX = 200
/** Alerts whose telling is remembered. */
const TOLD_MAX = 1000

/** A condition has to last this long: less is a restart or a move under way. */
const LASTING_MS: Partial<Record<AlertKey, number>> = {
  degraded: 10_000,
  unavailable: 3000,
  engine: 5000,
  memory: 30_000,
  clock_skew: 5000,
}

export interface AlertChanges {
  /** To be told: raised, or still so after a long time. */
  told: Alert[]
  over: Alert[]
}

interface Seen extends Condition {
  sinceMs: number
  raised: boolean
  /** Set for what happened at one moment: gone after it. */
  untilMs: number | null
}

export class Alerts {
  readonly #seen = new Map<string, Seen>()
  readonly #toldAtMs = new Map<string, number>()

  /** Alerts that are raised at present, oldest first. */
  get current(): Alert[] {
    return [...this.#seen.values()].filter((one) => one.raised).map(alertOf)
  }

  /** Everything that is so at this moment (unix time). */
  update(conditions: readonly Condition[], nowMs: number): AlertChanges {
    const changes: AlertChanges = { told: [], over: [] }
    const names = new Set(conditions.map(nameOf))
    for (const [name, seen] of this.#seen) {
      const isOver = seen.untilMs === null ? !names.has(name) : nowMs >= seen.untilMs
      if (!isOver) continue
      this.#seen.delete(name)
      if (seen.raised && seen.untilMs === null) changes.over.push(alertOf(seen))
    }
    for (const condition of conditions) {
      const name = nameOf(condition)
      const seen = this.#seen.get(name)
      if (seen) seen.text = condition.text
      else if (this.#seen.size < ALERTS_MAX) {
        this.#seen.set(name, { ...condition, sinceMs: nowMs, raised: false, untilMs: null })
      }
    }
    for (const seen of this.#seen.values()) {
      if (nowMs - seen.sinceMs < (LASTING_MS[seen.key] ?? 0)) continue
      seen.raised = true
      if (seen.untilMs === null && this.#isToTell(seen, nowMs)) changes.told.push(alertOf(seen))
    }
    return changes
  }

  /** Something that happened at this moment; null when it was told not long ago. */
  happened(condition: Condition, nowMs: number): Alert | null {
    const name = nameOf(condition)
    const seen = { ...condition, sinceMs: nowMs, raised: true, untilMs: nowMs + MOMENT_SHOWN_MS }
    if (this.#seen.size < ALERTS_MAX) this.#seen.set(name, seen)
    return this.#isToTell(seen, nowMs) ? alertOf(seen) : null
  }

  #isToTell(seen: Seen, nowMs: number): boolean {
    const name = nameOf(seen)
    const againMs = seen.key === 'disk' ? TELL_DISK_AGAIN_MS : TELL_AGAIN_MS
    const toldAtMs = this.#toldAtMs.get(name)
    if (toldAtMs !== undefined && nowMs - toldAtMs < againMs) return false
    this.#toldAtMs.delete(name)
    this.#toldAtMs.set(name, nowMs)
    const [oldest] = this.#toldAtMs.keys()
    if (this.#toldAtMs.size > TOLD_MAX && oldest !== undefined) this.#toldAtMs.delete(oldest)
    return true
  }
}

function nameOf({ key, about }: Pick<Condition, 'key' | 'about'>): string {
  return `${key}/${about}`
}

function alertOf({ key, about, text, sinceMs }: Seen): Alert {
  return { key, about, text, sinceMs }
}
