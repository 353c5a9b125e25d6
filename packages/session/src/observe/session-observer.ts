/*
 * The one place that everything worth knowing about sessions is reported to: it counts, times,
 * tells listeners, makes spans and publishes on diagnostics channels. The areas reach it as
 * `settings.observer`, like the logger.
 *
 * The request of a session in local memory costs some additions here, no clock, no closure and no
 * object. What has to wait for the store is timed. Nothing in this file decides anything, and
 * nothing here throws.
 */
import { channel } from 'node:diagnostics_channel'
import type { ActiveSession } from '../active-session.ts'
import { countOne, type LoadResult, SessionCounts } from './session-counts.ts'
import { type SessionEventMap, type SessionEventName, SessionEvents } from './session-events.ts'
import {
  endSpan,
  errorType,
  failSpan,
  hashOfSid,
  installedTracer,
  type SessionSpan,
  type SessionTracer,
  type SPANS,
  startSpan,
} from './tracing.ts'

export interface ObserverSettings {
  statistics: boolean
  tracing: boolean | SessionTracer
}

/** What the observer asks of its surroundings. */
export interface Surroundings {
  /** The random part of an id. */
  sidOf(id: string): string
  /** `host:port` of the store node that the id names. */
  addressOf(id: string): string | undefined
  onListenerError(error: unknown): void
}

const loads = channel('holdfast:session:load')
const saves = channel('holdfast:session:save')
const events = channel('holdfast:session:event')

export class SessionObserver {
  readonly counts: SessionCounts = new SessionCounts()
  readonly events: SessionEvents = new SessionEvents((error) =>
    this.#surroundings?.onListenerError(error),
  )
  readonly statistics: boolean
  readonly #tracer: SessionTracer | undefined
  #surroundings: Surroundings | undefined

  constructor({ statistics, tracing }: ObserverSettings) {
    this.statistics = statistics
    if (typeof tracing === 'object') this.#tracer = tracing
    else this.#tracer = tracing ? installedTracer() : undefined
  }

  /** Before the first report. */
  attach(surroundings: Surroundings): void {
    this.#surroundings = surroundings
  }

  tell<Name extends SessionEventName>(name: Name, event: SessionEventMap[Name][0]): void {
    countOne(this.counts.events, name)
    if (events.hasSubscribers) events.publish({ event: name, idHash: this.#hashOf(event.id) })
    if (this.events.hasListeners(name)) this.events.tell(name, event)
  }

  /** A session was looked for in local memory only; undefined: it is not there. */
  loadedLocally(active: ActiveSession | undefined, expiredBefore: number): void {
    if (active !== undefined) this.counts.loads.hit_local++
    else if (this.counts.expiredHere > expiredBefore) this.counts.loads.expired++
    else this.counts.loads.miss++
  }

  /** A session is looked for in the store. */
  loading(
    id: string,
    found: Promise<ActiveSession | undefined>,
  ): Promise<ActiveSession | undefined> {
    const span = this.#span('load', id)
    const startMs = performance.now()
    const settled = (result: LoadResult, error?: unknown): void => {
      this.counts.loads[result]++
      const durationMs = performance.now() - startMs
      this.counts.loadSeconds.add(durationMs / 1000)
      if (loads.hasSubscribers) loads.publish({ result, durationMs, idHash: this.#hashOf(id) })
      if (span === undefined) return
      if (result === 'error') failSpan(span, error)
      else endSpan(span, result)
    }
    return found.then(
      (active) => {
        if (active === undefined) settled('miss')
        else settled(active.local !== undefined && active.cookieDue ? 'takeover' : 'hit_remote')
        return active
      },
      (error: unknown) => {
        settled('error', error)
        throw error
      },
    )
  }

  /** A session goes on under another id: here instead of on another server, or on another node. */
  takenOver(id: string, previousId: string): void {
    const [from, to] = [routeOf(previousId), routeOf(id)]
    if (from !== to) {
      this.counts.countFailover('server', from, to)
      this.tell('takenOver', { id, previousId })
    }
    const [fromNode, toNode] = [nodeOf(previousId), nodeOf(id)]
    if (fromNode !== toNode) {
      this.counts.countFailover('node', fromNode, toNode)
      this.tell('relocated', { id, previousId })
    }
  }

  /** A clock for `committed`; 0 when nothing is timed. */
  get nowMs(): number {
    return this.statistics ? performance.now() : 0
  }

  /** The end of a request found nothing to store. */
  skipped(active: ActiveSession, startMs: number): void {
    if (active.isNew) return
    this.counts.saves.skipped_clean++
    if (!active.accessed) {
      this.counts.withoutAccess++
      return
    }
    this.counts.withoutModification++
    this.encoded(startMs)
  }

  /** A session is being stored; `wasNew`: for the first time. */
  saving(active: ActiveSession, wasNew: boolean, saved: Promise<void>): void {
    const { id } = active
    const span = this.#span('save', id)
    const startMs = performance.now()
    const settled = (result: 'written' | 'error', error?: unknown): void => {
      this.counts.saves[result]++
      const durationMs = performance.now() - startMs
      this.counts.saveSeconds.add(durationMs / 1000)
      if (saves.hasSubscribers) saves.publish({ result, durationMs, idHash: this.#hashOf(id) })
      if (span === undefined) return
      if (result === 'error') failSpan(span, error)
      else endSpan(span, result)
    }
    saved.then(
      () => {
        settled('written')
        if (wasNew && !active.destroyed) {
          // Who listens may change them.
          const isHeard = this.events.hasListeners('created')
          this.tell('created', { id, attributes: isHeard ? active.attributes : {} })
        }
      },
      (error: unknown) => settled('error', error),
    )
  }

  /** The synchronous part of a commit is encoding and comparing. */
  encoded(startMs: number): void {
    if (this.statistics) this.counts.encodeSeconds.add((performance.now() - startMs) / 1000)
  }

  decoded(startMs: number): void {
    if (this.statistics) this.counts.decodeSeconds.add((performance.now() - startMs) / 1000)
  }

  /** A response was held for its session. */
  held(startMs: number): void {
    if (this.statistics) this.counts.holdSeconds.add((performance.now() - startMs) / 1000)
  }

  /** One operation on one node of the store, with all its repetitions. */
  operation(node: string, operation: string, startMs: number, error?: unknown): void {
    this.counts.operationsOf(node, operation).add((performance.now() - startMs) / 1000)
    if (error === undefined) return
    // The cause tells whether the node was away, slow or refused.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    countOne(this.counts.nodeErrors, `${node} ${errorType(cause)}`)
  }

  /** So that its counters begin at 0. */
  nodeOpened(node: string): void {
    this.counts.circuitOf(node)
  }

  /** A node of the store said nothing for so long that it is not asked any more. */
  nodeAway(node: string): void {
    this.counts.circuitOf(node).openings++
  }

  /** A node that is away was asked whether it is back. */
  nodeProbed(node: string, isBack: boolean): void {
    this.counts.circuitOf(node).probes[isBack ? 'answered' : 'failed']++
  }

  nodeBack(node: string, awayMs: number): void {
    this.counts.circuitOf(node).awaySeconds += awayMs / 1000
  }

  /** `work` waits for a lock; false: it was not had in time. */
  locking(id: string, acquired: Promise<boolean>): Promise<boolean> {
    const span = this.#span('lock', id)
    const startMs = performance.now()
    const settled = (isHeld: boolean): void => {
      const seconds = (performance.now() - startMs) / 1000
      const { counts } = this
      if (isHeld) counts.lockWaitSeconds.add(seconds)
      else counts.lockFailureSeconds.add(seconds)
      if (isHeld) counts.locksHeld++
      else counts.lockTimeouts++
    }
    return acquired.then(
      (isHeld) => {
        settled(isHeld)
        if (span !== undefined) endSpan(span, isHeld ? 'acquired' : 'timeout')
        return isHeld
      },
      (error: unknown) => {
        settled(false)
        if (span !== undefined) failSpan(span, error)
        throw error
      },
    )
  }

  /** A lock that `locking` told of is given back. */
  unlocked(startMs: number): void {
    this.counts.locksHeld--
    if (this.statistics) this.counts.lockReleaseSeconds.add((performance.now() - startMs) / 1000)
  }

  #span(kind: keyof typeof SPANS, id: string): SessionSpan | undefined {
    if (this.#tracer === undefined) return undefined
    const sid = this.#surroundings?.sidOf(id) ?? id
    return startSpan(this.#tracer, kind, { sid, address: this.#surroundings?.addressOf(id) })
  }

  #hashOf(id: string): string {
    return hashOfSid(this.#surroundings?.sidOf(id) ?? id)
  }
}

function routeOf(id: string): string {
  const dot = id.indexOf('.')
  return dot === -1 ? 'none' : id.slice(dot + 1)
}

/** What follows the last `-` before the route; without node ids it is the same before and after. */
function nodeOf(id: string): string {
  const dot = id.indexOf('.')
  const head = dot === -1 ? id : id.slice(0, dot)
  const dash = head.lastIndexOf('-')
  return dash === -1 ? 'none' : head.slice(dash + 1)
}
