// The stage of one end-to-end test: a temporary folder, free ports, a store cluster, app servers
// and a balancer as real processes. Whatever was started is stopped or killed when the test ends,
// however it ends; when the test fails, the end of every process's log is printed, and with
// HOLDFAST_E2E_KEEP=1 in the environment the folder with all logs and data stays.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type AppOptions, LocalApps } from '../../packages/holdfast/src/picture/local-apps.ts'
import { LocalStore, type NodeHosts } from '../../packages/holdfast/src/picture/local-store.ts'
import { isAlive, killNode, nodePids } from '../../packages/holdfast/src/picture/node-processes.ts'
import { PortPlan } from '../../packages/holdfast/src/picture/ports.ts'
import { findPrograms, type Programs } from '../../packages/holdfast/src/picture/programs.ts'

const LOG_TAIL_LINES = 40
const COPIES_TIMEOUT_MS = 120_000

export const projectRoot: string = dirname(dirname(import.meta.dirname))

export interface Stage {
  readonly folder: string
  readonly store: LocalStore
  readonly apps: LocalApps
}

export interface Cast {
  readonly nodes: number
  readonly arbiter?: boolean
  /** Whether the nodes become one cluster; otherwise each is as it was installed. */
  readonly formed?: boolean
  /** App servers, each with a local proxy of its own, and the balancer when there is any. */
  readonly appServers?: number
  readonly sessions?: AppOptions
  /** Hosts for the store nodes; without it they run on this one. */
  readonly hosts?: NodeHosts
}

/** Why tests that need the given programs cannot run here; false when they can. */
export function missing(...names: readonly ('engine' | 'balancer')[]): string | false {
  const programs = findPrograms(projectRoot)
  const absent = names.filter((name) => programs[name] === undefined)
  return absent.length === 0 ? false : `not installed: ${absent.join(', ')}`
}

/** Sets up the cast and plays the test with it. */
export async function onStage(
  t: TestContext,
  cast: Cast,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'))
  const programs = findPrograms(projectRoot)
  const stage = build(programs, folder, cast)
  const killAll = (): void => killAtOnce(stage)
  const endTest = (): void => process.exit(1)
  process.once('exit', killAll).once('SIGTERM', endTest).once('SIGINT', endTest)
  let keep = false
  try {
    await raise(stage, cast)
    await play(stage)
    const leftovers = await strike(stage)
    assert.deepEqual(leftovers, [], 'a clean stop leaves no process')
  } catch (error) {
    printLogs(t, folder)
    keep = process.env.HOLDFAST_E2E_KEEP === '1'
    if (keep) t.diagnostic(`logs and data stay in ${folder}`)
    throw error
  } finally {
    await strike(stage).catch(() => killAtOnce(stage))
    process.off('exit', killAll).off('SIGTERM', endTest).off('SIGINT', endTest)
    if (!keep) rmSync(folder, { recursive: true, force: true })
  }
}

// The test itself is ended from outside: nothing can be awaited any more.
function killAtOnce({ store, apps }: Stage): void {
  for (const daemon of [...apps.daemons, ...store.daemons]) daemon.kill()
  for (const { dataFolder } of store.nodes) killNode(dataFolder)
}

function build(programs: Programs, folder: string, { sessions, hosts }: Cast): Stage {
  const ports = new PortPlan()
  return {
    folder,
    store: new LocalStore(programs, folder, ports, hosts),
    apps: new LocalApps(programs, folder, ports, sessions ?? { sticky: true, asyncBackup: false }),
  }
}

async function raise({ store, apps }: Stage, cast: Cast): Promise<void> {
  const { nodes, arbiter = false, formed = true, appServers = 0 } = cast
  for (let number = 1; number <= nodes; number++) await store.addNode()
  if (arbiter) await store.addNode({ isArbiter: true })
  if (!formed) return
  await store.form()
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
  for (let number = 1; number <= appServers; number++) {
    const proxy = await apps.addProxy(store.streamUrls())
    await apps.addApp(proxy.port)
  }
  if (appServers > 0) await apps.addBalancer()
}

/** Stops everything, kills what is left then; returns what had to be killed or lives even so. */
async function strike({ store, apps }: Stage): Promise<string[]> {
  await apps.stop()
  const killed = await store.stop()
  const left = [
    ...store.nodes.flatMap(({ dataFolder }) => nodePids(dataFolder)),
    ...[...store.daemons, ...apps.daemons].map(({ pid }) => pid).filter(isAlive),
  ]
  return [
    ...(killed === 0 ? [] : [`${killed} processes of stopped nodes had to be killed`]),
    ...left.map((pid) => `process ${pid} lives`),
  ]
}

function printLogs(t: TestContext, folder: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.log'))) {
    const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')
    t.diagnostic(`end of ${file}:\n${lines.slice(-LOG_TAIL_LINES).join('\n')}`)
  }
}
