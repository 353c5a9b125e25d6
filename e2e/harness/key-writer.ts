// Writers of fresh keys as processes of their own (key-writer-process.ts), what they were told, and
// the proof afterwards that every acknowledged key is there.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TextClient } from './text-client.ts'
import { until } from './until.ts'

const STOP_TIMEOUT_MS = 20_000
const KEYS_OF_A_GET = 100

export interface KeyWriterOptions {
  readonly port: number
  /** Its keys begin with it. */
  readonly name: string
  readonly lanes?: number
  /** Program and arguments that run a command on another host. */
  readonly launcher?: readonly string[]
}

export class KeyWriter {
  /** Acknowledged keys, and when each was sent (machine clock, milliseconds). */
  readonly stored = new Map<string, number>()
  readonly refused: string[] = []
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
    if (child.stdout === null) throw new Error('bug: stdout is no pipe')
    createInterface(child.stdout).on('line', (line) => {
      const [what, key = '', sentAt] = line.split(' ', 3)
      if (what === 'stored') this.stored.set(key, Number(sentAt))
      else this.refused.push(line)
    })
  }

  static start({ port, name, lanes = 8, launcher = [] }: KeyWriterOptions): KeyWriter {
    const program = join(import.meta.dirname, 'key-writer-process.ts')
    const args = ['--port', String(port), '--name', name, '--lanes', String(lanes)]
    const command = [...launcher, process.execPath, '--no-warnings', program, ...args]
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    return new KeyWriter(spawn(command[0] ?? '', command.slice(1), { stdio: [...stdio] }))
  }

  /** Resolves when so many more keys have been acknowledged. */
  async more(count: number, timeoutMs: number): Promise<void> {
    const goal = this.stored.size + count
    await until(`${count} more keys written`, timeoutMs, () => this.stored.size >= goal)
  }

  /** Resolves when all that it has sent is answered. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
}

/** The acknowledged keys that cannot be read through `port`, or hold another value. */
export async function keysMissing(port: number, writers: readonly KeyWriter[]): Promise<string[]> {
  const keys = writers.flatMap(({ stored }) => [...stored.keys()])
  const client = await TextClient.open(port)
  const missing: string[] = []
  for (let from = 0; from < keys.length; from += KEYS_OF_A_GET) {
    const asked = keys.slice(from, from + KEYS_OF_A_GET)
    const lines = (await client.ask(`get ${asked.join(' ')}\r\n`, 'END\r\n')).split('\r\n')
    const found = new Map<string, string | undefined>()
    for (let index = 0; index + 1 < lines.length; index += 2) {
      found.set(lines[index]?.split(' ')[1] ?? '', lines[index + 1])
    }
    missing.push(...asked.filter((key) => found.get(key) !== key))
  }
  client.close()
  return missing
}
