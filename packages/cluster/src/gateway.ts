/**
 * The gateway: the proxy as a child process of the node, on port 11211, so that REST and data path
 * do not disturb each other. It is started again whenever it ends, with a growing pause.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { ownPriority } from './own-priority.ts'

const RESTART_MS = 200
const RESTART_MS_MAX = 5000
/** A gateway that ran this long starts again at once. */
const STEADY_MS = 10_000
const STOP_TIMEOUT_MS = 3000

export class Gateway {
  readonly #command: readonly string[]
  readonly #pidFile: string
  readonly #log: Logger
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | null = null
  #pauseMs = RESTART_MS
  #stopped = false

  constructor(options: { command: readonly string[]; pidFile: string; log: Logger }) {
    this.#command = options.command
    this.#pidFile = options.pidFile
    this.#log = options.log
  }

  start(): void {
    const [program, ...args] = this.#command
    if (this.#stopped || program === undefined) return
    const startedMs = performance.now()
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
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
      if (performance.now() - startedMs > STEADY_MS) this.#pauseMs = RESTART_MS
      this.#log.warn({ code, signal, pauseMs: this.#pauseMs }, 'gateway ended, starting it again')
      this.#timer = setTimeout(() => this.start(), this.#pauseMs)
      this.#pauseMs = Math.min(this.#pauseMs * 2, RESTART_MS_MAX)
    })
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
