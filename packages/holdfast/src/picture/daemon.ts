// One child process that says when it is ready: starts it, waits for its ready line, keeps what it
// writes in a log file, stops it cleanly or kills it. It runs in a process group of its own, so
// that Ctrl-C in the terminal reaches only the one who started it, who then stops all in order.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

const READY_TIMEOUT_MS = 90_000
const STOP_TIMEOUT_MS = 5_000
const LOG_TAIL_LINES = 15

export interface DaemonOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly logPath: string
  /** A line of stdout that means ready; without it the process counts as ready at once. */
  readonly readyLine?: RegExp
  readonly env?: NodeJS.ProcessEnv
}

/** A running child process with a name, a log file and an end. */
export class Daemon {
  readonly name: string
  readonly #child: ChildProcess
  readonly #logPath: string

  private constructor(options: DaemonOptions, child: ChildProcess) {
    this.name = options.name
    this.#logPath = options.logPath
    this.#child = child
  }

  /** Starts the process and resolves when it is ready; throws with the end of its log if not. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const log = openSync(options.logPath, 'a')
    const child = spawn(options.command, options.args, {
      stdio: ['ignore', 'pipe', log],
      detached: true,
      env: options.env ?? process.env,
    })
    const daemon = new Daemon(options, child)
    try {
      await daemon.#ready(options.readyLine, log)
      return daemon
    } catch (cause) {
      daemon.kill()
      throw new Error(`${options.name} did not start: ${messageOf(cause)}\n${daemon.logTail()}`)
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The last lines of what the process has written. */
  logTail(lines: number = LOG_TAIL_LINES): string {
    return readFileSync(this.#logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** SIGTERM, after `timeoutMs` SIGKILL; resolves with whether SIGTERM was enough. */
  async stop(timeoutMs: number = STOP_TIMEOUT_MS): Promise<boolean> {
    if (!this.isRunning) return true
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), timeoutMs)
    await exited
    clearTimeout(timer)
    return this.#child.signalCode !== 'SIGKILL'
  }

  /** Resolves when the process is gone, however it went. */
  async ended(): Promise<void> {
    if (this.isRunning) await once(this.#child, 'exit')
  }

  async #ready(readyLine: RegExp | undefined, log: number): Promise<void> {
    const child = this.#child
    const { stdout } = child
    if (stdout === null) throw new Error('stdout is not a pipe')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    createInterface(stdout).on('line', (line) => {
      writeSync(log, `${line}\n`)
      if (readyLine?.test(line)) resolve()
    })
    stdout.on('close', () => closeSync(log))
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new Error(`it ended with ${signal ?? code}`)))
    child.on('spawn', () => {
      if (readyLine === undefined) resolve()
    })
    const timer = setTimeout(
      () => reject(new Error(`not ready within ${READY_TIMEOUT_MS} ms`)),
      READY_TIMEOUT_MS,
    )
    try {
      await promise
    } finally {
      clearTimeout(timer)
    }
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
