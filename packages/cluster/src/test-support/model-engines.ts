/**
 * Engines as records, for the model of a bucket: what a process and its files are, who follows
 * whom, what a write reaches. They live by the real engines' rules: the newest claim wins, a
 * replica whose primary lost its claim follows the winner, a new replica makes a full copy first.
 */

import { type EngineStatus, UNKNOWN_STATUS } from '../membership/messages.ts'

/** Turns that a full copy takes. */
const COPY_TURNS = 2

/** One copy of a shard: a process with its files. The files outlive the process. */
export interface ModelEngine {
  id: string
  alive: boolean
  silent: boolean
  role: 'primary' | 'replica'
  primaryId: string
  hasSlots: boolean
  epoch: number
  /** The link to its primary is cut from outside. */
  linkCut: boolean
  /** Turns until it has a full copy; 0 when it follows write by write. */
  copying: number
  /** Number of the last write that it has. */
  written: number
  /** The leader allows its start. */
  granted: boolean
}

export class ModelEngines {
  readonly #engines = new Map<string, ModelEngine>()
  #idCount = 0
  #writeCount = 0

  at(shard: number, member: number | null): ModelEngine | undefined {
    return member === null ? undefined : this.#engines.get(`${shard}/${member}`)
  }

  /** The engine's record; a fresh, empty, stopped one when there are no files. */
  made(shard: number, member: number): ModelEngine {
    const key = `${shard}/${member}`
    const engine = this.#engines.get(key) ?? {
      id: `engine-${++this.#idCount}`,
      alive: false,
      silent: false,
      role: 'primary',
      primaryId: '',
      hasSlots: false,
      epoch: 0,
      linkCut: false,
      copying: 0,
      written: 0,
      granted: false,
    }
    this.#engines.set(key, engine)
    return engine
  }

  /** Process and files are gone. */
  destroy(shard: number, member: number): boolean {
    return this.#engines.delete(`${shard}/${member}`)
  }

  all(): [key: string, engine: ModelEngine][] {
    return [...this.#engines]
  }

  of(shard: number): ModelEngine[] {
    return this.all().flatMap(([key, engine]) => (key.startsWith(`${shard}/`) ? [engine] : []))
  }

  on(member: number): ModelEngine[] {
    return this.all().flatMap(([key, engine]) => (key.endsWith(`/${member}`) ? [engine] : []))
  }

  /** What its manager says of it, or what it says itself when there is none. */
  status(
    place: { bucket: string; shard: number; port: number },
    member: number,
    isManaged: boolean,
  ): EngineStatus {
    const engine = this.at(place.shard, member)
    const state = engine?.silent ? 'silent' : engine?.alive ? 'running' : 'stopped'
    const isTold = engine?.alive || !isManaged
    // A manager forgets what a stopped engine has said; others keep what they last heard of it.
    if (!engine || !isTold)
      return { ...place, ...UNKNOWN_STATUS, state, engineId: engine?.id ?? '' }
    return {
      ...place,
      ...UNKNOWN_STATUS,
      state,
      engineId: engine.id,
      role: engine.role,
      primaryId: engine.primaryId,
      linkUp: this.isLinked(place.shard, engine),
      slots: engine.hasSlots ? [[0, 1]] : [],
      known: this.all().map(([key, e]) => ({ id: e.id, address: key, failed: !e.alive })),
      configEpoch: engine.epoch,
    }
  }

  start(engine: ModelEngine): void {
    engine.alive = true
    engine.granted = false
    if (engine.role === 'replica') engine.copying = COPY_TURNS
  }

  stop(engine: ModelEngine): void {
    engine.alive = false
    engine.silent = false
    engine.granted = false
  }

  isLinked(shard: number, engine: ModelEngine): boolean {
    const from = this.of(shard).find((e) => e.id === engine.primaryId)
    const isAble = isAnswering(engine) && engine.role === 'replica' && !engine.linkCut
    return isAble && engine.copying === 0 && from !== undefined && isAnswering(from)
  }

  /** What the engines of a shard do among themselves in a turn. */
  live(shard: number): void {
    const engines = this.of(shard)
    const owner = engines
      .filter((e) => isAnswering(e) && claims(e))
      .reduce<ModelEngine | null>((a, b) => (a && a.epoch >= b.epoch ? a : b), null)
    if (!owner) return
    for (const engine of engines) {
      if (engine === owner || !isAnswering(engine)) continue
      const follows = engine.role === 'replica' && engine.primaryId === owner.id
      const followsLoser = !follows && engines.some((e) => e.id === engine.primaryId)
      if (claims(engine) || followsLoser) this.follow(engine, owner)
      else if (follows && !engine.linkCut && engine.copying > 0) {
        engine.copying--
        if (engine.copying === 0) engine.written = owner.written
      }
    }
  }

  /** A write to that engine, and to whoever follows it; its number, or null when it is refused. */
  write(shard: number, primary: ModelEngine): number | null {
    if (!isAnswering(primary) || !claims(primary)) return null
    primary.written = ++this.#writeCount
    for (const engine of this.of(shard)) {
      const follows = engine.primaryId === primary.id && this.isLinked(shard, engine)
      if (follows) engine.written = primary.written
    }
    return primary.written
  }

  /** Becomes a replica of that primary: what it holds is replaced by a full copy. */
  follow(engine: ModelEngine, primary: ModelEngine): void {
    engine.role = 'replica'
    engine.primaryId = primary.id
    engine.hasSlots = false
    engine.copying = COPY_TURNS
  }

  promote(shard: number, engine: ModelEngine): void {
    engine.role = 'primary'
    engine.primaryId = ''
    engine.hasSlots = true
    engine.copying = 0
    engine.epoch = Math.max(...this.of(shard).map((e) => e.epoch)) + 1
  }
}

export function isAnswering(engine: ModelEngine): boolean {
  return engine.alive && !engine.silent
}

/** Takes writes for the shard, by its own word. */
export function claims(engine: ModelEngine): boolean {
  return engine.role === 'primary' && engine.hasSlots
}
