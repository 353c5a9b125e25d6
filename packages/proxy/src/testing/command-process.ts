/**
 * The proxy's command as a child process, for tests: its output, its ready line, its end.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { until } from '@holdfast/client/testing'

/** It runs from its sources: on a busy machine half a minute may go by before it listens. */
const START_TIMEOUT_MS = 120_000

const PROGRAM: string = fileURLToPath(new URL('./proxy-command.ts', import.meta.url))

export class CommandProcess {
  stdout = ''
  stderr = ''
  /** Resolves with its exit code, null when a signal ended it. */
  readonly exited: Promise<number | null>
  readonly #child: ChildProcess

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: 'pipe',
      env: { ...process.env, ...environment },
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    this.exited = once(this.#child, 'close').then(([code]) => {
      return typeof code === 'number' ? code : null
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Process ids of its workers. */
  get workers(): number[] {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')
    return children.split(' ').filter(Boolean).map(Number)
  }

  /** Address of the ready line. */
  async ready(): Promise<string> {
    const isDecided = (): boolean => this.stdout.includes('\n') || this.#ended
    await until('the ready line or the end', isDecided, START_TIMEOUT_MS)
    const address = /^holdfast proxy ready (\S+)\n/m.exec(this.stdout)?.[1]
    assert.ok(address, this.stdout + this.stderr)
    return address
  }

  /** Where its HTTP port is, as its log says. */
  get httpAddress(): string {
    return /"http":"([^"]+)"/.exec(this.stderr)?.[1] ?? ''
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (!this.#ended) this.#child.kill('SIGTERM')
    return await this.exited
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }
}
