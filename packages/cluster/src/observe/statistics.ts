/**
 * Statistics of this node: a sample a second of its engines and its machine, into the file that a
 * thread keeps; and answers about them, this node's or the sum over all members.
 */
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { shardRanges } from '@holdfast/topology'
import type { Logger } from 'pino'
import type { Bucket, Member } from '../document/cluster-document.ts'
import type { StoreNode } from '../node.ts'
import { COUNTERS, type EngineCounters, NO_COUNTERS } from './engine-figures.ts'
import { type EngineSample, EngineSampler } from './engine-sampler.ts'
import type { ProxyFigures } from './proxy-figures.ts'
import {
  BUCKET_STATS,
  type BucketMoment,
  PROXY_STATS,
  SYSTEM_STATS,
  sumGauges,
} from './stat-table.ts'
import { seriesSchema, type Window } from './statistics-series.ts'
import { type Sample, type Series, type SeriesQuestion, SYSTEM } from './statistics-store.ts'
import type { StatisticsAnswer, StatisticsRequest } from './statistics-thread.ts'

const SAMPLE_INTERVAL_MS = 1000
/** Buckets that are gone are forgotten this often. */
const KEEP_INTERVAL_MS = 60_000
const READ_TIMEOUT_MS = 3000
const MEMBERS_TIMEOUT_MS = 4000
/** Questions under way; more are refused. */
const QUESTIONS_MAX = 200
/** A thread that has failed is started again after this. */
const RESTART_MS = 10_000
const THREAD_MEGABYTES_MAX = 64

/** Raised when there are no statistics to be had. */
export class StatisticsError extends Error {
  readonly code = 'HOLDFAST_STATISTICS'
}

export class Statistics {
  readonly sampler: EngineSampler = new EngineSampler()
  readonly #node: StoreNode
  readonly #log: Logger
  readonly #questions = new Map<number, (answer: StatisticsAnswer) => void>()
  #thread: Worker | null = null
  #timer: NodeJS.Timeout | null = null
  #restart: NodeJS.Timeout | null = null
  #sampling = false
  #stopped = false
  #lastId = 0
  #keptMs = 0

  constructor(node: StoreNode, log: Logger) {
    this.#node = node
    this.#log = log
  }

  start(): void {
    this.#startThread()
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_INTERVAL_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearInterval(this.#timer)
    if (this.#restart) clearTimeout(this.#restart)
    this.sampler.close()
    const thread = this.#thread
    if (!thread) return
    const ended = new Promise((resolve) => thread.once('exit', resolve))
    this.#post({ kind: 'close' })
    await ended
  }

  /** This node's samples, as JSON text of a series. */
  async readText(question: SeriesQuestion): Promise<string> {
    if (!this.#thread || this.#questions.size >= QUESTIONS_MAX) {
      throw new StatisticsError('statistics are not available')
    }
    const id = ++this.#lastId
    const { promise, resolve } = Promise.withResolvers<StatisticsAnswer>()
    const late = { id, error: `no answer within ${READ_TIMEOUT_MS} ms` }
    const timer = setTimeout(() => resolve(late), READ_TIMEOUT_MS)
    this.#questions.set(id, resolve)
    this.#post({ kind: 'read', id, ...question })
    const answer = await promise
    clearTimeout(timer)
    this.#questions.delete(id)
    if ('error' in answer) throw new StatisticsError(`read statistics: ${answer.error}`)
    return answer.text
  }

  /** Samples of these members, by member, and those that have not answered. */
  async ofMembers(
    members: readonly Member[],
    question: Omit<Window, 'count'> & { buckets: string[]; stats?: string[] },
  ): Promise<{ series: Map<number, Series>; missing: number[] }> {
    const { self } = this.#node.keeper
    const own = members.some((m) => m.id === self)
    const others = members.filter((m) => m.id !== self)
    const query = encodeURIComponent(JSON.stringify(question))
    const [{ answers, missing }, text] = await Promise.all([
      this.#node.observer.calls.askAll(others, `/internal/statistics?q=${query}`, {
        schema: seriesSchema,
        timeoutMs: MEMBERS_TIMEOUT_MS,
      }),
      own ? this.readText(question) : null,
    ])
    if (text !== null) answers.set(self, seriesSchema.parse(JSON.parse(text)))
    return { series: answers, missing }
  }

  async #sample(): Promise<void> {
    if (this.#sampling || this.#stopped) return
    this.#sampling = true
    try {
      const { document, keeper, supervisor } = this.#node
      const running = new Set(
        supervisor
          .status()
          .engines.filter((e) => e.state === 'running')
          .map((e) => `${e.bucket}/${e.shard}`),
      )
      const runs = (bucket: string, shard: number): boolean => running.has(`${bucket}/${shard}`)
      const samples = await this.sampler.sample(document, keeper.self, runs)
      if (this.#stopped) return
      const rows = document.buckets.flatMap((b) => {
        const proxies = this.#node.observer.proxies.figuresOf(b.name)
        return bucketSample(b, keeper.self, { engines: samples, proxies }) ?? []
      })
      this.#post({ kind: 'add', atMs: Date.now(), samples: [...rows, this.#systemSample()] })
      this.#keepBuckets(document.buckets)
    } finally {
      this.#sampling = false
    }
  }

  #systemSample(): Sample {
    const machine = this.#node.observer.figures(this.#node.keeper.self)
    const values = SYSTEM_STATS.map(({ read }) => (machine ? read(machine) : null))
    return { bucket: SYSTEM, values: [...NO_BUCKET, ...values] }
  }

  #keepBuckets(buckets: readonly Bucket[]): void {
    if (performance.now() - this.#keptMs < KEEP_INTERVAL_MS) return
    this.#keptMs = performance.now()
    this.#post({ kind: 'keep', buckets: [SYSTEM, ...buckets.map((b) => b.uuid)] })
  }

  #post(request: StatisticsRequest): void {
    this.#thread?.postMessage(request)
  }

  #startThread(): void {
    const file = new URL(`./statistics-thread${extname(import.meta.url)}`, import.meta.url)
    const thread = new Worker(file, {
      workerData: join(this.#node.folder, 'statistics.db'),
      resourceLimits: { maxOldGenerationSizeMb: THREAD_MEGABYTES_MAX },
    })
    this.#thread = thread
    thread.on('message', (answer: StatisticsAnswer) => this.#questions.get(answer.id)?.(answer))
    thread.on('error', (error) => this.#log.error({ err: error }, 'statistics have failed'))
    thread.once('exit', () => {
      this.#thread = null
      for (const [id, resolve] of this.#questions) resolve({ id, error: 'the thread has ended' })
      if (!this.#stopped) this.#restart = setTimeout(() => this.#startThread(), RESTART_MS)
    })
  }
}

const NO_ENGINES = BUCKET_STATS.map(() => null)
const NO_PROXIES = PROXY_STATS.map(() => null)
const NO_BUCKET = [...NO_ENGINES, ...NO_PROXIES]
const NO_MACHINE = SYSTEM_STATS.map(() => null)

/** What the bucket's engines on this member and its proxies did; null when nothing is known. */
function bucketSample(
  bucket: Bucket,
  self: number,
  { engines, proxies }: { engines: readonly EngineSample[]; proxies: ProxyFigures | null },
): Sample | null {
  const own = engines.filter((sample) => sample.bucket === bucket.uuid)
  if (own.length === 0 && proxies === null) return null
  const moment = own.length === 0 ? null : bucketMoment(bucket, self, own)
  const ofEngines = moment ? BUCKET_STATS.map(({ read }) => read(moment)) : NO_ENGINES
  const ofProxies = proxies ? PROXY_STATS.map(({ read }) => read(proxies)) : NO_PROXIES
  return { bucket: bucket.uuid, values: [...ofEngines, ...ofProxies, ...NO_MACHINE] }
}

function bucketMoment(bucket: Bucket, self: number, own: readonly EngineSample[]): BucketMoment {
  const of = (role: string): EngineSample[] => own.filter(({ figures }) => figures.role === role)
  const ranges = shardRanges(bucket.shards.length)
  const vBuckets = { primary: 0, replica: 0 }
  for (const [index, shard] of bucket.shards.entries()) {
    const [from, to] = ranges[index] ?? [0, -1]
    if (shard.primary === self) vBuckets.primary += to - from + 1
    else if (shard.replicas.includes(self)) vBuckets.replica += to - from + 1
  }
  const gauges = (role: string) => sumGauges(of(role).map(({ figures }) => figures))
  const rates = (role: string) => sumRates(of(role).map((sample) => sample.rates))
  return {
    vBuckets,
    gauges: { primary: gauges('primary'), replica: gauges('replica') },
    rates: { primary: rates('primary'), replica: rates('replica') },
  }
}

function sumRates(list: readonly EngineCounters[]): EngineCounters {
  const sums = { ...NO_COUNTERS }
  for (const name of COUNTERS) for (const rates of list) sums[name] += rates[name]
  return sums
}
