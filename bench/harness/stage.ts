// The stage of a run: the cores, a folder for logs, and every process that was started. Processes
// are ended by pid when the run ends, however it ends: `stop` at the end and on a signal, `killAll`
// from an exit handler, and the kernel (setpriv --pdeathsig) should this process be killed itself.
// Engines are started by the test support of the client package: they are stopped with the rest,
// but a SIGKILL of this process leaves them.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@holdfast/client/testing'

const STOP_TIMEOUT_MS = 5000
const READY_TIMEOUT_MS = 15_000
const LOG_TAIL_BYTES = 600

/** Where the proxy, the load and the backends run. */
export interface Cores {
  readonly proxyCore: number
  readonly loadCore: number
  readonly backendCore: number
}

/** How a process is started. */
export interface StartOptions {
  readonly core: number
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: 'pipe' | 'ignore'
}

/** A process on the stage; its standard error, and output unless piped, are in `logPath`. */
export interface StageProcess {
  readonly child: ChildProcess
  readonly pid: number
  readonly logPath: string
}

export class Stage {
  readonly cores: Cores
  readonly folder: string = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  readonly #children: Set<ChildProcess> = new Set()
  #startedCount = 0
  readonly #closers: (() => Promise<void>)[] = []
  readonly #killed: AbortController = new AbortController()

  constructor(cores: Cores) {
    this.cores = cores
    pin(process.pid, cores.loadCore)
  }

  /** Aborted when the run is told to end. */
  get ending(): AbortSignal {
    return this.#killed.signal
  }

  start(command: string, args: readonly string[], options: StartOptions): StageProcess {
    this.ending.throwIfAborted()
    const name = command.split('/').at(-1) ?? command
    const logPath = join(this.folder, `${name}-${this.#startedCount++}.log`)
    const log = openSync(logPath, 'a')
    const onCore = ['--pdeathsig', 'KILL', 'taskset', '-c', String(options.core)]
    const child = spawn('setpriv', [...onCore, command, ...args], {
      stdio: [options.stdin ?? 'ignore', 'pipe', log],
      env: { ...process.env, ...options.env },
    })
    closeSync(log)
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    if (child.pid === undefined) throw new Error(`${command} could not be started`)
    return { child, pid: child.pid, logPath }
  }

  /** What else must be stopped at the end, the last first. */
  atEnd(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** Tells whatever is running to end; `stop` must follow. */
  end(reason: string): void {
    this.#killed.abort(new Error(reason))
    this.killAll()
  }

  async stop(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
    await Promise.all([...this.#children].map((child) => stopProcess(child)))
    rmSync(this.folder, { recursive: true, force: true })
  }

  killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}

/** Ends a process, at once if it does not end by itself. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(timer)
}

/** Puts a running process with all its threads on a core. */
export function pin(pid: number, core: number): void {
  const { status } = spawnSync('taskset', ['-acp', String(core), String(pid)])
  if (status !== 0) throw new Error(`taskset: cannot run on core ${core}`)
}

/** The process and all its descendants, as far as they live. */
export function processTree(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean),
    )
    return [pid, ...children.map(Number).flatMap(processTree)]
  } catch {
    return []
  }
}

/** Resolves when the process takes connections on a port; fails with its log when it does not. */
export async function untilListening(process: StageProcess, port: number): Promise<void> {
  await untilReady(process, `port ${port}`, async () => {
    const socket = net.connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  })
}

/** Resolves when `check` holds; fails with the log of the process when it ends or takes long. */
export async function untilReady(
  process: StageProcess,
  what: string,
  check: () => boolean | Promise<boolean>,
): Promise<void> {
  const ended = (): boolean => process.child.exitCode !== null || process.child.signalCode !== null
  try {
    await until(what, async () => ended() || (await check()), READY_TIMEOUT_MS)
  } catch (error) {
    throw new Error(`${String(error)}: ${logTail(process)}`)
  }
  if (ended()) throw new Error(logTail(process))
}

function logTail({ logPath }: StageProcess): string {
  const text = readFileSync(logPath, 'utf8').trim().slice(-LOG_TAIL_BYTES)
  return text === '' ? 'it ended without a word' : text.replaceAll('\n', ' | ')
}
