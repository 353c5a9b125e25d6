/**
 * Asks this member's engines once a second what they have done, over connections of its own, and
 * keeps the last answers: statistics and metrics are made from them. One that has done nothing for
 * clients is asked every other second; what it then does first counts as spread over both. It never
 * waits for an engine longer than a command's deadline; one that does not answer has no figures.
 */
import type { ClusterDocument } from '../document/cluster-document.ts'
import { EngineControl } from '../engines/engine-control.ts'
import {
  type EngineCounters,
  type EngineFigures,
  FIGURE_SECTIONS,
  ratesBetween,
  readEngineFigures,
} from './engine-figures.ts'

/** An engine that did not answer is asked again after this. */
const PAUSE_MS = 5000
/** An engine at rest is asked this often: a little less, so that a timer's turn is not missed. */
const REST_MS = 1900
/** What says that clients, or a primary, have work for it. */
const WORK = ['commands', 'expired', 'evicted', 'errors'] as const

/** What an engine said last. */
export interface EngineSample {
  bucket: string
  shard: number
  figures: EngineFigures
  /** Counters per second since the sample before. */
  rates: EngineCounters
}

interface Asked {
  bucket: string
  shard: number
  password: string
  control: EngineControl
  sample: EngineSample | null
  askedMs: number
  notBeforeMs: number
}

export class EngineSampler {
  readonly #asked = new Map<string, Asked>()

  /** Samples of all engines that answer. */
  get samples(): EngineSample[] {
    return [...this.#asked.values()].flatMap(({ sample }) => sample ?? [])
  }

  /** Asks every engine that the document puts on this member; `runs` says which to ask at all. */
  async sample(
    document: ClusterDocument,
    self: number,
    runs: (bucket: string, shard: number) => boolean,
  ): Promise<EngineSample[]> {
    this.#follow(document, self)
    await Promise.all(
      [...this.#asked.values()].map((one) => this.#ask(one, runs(one.bucket, one.shard))),
    )
    return this.samples
  }

  close(): void {
    for (const { control } of this.#asked.values()) control.close()
    this.#asked.clear()
  }

  #follow(document: ClusterDocument, self: number): void {
    const host = document.members.find((m) => m.id === self)?.host ?? ''
    const keys = new Set<string>()
    for (const bucket of document.buckets) {
      for (const [shard, { instances }] of bucket.shards.entries()) {
        const port = instances.find((i) => i.member === self)?.port
        if (port === undefined) continue
        const key = `${bucket.uuid}/${shard}/${host}:${port}`
        keys.add(key)
        if (this.#asked.has(key)) continue
        const password = bucket.engineAdminPassword
        const control = new EngineControl({ host, port, password })
        const pauses = { sample: null, askedMs: 0, notBeforeMs: 0 }
        this.#asked.set(key, { bucket: bucket.uuid, shard, password, control, ...pauses })
      }
    }
    for (const [key, { control }] of this.#asked) {
      if (keys.has(key)) continue
      control.close()
      this.#asked.delete(key)
    }
  }

  async #ask(one: Asked, runs: boolean): Promise<void> {
    if (!runs || performance.now() < one.notBeforeMs) {
      one.sample = null
      return
    }
    if (one.sample !== null && isAtRest(one.sample) && performance.now() < one.askedMs + REST_MS) {
      return
    }
    try {
      const text = await one.control.text('INFO', ...FIGURE_SECTIONS)
      const nowMs = performance.now()
      const figures = readEngineFigures(text)
      const before = one.sample?.figures.counters
      const rates = ratesBetween(before, figures.counters, (nowMs - one.askedMs) / 1000)
      one.askedMs = nowMs
      one.sample = { bucket: one.bucket, shard: one.shard, figures, rates }
    } catch {
      one.sample = null
      one.notBeforeMs = performance.now() + PAUSE_MS
    }
  }
}

/** Nothing was asked of it by clients, and nothing came from its primary. */
function isAtRest({ rates }: EngineSample): boolean {
  return WORK.every((name) => rates[name] === 0)
}
