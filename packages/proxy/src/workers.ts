/**
 * Several processes that share the ports of one proxy (worker-ports.ts). The primary starts them
 * (node:cluster) and serves no requests itself. A worker that dies takes only its own connections
 * along and is started again, not faster than a bound. Statistics, health and metrics are summed
 * over the workers; whoever asks one of them gets the sums.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Logger } from 'pino'
import { ListenError } from './listen-error.ts'
import { removeStaleSocket } from './listener-socket-file.ts'
import type { ProcessMetrics } from './process-meter.ts'
import type { RunningProxy } from './proxy.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { SourceAuthenticationError } from './proxy-daemon.ts'
import { ProxyHttp } from './proxy-http.ts'
import { ProxyReports } from './report/proxy-reports.ts'
import { accountOf } from './run-user.ts'
import { type ProxySnapshot, sumSnapshots } from './stats-snapshot.ts'
import type { ToPrimary, ToWorker, WorkerFailure, WorkerReport } from './worker-messages.ts'
import { WorkerPorts } from './worker-ports.ts'

/** A worker that does not report in time is left out of the sums. */
const REPORT_TIMEOUT_MS = 800
const RELOAD_TIMEOUT_MS = 10_000
/** Beyond the time to drain, a worker that does not end is killed. */
const STOP_GRACE_MS = 2000
/** Pause before a worker that died is started again: doubled each time, reset by a long life. */
const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 5000
const STEADY_MS = 10_000

/** What workers are started with. */
export interface WorkersOptions {
  config: ProxyConfig
  logger: Logger
  /** Whom they run as, when started as root. */
  user?: string | undefined
}

/** A proxy of several processes. */
export interface RunningWorkers extends RunningProxy {
  /** Opens the log files of the workers again under their name. */
  reopenLog(): void
}

/** Starts as many workers as the configuration says; rejects when they cannot listen. */
export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const workers = new Workers(options)
  await workers.start()
  return workers
}

interface Crew {
  worker: Worker
  startedMs: number
  listening: PromiseWithResolvers<string[]>
  ready: PromiseWithResolvers<void>
}

class Workers implements RunningWorkers {
  readonly #logger: Logger
  readonly #http: ProxyHttp
  readonly #storeReports: ProxyReports
  readonly #crews: Set<Crew> = new Set()
  readonly #ports: WorkerPorts = new WorkerPorts()
  readonly #questions: Map<number, (answer: ToPrimary) => void> = new Map()
  readonly #timers: Set<NodeJS.Timeout> = new Set()
  readonly #startedAtMs: number = Date.now()
  readonly #readiness: PromiseWithResolvers<void> = Promise.withResolvers()
  #config: ProxyConfig
  #addresses: string[] = []
  #asked = 0
  #pauseMs = RESTART_MS_MIN
  #stopping = false

  constructor({ config, logger, user }: WorkersOptions) {
    this.#config = config
    this.#logger = logger
    const { filename } = import.meta
    const program = filename.replace(/workers(\.[jt]s)$/, 'worker-process$1')
    const account = user !== undefined && process.getuid?.() === 0 ? accountOf(user) : {}
    cluster.schedulingPolicy = cluster.SCHED_RR
    cluster.setupPrimary({ exec: program, args: [], execArgv: [], ...account })
    this.#http = new ProxyHttp({
      snapshot: () => this.#sum(),
      processes: () => this.#processes(),
    })
    this.#storeReports = new ProxyReports({
      config: () => this.#config,
      snapshots: async () => (await this.#reports()).map(({ snapshot }) => snapshot),
      logger,
    })
    this.#readiness.promise.catch(() => {})
  }

  get address(): string {
    return this.#addresses[0] ?? ''
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  get httpAddress(): string {
    return this.#http.address
  }

  get ready(): Promise<void> {
    return this.#readiness.promise
  }

  async start(): Promise<void> {
    try {
      for (const { socket } of this.#config.listeners) {
        if (socket !== undefined) await removeStaleSocket(socket)
      }
      this.#config = await this.#ports.settle(this.#config)
      const crews = Array.from({ length: this.#config.workers }, () => this.#fork())
      const addresses = await Promise.all(crews.map(({ listening }) => listening.promise))
      this.#addresses = addresses[0] ?? []
      await this.#http.apply(this.#config, this.#listenPorts())
      this.#storeReports.start()
      Promise.all(crews.map(({ ready }) => ready.promise)).then(
        () => this.#readiness.resolve(),
        (error: unknown) => this.#readiness.reject(error),
      )
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** The first worker tries it; the others follow when it is good. */
  async reload(config: ProxyConfig): Promise<void> {
    const [first, ...others] = this.#crews
    if (first === undefined) throw new Error('no worker is running')
    if (config.workers !== this.#config.workers) {
      this.#logger.warn('the number of workers changes with the next start')
    }
    const settled = await this.#ports.settle(config)
    await this.#reloadOne(first, settled)
    this.#config = { ...settled, workers: this.#config.workers }
    await this.#http.apply(config, this.#listenPorts())
    await Promise.all(
      others.map(async (crew) => {
        try {
          await this.#reloadOne(crew, settled)
        } catch (error) {
          // A worker that will not follow is replaced by one that starts with the configuration.
          this.#logger.error({ error: String(error), pid: crew.worker.process.pid }, 'replaced')
          crew.worker.process.kill('SIGKILL')
        }
      }),
    )
  }

  reopenLog(): void {
    for (const crew of this.#crews) tell(crew, { type: 'reopen-log' })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#storeReports.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    const ends = [...this.#crews].map((crew) => this.#end(crew))
    await Promise.all(ends)
    await this.#http.stop()
  }

  #fork(): Crew {
    const worker = cluster.fork()
    const crew: Crew = {
      worker,
      startedMs: performance.now(),
      listening: Promise.withResolvers(),
      ready: Promise.withResolvers(),
    }
    crew.listening.promise.catch(() => {})
    crew.ready.promise.catch(() => {})
    this.#crews.add(crew)
    worker.on('message', (message: ToPrimary) => this.#take(crew, message))
    worker.on('error', (error) => this.#logger.error({ error: String(error) }, 'worker failed'))
    worker.on('exit', (code, signal) => this.#exited(crew, signal ?? String(code)))
    tell(crew, { type: 'start', config: this.#config })
    return crew
  }

  #take(crew: Crew, message: ToPrimary): void {
    switch (message.type) {
      case 'listening':
        crew.listening.resolve(message.addresses)
        break
      case 'ready':
        crew.ready.resolve()
        break
      case 'failed':
        this.#failed(crew, message.reason)
        break
      case 'sum':
        void this.#sum().then(
          (snapshot) => tell(crew, { type: 'sum', id: message.id, snapshot }),
          () => tell(crew, { type: 'sum', id: message.id, snapshot: null }),
        )
        break
      case 'reset-statistics':
        for (const other of this.#crews) if (other !== crew) tell(other, message)
        break
      case 'news':
        this.#storeReports.wake()
        break
      case 'report':
      case 'reloaded':
        this.#questions.get(message.id)?.(message)
        break
    }
  }

  #failed(crew: Crew, reason: WorkerFailure): void {
    const error = errorOf(reason)
    crew.listening.reject(error)
    crew.ready.reject(error)
    this.#logger.error({ pid: crew.worker.process.pid, error: reason.message }, 'worker failed')
    // One that never listened is of no use; one that waits for its config servers may yet be.
    if (reason.kind !== 'authentication') crew.worker.process.kill('SIGKILL')
  }

  #exited(crew: Crew, reason: string): void {
    this.#crews.delete(crew)
    const error = new Error(`worker ended with ${reason}`)
    crew.listening.reject(error)
    crew.ready.reject(error)
    if (this.#stopping) return
    if (performance.now() - crew.startedMs > STEADY_MS) this.#pauseMs = RESTART_MS_MIN
    const { pid } = crew.worker.process
    this.#logger.error({ pid, reason, pauseMs: this.#pauseMs }, 'worker ended, starting another')
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!this.#stopping) this.#fork()
    }, this.#pauseMs)
    this.#timers.add(timer)
    this.#pauseMs = Math.min(this.#pauseMs * 2, RESTART_MS_MAX)
  }

  async #end(crew: Crew): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    crew.worker.once('exit', () => resolve())
    tell(crew, { type: 'stop' })
    const patienceMs = this.#config.limits.drainTimeoutMs + STOP_GRACE_MS
    const timer = setTimeout(() => crew.worker.process.kill('SIGKILL'), patienceMs)
    await promise
    clearTimeout(timer)
  }

  async #reloadOne(crew: Crew, config: ProxyConfig): Promise<void> {
    const ask = (id: number): ToWorker => ({ type: 'reload', id, config })
    const answer = await this.#ask(crew, ask, RELOAD_TIMEOUT_MS)
    if (answer?.type !== 'reloaded') throw new Error('a worker did not take the configuration')
    if (answer.error !== null) throw new Error(answer.error)
  }

  /** Undefined when there is no answer in time. */
  async #ask(
    crew: Crew,
    ask: (id: number) => ToWorker,
    timeoutMs: number,
  ): Promise<ToPrimary | undefined> {
    const id = ++this.#asked
    const { promise, resolve } = Promise.withResolvers<ToPrimary | undefined>()
    const timer = setTimeout(resolve, timeoutMs, undefined)
    const exited = (): void => resolve(undefined)
    crew.worker.once('exit', exited)
    this.#questions.set(id, resolve)
    tell(crew, ask(id))
    const answer = await promise
    clearTimeout(timer)
    crew.worker.off('exit', exited)
    this.#questions.delete(id)
    return answer
  }

  async #reports(): Promise<WorkerReport[]> {
    const answers = await Promise.all(
      [...this.#crews].map((crew) => {
        return this.#ask(crew, (id) => ({ type: 'report', id }), REPORT_TIMEOUT_MS)
      }),
    )
    return answers.flatMap((answer) => (answer?.type === 'report' ? [answer.report] : []))
  }

  async #sum(): Promise<ProxySnapshot> {
    const reports = await this.#reports()
    if (reports.length === 0) throw new Error('no worker reports')
    const sum = sumSnapshots(reports.map(({ snapshot }) => snapshot))
    return { ...sum, pid: process.pid, startedAtMs: this.#startedAtMs, draining: this.#stopping }
  }

  async #processes(): Promise<ProcessMetrics[]> {
    return (await this.#reports()).map(({ processMetrics }) => processMetrics)
  }

  #listenPorts(): number[] {
    return this.#addresses.map((address) => Number(/:(\d+)$/.exec(address)?.[1] ?? 0))
  }
}

function tell({ worker }: Crew, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}

function errorOf({ kind, message, port }: WorkerFailure): Error {
  if (kind === 'listen') return new ListenError(port, new Error(message))
  if (kind === 'authentication') return new SourceAuthenticationError()
  return new Error(message)
}
