/**
 * The program of a worker: a daemon whose primary (workers.ts) gives it its configuration, hands
 * out connections and sums up what all workers count. It ends with its primary.
 */
import { ListenError } from './listen-error.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { ProxyDaemon, SourceAuthenticationError } from './proxy-daemon.ts'
import { openLog, type ProxyLog } from './proxy-log.ts'
import type { ProxySnapshot } from './stats-snapshot.ts'
import type { ToPrimary, ToWorker, WorkerFailure } from './worker-messages.ts'

/** A primary that does not answer this long leaves the worker with its own numbers. */
const SUM_TIMEOUT_MS = 1000

class WorkerProcess {
  #log: ProxyLog | undefined = undefined
  #daemon: ProxyDaemon | undefined = undefined
  readonly #sums: Map<number, (snapshot: ProxySnapshot | null) => void> = new Map()
  #questions = 0

  async take(message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'start':
        await this.#start(message.config)
        break
      case 'reload':
        await this.#reload(message.id, message.config)
        break
      case 'reopen-log':
        this.#log?.reopen()
        break
      case 'report':
        await this.#report(message.id)
        break
      case 'sum':
        this.#sums.get(message.id)?.(message.snapshot)
        break
      case 'reset-statistics':
        this.#daemon?.resetStatistics()
        break
      case 'stop':
        await this.stop()
        break
    }
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop()
    process.exit(0)
  }

  async #start(config: ProxyConfig): Promise<void> {
    try {
      this.#log = openLog(config.log, process.stderr)
      const { logger } = this.#log
      const fellows = {
        snapshot: () => this.#askSum(),
        resetStatistics: () => say({ type: 'reset-statistics' }),
        wake: () => say({ type: 'news' }),
      }
      const daemon = new ProxyDaemon({ config, logger, fellows })
      await daemon.start()
      this.#daemon = daemon
      say({ type: 'listening', addresses: daemon.addresses })
      await daemon.ready
      say({ type: 'ready' })
    } catch (error) {
      say({ type: 'failed', reason: failureOf(error) })
    }
  }

  async #reload(id: number, config: ProxyConfig): Promise<void> {
    try {
      await this.#daemon?.reload(config)
      say({ type: 'reloaded', id, error: null })
    } catch (error) {
      say({ type: 'reloaded', id, error: error instanceof Error ? error.message : String(error) })
    }
  }

  async #report(id: number): Promise<void> {
    const daemon = this.#daemon
    if (daemon === undefined) return
    const processMetrics = await daemon.processMetrics()
    say({ type: 'report', id, report: { snapshot: daemon.snapshot(), processMetrics } })
  }

  async #askSum(): Promise<ProxySnapshot> {
    const id = ++this.#questions
    const { promise, resolve } = Promise.withResolvers<ProxySnapshot | null>()
    const timer = setTimeout(resolve, SUM_TIMEOUT_MS, null)
    this.#sums.set(id, resolve)
    say({ type: 'sum', id })
    const sum = await promise
    clearTimeout(timer)
    this.#sums.delete(id)
    const own = this.#daemon?.snapshot()
    const answer = sum ?? own
    if (answer === undefined) throw new Error('bug: a worker without daemon was asked')
    return answer
  }
}

function say(message: ToPrimary): void {
  if (process.connected) process.send?.(message)
}

function failureOf(error: unknown): WorkerFailure {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof ListenError) return { kind: 'listen', message, port: error.port }
  const isRefused = error instanceof SourceAuthenticationError
  return { kind: isRefused ? 'authentication' : 'other', message, port: 0 }
}

const worker = new WorkerProcess()
process.on('message', (message: ToWorker) => {
  void worker.take(message)
})
// The primary hears the terminal's signals as well and stops its workers in order.
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})
process.on('SIGTERM', () => {
  void worker.stop()
})
