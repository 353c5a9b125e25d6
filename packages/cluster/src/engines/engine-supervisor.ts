/**
 * Runs the engines that the cluster document puts on this member, and reports on them.
 *
 * It owns processes and their status, nothing else: which engine is primary, who replicates whom
 * and what is promoted is the leader's business (reconcile/). Called by the node on every change of
 * the document and by its own timer.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import type { EngineStatus, MemberStatus } from '../membership/messages.ts'
import { EngineProcess } from './engine-process.ts'
import { EngineWatch } from './engine-watch.ts'
import { type InstanceDuty, mayStart } from './start-policy.ts'

const TURN_MS = 100
/** An engine that runs is looked at this often; one that starts, at every turn. */
const LOOK_INTERVAL_MS = 200
const MEGABYTE = 1024 * 1024

interface Wanted {
  key: string
  bucket: Bucket
  shard: number
  port: number
  duty: InstanceDuty
  created: boolean
}

interface Engine {
  wanted: Wanted
  process: EngineProcess
  watch: EngineWatch
  granted: boolean
  busy: boolean
  failedStarts: number
  notBeforeMs: number
  lookAtMs: number
}

/** Pause after a failed start: doubles up to the bound. */
const START_RETRY_MS = 200
const START_RETRY_MS_MAX = 5000

export class EngineSupervisor {
  readonly #folder: string
  readonly #program: string
  readonly #host: string
  readonly #log: Logger
  readonly #onNews: () => void
  readonly #engines = new Map<string, Engine>()
  readonly #startedMs = performance.now()
  #document: ClusterDocument
  #self: number
  #synced: () => boolean
  #timer: NodeJS.Timeout | null = null
  #turning = false
  #leftoversRemoved = false
  #seq = Date.now()
  /** The status as last put together; null once something has changed. */
  #report: MemberStatus | null = null

  constructor(options: {
    folder: string
    program: string
    host: string
    log: Logger
    self: number
    document: ClusterDocument
    synced: () => boolean
    /** The status has changed: tell the leader. */
    onNews: () => void
  }) {
    this.#folder = options.folder
    this.#program = options.program
    this.#host = options.host
    this.#log = options.log
    this.#self = options.self
    this.#document = options.document
    this.#synced = options.synced
    this.#onNews = options.onNews
  }

  start(): void {
    this.#timer = setInterval(() => void this.#turn(), TURN_MS)
    void this.#turn()
  }

  /** Ends all engines (a clean stop of the node), or only stops watching them. */
  async stop(options: { endEngines: boolean }): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    for (const engine of this.#engines.values()) engine.watch.close()
    if (options.endEngines) {
      await Promise.all([...this.#engines.values()].map((engine) => engine.process.stop()))
    }
  }

  /** The document, or which member this is, has changed. */
  update(self: number, document: ClusterDocument): void {
    this.#self = self
    this.#document = document
    this.#leftoversRemoved = false
    void this.#turn()
  }

  /** The leader allows the start of a primary that is down. */
  grantStart(bucketUuid: string, shard: number): boolean {
    const engine = this.#engines.get(keyOf(bucketUuid, shard))
    if (!engine) return false
    if (!engine.process.running) engine.granted = true
    void this.#turn()
    return true
  }

  /** Ends every engine and removes all data: this member left its cluster. */
  async wipe(): Promise<void> {
    const engines = [...this.#engines.values()]
    this.#engines.clear()
    this.#report = null
    for (const engine of engines) engine.watch.close()
    await Promise.all(engines.map((engine) => engine.process.destroy()))
    await rm(join(this.#folder, 'engines'), { recursive: true, force: true })
  }

  status(): MemberStatus {
    if (this.#report === null) {
      const engines: EngineStatus[] = [...this.#engines.values()].map((engine) => ({
        bucket: engine.wanted.bucket.uuid,
        shard: engine.wanted.shard,
        port: engine.wanted.port,
        ...engine.watch.status,
      }))
      this.#report = {
        seq: ++this.#seq,
        engines,
        uptimeSeconds: Math.floor((performance.now() - this.#startedMs) / 1000),
        memoryTotalBytes: totalmem(),
        memoryFreeBytes: freemem(),
      }
    }
    return this.#report
  }

  #changed(): void {
    this.#report = null
    this.#onNews()
  }

  async #turn(): Promise<void> {
    if (this.#turning) return
    this.#turning = true
    try {
      const wanted = wantedEngines(this.#document, this.#self)
      await this.#dropUnwanted(wanted)
      for (const one of wanted) this.#engineFor(one)
      for (const engine of this.#engines.values()) {
        if (!engine.busy) void this.#tend(engine)
      }
    } catch (error) {
      this.#log.error({ err: error }, 'engine supervision failed')
    } finally {
      this.#turning = false
    }
  }

  #engineFor(wanted: Wanted): Engine {
    const known = this.#engines.get(wanted.key)
    if (known) {
      known.wanted = wanted
      return known
    }
    const { bucket, shard, port } = wanted
    const name = `${bucket.name}-${shard < 0 ? 'arbiter' : shard}`
    const watch = new EngineWatch({
      host: this.#host,
      port,
      password: bucket.engineAdminPassword,
      carriesData: shard >= 0,
      onNews: () => this.#changed(),
    })
    const process = new EngineProcess({
      program: this.#program,
      pidFile: join(this.#folder, 'run', `engine-${name}.pid`),
      settings: {
        host: this.#host,
        port,
        folder: join(this.#folder, 'engines', wanted.key),
        adminPassword: bucket.engineAdminPassword,
        dataPassword: bucket.engineDataPassword,
        memoryBytesMax: memoryOf(this.#document, bucket),
        cache: bucket.type === 'memcached',
      },
      onExit: () => watch.exited(),
    })
    const engine = {
      wanted,
      process,
      watch,
      granted: false,
      busy: false,
      failedStarts: 0,
      notBeforeMs: 0,
      lookAtMs: 0,
    }
    this.#engines.set(wanted.key, engine)
    this.#report = null
    return engine
  }

  async #tend(engine: Engine): Promise<void> {
    engine.busy = true
    const { wanted, process } = engine
    const about = { bucket: wanted.bucket.name, shard: wanted.shard, port: wanted.port }
    try {
      if (!process.running && (await process.adopt())) this.#log.info(about, 'engine adopted')
      if (!process.running) {
        engine.watch.exited()
        const { duty, created } = wanted
        const synced = this.#synced()
        const allowed = mayStart({ duty, synced, created, granted: engine.granted })
        if (!allowed || performance.now() < engine.notBeforeMs) return
        await mkdir(join(this.#folder, 'run'), { recursive: true })
        await process.start()
        engine.granted = false
        engine.failedStarts++
        engine.notBeforeMs =
          performance.now() +
          Math.min(START_RETRY_MS * 2 ** engine.failedStarts, START_RETRY_MS_MAX)
        this.#log.info({ ...about, duty }, 'engine started')
      }
      if (performance.now() >= engine.lookAtMs) {
        await engine.watch.look()
        const runs = engine.watch.status.state === 'running'
        if (runs) engine.lookAtMs = performance.now() + LOOK_INTERVAL_MS
      }
      if (engine.watch.status.state === 'running') engine.failedStarts = 0
    } catch (error) {
      this.#log.error({ ...about, err: error }, 'engine cannot be started')
      engine.notBeforeMs = performance.now() + START_RETRY_MS_MAX
    } finally {
      engine.busy = false
    }
  }

  async #dropUnwanted(wanted: Wanted[]): Promise<void> {
    const keys = new Set(wanted.map((w) => w.key))
    const failed = isFailed(this.#document, this.#self)
    for (const [key, engine] of this.#engines) {
      if (keys.has(key)) continue
      this.#engines.delete(key)
      this.#report = null
      engine.watch.close()
      if (failed) await engine.process.stop()
      else await engine.process.destroy()
    }
    if (this.#leftoversRemoved || failed || !this.#synced()) return
    this.#leftoversRemoved = true
    await this.#removeLeftovers(keys)
  }

  /** Folders of engines that were taken away while this member was down. */
  async #removeLeftovers(keys: Set<string>): Promise<void> {
    const root = join(this.#folder, 'engines')
    const folders = await readdir(root).catch(() => [])
    for (const folder of folders) {
      if (!keys.has(folder)) await rm(join(root, folder), { recursive: true, force: true })
    }
  }
}

function keyOf(bucketUuid: string, shard: number): string {
  return `${bucketUuid}-${shard < 0 ? 'arbiter' : shard}`
}

function isFailed(document: ClusterDocument, self: number): boolean {
  return document.members.find((m) => m.id === self)?.membership === 'inactiveFailed'
}

/** Engines that should be on this member; none once it has been failed over. */
function wantedEngines(document: ClusterDocument, self: number): Wanted[] {
  if (isFailed(document, self)) return []
  const found: Wanted[] = []
  for (const bucket of document.buckets) {
    for (const [index, shard] of bucket.shards.entries()) {
      const own = shard.instances.find((i) => i.member === self)
      if (!own) continue
      const duty = shard.primary === self ? 'primary' : 'replica'
      const key = keyOf(bucket.uuid, index)
      found.push({ key, bucket, shard: index, port: own.port, duty, created: shard.created })
    }
    const arbiter = bucket.arbiterInstances.find((i) => i.member === self)
    if (arbiter) {
      const key = keyOf(bucket.uuid, -1)
      found.push({ key, bucket, shard: -1, port: arbiter.port, duty: 'arbiter', created: true })
    }
  }
  return found
}

/** A bucket's quota is per node; each copy of a shard on it gets an equal part, with room to move. */
function memoryOf(document: ClusterDocument, bucket: Bucket): number {
  const nodes = document.members.filter((m) => m.membership === 'active' && !m.arbiter).length
  const copies = bucket.shards.length * (Math.min(bucket.replicaCount, Math.max(nodes - 1, 0)) + 1)
  const perNode = Math.max(1, Math.ceil(copies / Math.max(nodes, 1)))
  return Math.floor((bucket.ramMegabytes * MEGABYTE) / perNode)
}
