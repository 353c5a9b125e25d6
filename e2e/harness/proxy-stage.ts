// The stage of a test that needs a proxy and plain servers, no cluster: a temporary folder, a proxy
// as a process of its own, memcached servers that can be killed, frozen and brought back. Whatever
// was started is gone when the test ends; when it fails, the end of the proxy's log is printed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { MemcachedProcess, memcachedInstalled } from '@holdfast/client/testing'
import { Daemon } from '../../packages/holdfast/src/picture/daemon.ts'
import { PortPlan } from '../../packages/holdfast/src/picture/ports.ts'
import { findPrograms } from '../../packages/holdfast/src/picture/programs.ts'
import { CheckedClient, type CheckedClientOptions } from './checked-client.ts'
import { projectRoot } from './stage.ts'

const LOG_TAIL_LINES = 40

/** Why tests on this stage cannot run here; false when they can. */
export const noMemcached: string | false = memcachedInstalled ? false : 'not installed: memcached'

export class ProxyStage {
  readonly folder: string
  readonly ports: PortPlan = new PortPlan()
  readonly #programs = findPrograms(projectRoot)
  readonly #servers: MemcachedProcess[] = []
  readonly #clients: CheckedClient[] = []
  #proxy: Daemon | undefined

  constructor(folder: string) {
    this.folder = folder
  }

  get proxy(): Daemon {
    if (this.#proxy === undefined) throw new Error('bug: no proxy was started')
    return this.#proxy
  }

  async addMemcached(...args: string[]): Promise<MemcachedProcess> {
    const server = await MemcachedProcess.start(...args)
    this.#servers.push(server)
    return server
  }

  /** Starts `holdfast proxy` with these arguments. */
  async startProxy(...args: string[]): Promise<void> {
    this.#proxy = await Daemon.start({
      name: 'proxy',
      command: this.#programs.node,
      args: [this.#programs.holdfast, 'proxy', ...args],
      logPath: join(this.folder, 'proxy.log'),
      readyLine: /^holdfast proxy ready /,
    })
  }

  async addClient(options: CheckedClientOptions): Promise<CheckedClient> {
    const client = await CheckedClient.start(options)
    this.#clients.push(client)
    return client
  }

  /** The end of the proxy's log; nothing when it was not started. */
  printLog(t: TestContext): void {
    if (this.#proxy === undefined) return
    t.diagnostic(`end of the proxy's log:\n${this.#proxy.logTail(LOG_TAIL_LINES)}`)
  }

  /** Stops the proxy, kills the rest. */
  async strike(): Promise<void> {
    for (const client of this.#clients.filter(({ closed }) => !closed)) await client.stop()
    await this.#proxy?.stop()
    await Promise.all(this.#servers.map((server) => server.kill()))
  }

  /** When nothing can be awaited any more. */
  killAtOnce(): void {
    this.#proxy?.kill()
    for (const server of this.#servers) void server.kill()
  }
}

/** Sets the stage and plays the test on it. */
export async function onProxyStage(
  t: TestContext,
  play: (stage: ProxyStage) => Promise<void>,
): Promise<void> {
  const stage = new ProxyStage(mkdtempSync(join(tmpdir(), 'holdfast-e2e-')))
  const killAll = (): void => stage.killAtOnce()
  const endTest = (): void => process.exit(1)
  process.once('exit', killAll).once('SIGTERM', endTest).once('SIGINT', endTest)
  try {
    await play(stage)
    await stage.strike()
  } catch (error) {
    stage.printLog(t)
    throw error
  } finally {
    await stage.strike().catch(() => stage.killAtOnce())
    process.off('exit', killAll).off('SIGTERM', endTest).off('SIGINT', endTest)
    rmSync(stage.folder, { recursive: true, force: true })
  }
}
