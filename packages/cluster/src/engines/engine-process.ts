/**
 * One engine process on this machine: made, adopted, watched, ended. The process outlives its
 * manager on purpose (a crash or upgrade of the manager must not touch the data path); its pid
 * stands in `run/engine-*.pid`, and a later manager finds it there and adopts it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { chmod, mkdir, readFile, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { lowerPriority, ownPriority, restorePriority } from '../own-priority.ts'
import { type EngineSettings, engineConfigText, type LiveSettings } from './engine-config.ts'
import {
  logEnd,
  logSince,
  removeAppendOnlyFile,
  removeItems,
  removeSnapshot,
} from './engine-files.ts'
import { isAlive } from './process-state.ts'

/** An engine that was asked to end is killed after this long. */
const STOP_TIMEOUT_MS = 5000
const STOP_POLL_MS = 20

export class EngineProcess {
  readonly #program: string
  readonly #pidFile: string
  #settings: EngineSettings
  /** Where its log ended when it was last started or adopted. */
  #logFrom = 0
  #pid: number | null = null
  #isChild = false
  #isBackground = false
  #ended = false
  #onExit: () => void

  constructor(options: {
    program: string
    pidFile: string
    settings: EngineSettings
    onExit: () => void
  }) {
    this.#program = options.program
    this.#pidFile = options.pidFile
    this.#settings = options.settings
    this.#onExit = options.onExit
  }

  get settings(): EngineSettings {
    return this.#settings
  }

  /** Writes other settings to its file, for the next start; telling the engine is not ours. */
  async configure(live: LiveSettings): Promise<void> {
    this.#settings = { ...this.#settings, ...live }
    await this.#writeConfig()
  }

  /** What it has logged since it was started or adopted. */
  logText(): Promise<string> {
    return logSince(this.#settings.folder, this.#logFrom)
  }

  /** A child of this manager tells its end; only one that was adopted has to be looked at. */
  get running(): boolean {
    return this.#pid !== null && (this.#isChild || isAlive(this.#pid))
  }

  /** Takes over a process that an earlier manager has left running. */
  async adopt(): Promise<boolean> {
    let pid: number
    try {
      pid = Number(await readFile(this.#pidFile, 'utf8'))
    } catch {
      return false
    }
    if (
      !Number.isInteger(pid) ||
      pid <= 1 ||
      !isAlive(pid) ||
      !(await worksIn(pid, this.#settings.folder))
    ) {
      return false
    }
    this.#pid = pid
    this.#isChild = false
    // Its manager may have died in the middle of a copy.
    this.#isBackground = true
    this.#logFrom = await logEnd(this.#settings.folder)
    return true
  }

  /**
   * Starts the engine; with `resume` from its snapshot instead of its append-only file, which it
   * gets anew when it is told its settings.
   */
  async start(live: LiveSettings, resume = false): Promise<void> {
    if (this.running) return
    const { folder } = this.#settings
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if (live.persistence === 'none') await removeItems(folder)
    else if (resume) await removeAppendOnlyFile(folder)
    else await removeSnapshot(folder)
    await this.configure(resume ? { ...live, persistence: 'none' } : live)
    this.#logFrom = await logEnd(folder)
    if (this.#ended) return
    const child = spawn(this.#program, [this.#configFile], { detached: true, stdio: 'ignore' })
    this.#record(child)
    this.#pid = child.pid ?? null
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    this.#isChild = true
    this.#isBackground = false
    child.once('exit', () => {
      if (this.#pid === child.pid) {
        this.#pid = null
        this.#onExit()
      }
    })
    child.unref()
    ownPriority(child.pid)
  }

  /** Lets others go first: nobody counts on what it has yet. */
  yieldToOthers(): void {
    if (this.#isBackground || this.#pid === null) return
    this.#isBackground = lowerPriority(this.#pid)
  }

  /** Takes its turn like all others from here on. */
  takePlace(): void {
    if (!this.#isBackground || this.#pid === null) return
    this.#isBackground = !restorePriority(this.#pid)
  }

  get #configFile(): string {
    return join(this.#settings.folder, 'engine.conf')
  }

  /** Not a moment later: should the manager die now, its successor must find the process. */
  #record(child: ChildProcess): void {
    if (child.pid === undefined) return
    try {
      writeFileSync(this.#pidFile, `${child.pid}\n`)
    } catch (error) {
      // Nobody would find it: with a full disk it is better not there.
      child.kill('SIGKILL')
      throw error
    }
  }

  /** A file that is right is left alone, and no half of one is left: the disk may be full. */
  async #writeConfig(): Promise<void> {
    const text = engineConfigText(this.#settings)
    const before = await readFile(this.#configFile, 'utf8').catch(() => '')
    if (before === text) return
    const draft = `${this.#configFile}.new`
    await writeFile(draft, text, { mode: 0o600 })
    await chmod(draft, 0o600)
    await rename(draft, this.#configFile)
  }

  /** Ends the process, or the start that is under way, for good; waits until it is gone. */
  async stop(): Promise<void> {
    this.#ended = true
    const pid = this.#pid
    this.#pid = null
    if (pid !== null && isAlive(pid)) {
      signal(pid, 'SIGTERM')
      const deadline = performance.now() + STOP_TIMEOUT_MS
      while (isAlive(pid) && performance.now() < deadline) await delay(STOP_POLL_MS)
      if (isAlive(pid)) signal(pid, 'SIGKILL')
      while (isAlive(pid)) await delay(STOP_POLL_MS)
    }
    await rm(this.#pidFile, { force: true })
  }

  /** Ends the process and removes its data: at once, since what it would still write goes, too. */
  async destroy(): Promise<void> {
    const pid = this.#pid
    if (pid !== null && isAlive(pid)) killGroup(pid)
    await this.stop()
    await rm(this.#settings.folder, { recursive: true, force: true })
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // gone in between
  }
}

/** An engine leads a process group of its own, with what it forks to write its files. */
function killGroup(pid: number): void {
  signal(-pid, 'SIGKILL')
  signal(pid, 'SIGKILL')
}

/** An engine's working folder is its data folder: tells it from a stranger with a reused pid. */
async function worksIn(pid: number, folder: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(folder))
  } catch {
    return false
  }
}
