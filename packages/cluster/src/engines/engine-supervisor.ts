/**
 * Runs the engines that the cluster document puts on this member, and reports on them.
 *
 * It owns processes and their status, nothing else: which engine is primary, who replicates whom
 * and what is promoted is the leader's business (reconcile/). Called by the node on every change of
 * the document and by its own timer.
 */
import { mkdir, rm } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { ClusterDocument } from '../document/cluster-document.ts'
import type { EngineStatus, MemberStatus } from '../membership/messages.ts'
import { liveConfig } from './engine-config.ts'
import { removeItems, removeLeftovers, removeSnapshot, repairFolder } from './engine-files.ts'
import { EngineProcess } from './engine-process.ts'
import { isDiskFull, repairOf, troubleInLog } from './engine-trouble.ts'
import { EngineWatch } from './engine-watch.ts'
import { mayStart } from './start-policy.ts'
import {
  aboutOf,
  isBeingFilled,
  mayResume,
  type SupervisedEngine,
  stateOf,
  troubleOf,
} from './supervised-engine.ts'
import {
  engineKey,
  isOutOfUse,
  slotsOf,
  type WantedEngine,
  wantedEngines,
} from './wanted-engines.ts'

const TURN_MS = 100
/**
 * An engine that runs is looked at this often; one that starts, or that has no place among the
 * others yet, at every turn: the leader waits for its word. A look begins before the engine counts
 * as silent and ends when it does: looking more often finds nothing sooner.
 */
const LOOK_INTERVAL_MS = 250

/** Pause after a failed start: doubles up to the bound. */
const START_RETRY_MS = 200
const START_RETRY_MS_MAX = 5000
/** Starts that end without a reason that is known, until that is called trouble. */
const FAILED_STARTS_MAX = 3
/** Pause before an engine that refuses its settings is asked again. */
const APPLY_RETRY_MS = 5000

export class EngineSupervisor {
  readonly #folder: string
  readonly #program: string
  readonly #host: string
  readonly #log: Logger
  readonly #onNews: () => void
  readonly #engines = new Map<string, SupervisedEngine>()
  readonly #startedMs = performance.now()
  #document: ClusterDocument
  #self: number
  #synced: () => boolean
  #timer: NodeJS.Timeout | null = null
  #turning: Promise<void> | null = null
  #stopping = false
  #stopped = false
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
    this.#timer = setInterval(() => this.#turn(), TURN_MS)
    this.#turn()
  }

  /** From here on the status says that this member is about to stop. */
  announceStop(): void {
    this.#stopping = true
    this.#changed()
  }

  /** Ends all engines (a clean stop of the node), or only stops watching them; nothing goes on. */
  async stop(options: { endEngines: boolean }): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearInterval(this.#timer)
    const engines = [...this.#engines.values()]
    for (const engine of engines) engine.watch.close()
    if (options.endEngines) await Promise.all(engines.map((engine) => engine.process.stop()))
    await Promise.all([this.#turning, ...engines.map((engine) => engine.tending)])
  }

  /** The document, or which member this is, has changed. */
  update(self: number, document: ClusterDocument): void {
    this.#self = self
    this.#document = document
    this.#leftoversRemoved = false
    this.#turn()
  }

  /** The leader allows the start of a primary that is down. */
  grantStart(bucketUuid: string, shard: number): boolean {
    const engine = this.#engines.get(engineKey(bucketUuid, shard))
    if (!engine) return false
    if (!engine.process.running) engine.granted = true
    this.#turn()
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
        state: stateOf(engine),
        trouble: troubleOf(engine),
      }))
      this.#report = {
        seq: ++this.#seq,
        engines,
        uptimeSeconds: Math.floor((performance.now() - this.#startedMs) / 1000),
        memoryTotalBytes: totalmem(),
        memoryFreeBytes: freemem(),
        stopping: this.#stopping,
      }
    }
    return this.#report
  }

  #changed(): void {
    this.#report = null
    this.#onNews()
  }

  #turn(): void {
    if (this.#stopped) return
    this.#turning ??= this.#supervise().finally(() => {
      this.#turning = null
    })
  }

  async #supervise(): Promise<void> {
    try {
      const document = this.#document
      const wanted = wantedEngines(document, this.#self)
      await this.#dropUnwanted(wanted)
      if (this.#document !== document || this.#stopped) return
      for (const one of wanted) this.#engineFor(one)
      for (const engine of this.#engines.values()) {
        engine.tending ??= this.#tend(engine).finally(() => {
          engine.tending = null
        })
      }
    } catch (error) {
      this.#log.error({ err: error }, 'engine supervision failed')
    }
  }

  #engineFor(wanted: WantedEngine): SupervisedEngine {
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
      onFigures: () => {
        this.#report = null
      },
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
        ...wanted.settings,
      },
      onExit: () => watch.exited(),
    })
    const engine = {
      wanted,
      process,
      watch,
      granted: false,
      tending: null,
      failedStarts: 0,
      notBeforeMs: 0,
      lookAtMs: 0,
      resuming: false,
      undiagnosed: false,
      applied: null,
      applyAtMs: 0,
      trouble: null,
      toldTrouble: null,
    }
    this.#engines.set(wanted.key, engine)
    this.#report = null
    return engine
  }

  async #tend(engine: SupervisedEngine): Promise<void> {
    const { process, watch } = engine
    const about = aboutOf(engine)
    try {
      if (!process.running && (await process.adopt())) {
        engine.undiagnosed = true
        engine.applied = null
        await removeSnapshot(process.settings.folder)
        this.#log.info(about, 'engine adopted')
      }
      if (!process.running) {
        watch.exited()
        if (engine.undiagnosed) await this.#diagnose(engine)
        if (!this.#mayStart(engine)) return
        await this.#start(engine)
      }
      watch.itemBytesMax = engine.wanted.itemBytesMax
      if (performance.now() >= engine.lookAtMs) {
        await watch.look()
        if (isBeingFilled(engine)) process.yieldToOthers()
        else process.takePlace()
        if (watch.hasPlace) engine.lookAtMs = performance.now() + LOOK_INTERVAL_MS
      }
      if (watch.status.state === 'running') {
        await this.#settle(engine)
        if (engine.resuming) await this.#endResume(engine)
      }
    } catch (error) {
      if (isDiskFull(error)) engine.trouble = 'diskFull'
      this.#log.error({ ...about, err: error }, 'engine cannot be started')
      engine.notBeforeMs = performance.now() + START_RETRY_MS_MAX
    } finally {
      this.#tellTrouble(engine)
    }
  }

  #mayStart(engine: SupervisedEngine): boolean {
    const { duty, created } = engine.wanted
    const allowed = mayStart({ duty, synced: this.#synced(), created, granted: engine.granted })
    return allowed && performance.now() >= engine.notBeforeMs
  }

  async #start(engine: SupervisedEngine): Promise<void> {
    const { wanted, process, trouble } = engine
    await mkdir(join(this.#folder, 'run'), { recursive: true })
    const repair = repairOf({ ...wanted, trouble })
    const slots = slotsOf(wanted.bucket, wanted.shard) ?? [0, 0]
    if (repair) {
      this.#log.warn({ ...aboutOf(engine), trouble, repair }, 'engine is repaired')
      await repairFolder(process.settings.folder, repair, { ...process.settings, slots })
      engine.trouble = null
    }
    engine.resuming = await mayResume(engine)
    await process.start(wanted.settings, engine.resuming)
    engine.applied = engine.resuming ? null : JSON.stringify(liveConfig(wanted.settings))
    engine.undiagnosed = true
    engine.granted = false
    engine.failedStarts++
    engine.notBeforeMs =
      performance.now() + Math.min(START_RETRY_MS * 2 ** engine.failedStarts, START_RETRY_MS_MAX)
    this.#log.info({ ...aboutOf(engine), duty: wanted.duty }, 'engine started')
  }

  /**
   * Reads in its log why it has ended. It did by itself: a snapshot that is there was left by a
   * full sync, and is older than the append-only file.
   */
  async #diagnose(engine: SupervisedEngine): Promise<void> {
    engine.undiagnosed = false
    await removeSnapshot(engine.process.settings.folder)
    const found = troubleInLog(await engine.process.logText())
    const isHopeless = engine.failedStarts >= FAILED_STARTS_MAX
    engine.trouble = found ?? (isHopeless ? 'notStarting' : null)
  }

  /** It serves: then its start is over, and what has changed of its settings is told to it. */
  async #settle(engine: SupervisedEngine): Promise<void> {
    engine.failedStarts = 0
    if (engine.trouble !== 'notConfigured') engine.trouble = null
    const { settings } = engine.wanted
    const config = liveConfig(settings)
    const text = JSON.stringify(config)
    if (engine.applied === text || performance.now() < engine.applyAtMs) return
    try {
      await engine.process.configure(settings)
      await engine.watch.configure(config)
      if (settings.persistence === 'none') await removeItems(engine.process.settings.folder)
      engine.applied = text
      engine.trouble = null
      this.#log.info(aboutOf(engine), 'engine has taken its settings')
    } catch (error) {
      engine.trouble = isDiskFull(error) ? 'diskFull' : 'notConfigured'
      engine.applyAtMs = performance.now() + APPLY_RETRY_MS
      this.#log.error({ ...aboutOf(engine), err: error }, 'engine does not take its settings')
    }
  }

  async #endResume(engine: SupervisedEngine): Promise<void> {
    if (engine.applied === null || !(await engine.watch.isPersisted())) return
    await removeSnapshot(engine.process.settings.folder)
    engine.resuming = false
    this.#log.info(aboutOf(engine), 'engine has resumed from its snapshot')
    this.#changed()
  }

  #tellTrouble(engine: SupervisedEngine): void {
    const trouble = troubleOf(engine)
    if (trouble === engine.toldTrouble) return
    engine.toldTrouble = trouble
    if (trouble) this.#log.error({ ...aboutOf(engine), trouble }, 'engine is in trouble')
    else this.#log.info(aboutOf(engine), 'engine is well again')
    this.#changed()
  }

  async #dropUnwanted(wanted: WantedEngine[]): Promise<void> {
    const keys = new Set(wanted.map((w) => w.key))
    const failed = isOutOfUse(this.#document, this.#self)
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
    const root = join(this.#folder, 'engines')
    const removed = await removeLeftovers(root, join(this.#folder, 'run'), keys)
    for (const folder of removed) this.#log.info({ folder }, 'engine folder removed')
  }
}
