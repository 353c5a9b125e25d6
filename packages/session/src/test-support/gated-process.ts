/*
 * A gated site in a process of its own, to be killed or stopped by a test. Run as a program it is
 * that process: the options come as JSON, the gate opens by a message.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from '@holdfast/client/testing'
import { type GatedOptions, startGatedSite } from './gated-site.ts'

const PROGRAM = fileURLToPath(import.meta.url)

export class GatedProcess {
  readonly url: string
  readonly #child: ChildProcess
  #arrived = 0

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
    child.on('message', () => {
      this.#arrived += 1
    })
  }

  /** `clockAheadMs`: how far the clock of its machine is ahead of ours. */
  static async start(
    address: string,
    options: GatedOptions,
    clockAheadMs = 0,
  ): Promise<GatedProcess> {
    const code = `const { now } = Date; Date.now = () => now() + ${clockAheadMs}`
    const execArgv = clockAheadMs === 0 ? [] : ['--import', `data:text/javascript,${code}`]
    const child = fork(PROGRAM, [address, JSON.stringify(options)], { execArgv })
    const [url] = await once(child, 'message')
    return new GatedProcess(child, String(url))
  }

  arrived(count: number): Promise<void> {
    return until(`${count} requests at the gate`, () => this.#arrived >= count)
  }

  openGate(): void {
    this.#child.send('open')
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

async function serve(address: string, options: string): Promise<void> {
  const site = await startGatedSite(address, JSON.parse(options))
  process.on('message', () => site.gate.open())
  process.on('disconnect', () => process.exit())
  process.send?.(site.url)
  for (let count = 1; ; count++) {
    await site.gate.arrived(count, Number.POSITIVE_INFINITY)
    process.send?.('arrived')
  }
}

if (process.argv[1] === PROGRAM) await serve(process.argv[2] ?? '', process.argv[3] ?? '{}')
