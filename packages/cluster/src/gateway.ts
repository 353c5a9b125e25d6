/**
 * The gateway: the proxy as a child process of the node, on port 11211, so that REST and data path
 * do not disturb each other. It is started when there may be something to serve, and again whenever
 * it ends, with a growing pause. It reads the configs of all buckets from the node, as an
 * administrator: with the secret of the cluster, which is another one once the node has joined
 * another cluster.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import type { ClusterDocument } from './document/cluster-document.ts'
import { ownPriority } from './own-priority.ts'
import { GATEWAY_USER } from './rest/access.ts'

const RESTART_MS = 200
const RESTART_MS_MAX = 5000
/** A gateway that ran this long starts again at once. */
const STEADY_MS = 10_000
const STOP_TIMEOUT_MS = 3000

/** What a gateway is run with. */
export interface GatewayOptions {
  command: readonly string[]
  pidFile: string
  /** The cluster's secret. */
  secret: () => string
  log: Logger
}

export class Gateway {
  readonly #command: readonly string[]
  readonly #pidFile: string
  readonly #log: Logger
  readonly #secret: () => string
  #secretGiven = ''
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | null = null
  #pauseMs = RESTART_MS
  #begun = false
  #stopped = false
  /** It was ended in order to be started with another secret. */
  #renewing = false

  constructor(options: GatewayOptions) {
    this.#command = options.command
    this.#secret = options.secret
    this.#pidFile = options.pidFile
    this.#log = options.log
  }

  /**
   * Has it run as this document asks. A node that is alone and has no bucket has nothing to serve:
   * a gateway begun there would be begun again when the node joins a cluster.
   */
  tend({ buckets, members }: ClusterDocument): void {
    const hasWork = buckets.length > 0 || members.length > 1
    if (this.#begun) this.#renew()
    else if (hasWork) this.#start()
  }

  #start(): void {
    const [program, ...args] = this.#command
    if (this.#stopped || program === undefined) return
    this.#begun = true
    const startedMs = performance.now()
    this.#secretGiven = this.#secret()
    const child = spawn(program, args, {
      // Tells whose gateway it is.
      cwd: dirname(this.#pidFile),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ...process.env,
        MOXI_SASL_PLAIN_USR: GATEWAY_USER,
        MOXI_SASL_PLAIN_PWD: this.#secretGiven,
      },
    })
    this.#child = child
    if (child.pid !== undefined) {
      ownPriority(child.pid)
      writeFile(this.#pidFile, `${child.pid}\n`).catch((error: unknown) =>
        this.#log.error({ err: error }, 'cannot write the pid of the gateway'),
      )
    }
    child.once('error', (error) => this.#log.error({ err: error }, 'gateway cannot be started'))
    child.once('close', (code, signal) => {
      this.#child = null
      if (this.#stopped) return
      if (this.#renewing) {
        this.#renewing = false
        this.#start()
        return
      }
      if (performance.now() - startedMs > STEADY_MS) this.#pauseMs = RESTART_MS
      this.#log.warn({ code, signal, pauseMs: this.#pauseMs }, 'gateway ended, starting it again')
      this.#timer = setTimeout(() => this.#start(), this.#pauseMs)
      this.#pauseMs = Math.min(this.#pauseMs * 2, RESTART_MS_MAX)
    })
  }

  /** Starts it again when the secret that it was given is no longer the cluster's. */
  #renew(): void {
    if (this.#child === null || this.#secretGiven === this.#secret()) return
    this.#log.info('the gateway is started again with the secret of this cluster')
    this.#secretGiven = this.#secret()
    this.#renewing = true
    this.#child.kill('SIGTERM')
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    const child = this.#child
    if (child) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
        child.once('close', () => {
          clearTimeout(timer)
          resolve()
        })
        child.kill('SIGTERM')
      })
    }
    await rm(this.#pidFile, { force: true })
  }
}
