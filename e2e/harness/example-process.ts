// An example application as a process of its own, started as its README says, and a browser's
// requests to it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { projectRoot } from './stage.ts'
import { until } from './until.ts'

const READY_TIMEOUT_MS = 90_000
const ANSWER_TIMEOUT_MS = 10_000

export interface Example {
  /** The program, from the project's folder. */
  readonly entry: string
  /** For a program that does not take PORT and MEMCACHED_NODES from its environment. */
  readonly args?: (port: number, memcachedNodes: string) => string[]
  /** What it prints when it listens; else `listening on PORT`. */
  readonly ready?: RegExp
}

export class ExampleProcess {
  readonly #child: ChildProcess
  readonly #url: string
  #output = ''

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.#url = url
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
  }

  /** Resolves when it listens; throws with its output when it does not. */
  static async start(
    example: Example,
    port: number,
    memcachedNodes: string,
  ): Promise<ExampleProcess> {
    const args = [example.entry, ...(example.args?.(port, memcachedNodes) ?? [])]
    const child = spawn(process.execPath, args, {
      cwd: projectRoot,
      env: { ...process.env, PORT: String(port), MEMCACHED_NODES: memcachedNodes },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const started = new ExampleProcess(child, `http://127.0.0.1:${port}`)
    const ready = example.ready ?? new RegExp(`listening on ${port}\\b`)
    try {
      await until(`${example.entry} is ready`, READY_TIMEOUT_MS, () => {
        if (child.exitCode !== null) throw new Error(`${example.entry} ended`)
        return ready.test(started.#output)
      })
    } catch (error) {
      await started.kill()
      throw new Error(`${example.entry} did not start:\n${started.#output}`, { cause: error })
    }
    return started
  }

  /** The count that it answers; keeps the browser's cookies in `jar`. */
  async count(jar: Map<string, string>): Promise<number> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(`${this.#url}/count`, {
      headers: cookie === '' ? {} : { cookie },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${response.status}: ${text}\n${this.#output}`)
    return Number((JSON.parse(text) as { count?: unknown }).count)
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
