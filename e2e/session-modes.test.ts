// Each mode of sessions with each mode of locking, while app servers, proxies and store nodes die:
// how many requests fail, writes get lost, ended sessions come back, users are logged out. What a
// mode promises is asserted; the figures are printed for all.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { LocalApps } from '../packages/holdfast/src/picture/local-apps.ts'
import type { LocalStore } from '../packages/holdfast/src/picture/local-store.ts'
import { PortPlan } from '../packages/holdfast/src/picture/ports.ts'
import { findPrograms } from '../packages/holdfast/src/picture/programs.ts'
import { figure } from './harness/figures.ts'
import { type SessionFigures, SessionVisitors } from './harness/session-visitors.ts'
import { missing, onStage, projectRoot } from './harness/stage.ts'
import { until } from './harness/until.ts'

const VISITORS = 12
const ROUNDS_TIMEOUT_MS = 120_000
const COPIES_TIMEOUT_MS = 120_000
const FROZEN_MS = 3000

interface Mode {
  readonly name: string
  readonly appServers: number
  readonly sticky: boolean
  readonly options: object
}

/** A loaded machine is not a store that is away, nor a lock that is never given back. */
const PATIENCE = {
  storeWait: 3000,
  operationTimeout: 10_000,
  sessionBackupTimeout: 10_000,
  lockWait: 10_000,
}

const MODES: readonly Mode[] = [
  { name: 'sticky', appServers: 2, sticky: true, options: {} },
  {
    name: 'sticky, storeFailure fail',
    appServers: 4,
    sticky: true,
    options: { storeFailure: 'fail' },
  },
  { name: 'non-sticky', appServers: 4, sticky: false, options: {} },
  ...['all', 'auto', 'uriPattern:POST /(put|count).*'].map((lockingMode) => ({
    name: `non-sticky, lockingMode ${lockingMode}`,
    appServers: 2,
    sticky: false,
    options: { lockingMode },
  })),
]

/** What may not happen in a scene; what is not named is only printed. */
type Promised = readonly ('failed' | 'lost' | 'loggedOut' | 'resurrected')[]

interface Playground {
  readonly apps: LocalApps
  readonly store: LocalStore
  readonly visitors: SessionVisitors
}

interface Scene {
  readonly name: string
  readonly promised: (mode: Mode) => Promised
  readonly play: (playground: Playground) => Promise<void>
}

const ALL: Promised = ['failed', 'lost', 'loggedOut', 'resurrected']

const KEPT: Promised = ['lost', 'loggedOut', 'resurrected']

const SCENES: readonly Scene[] = [
  { name: 'a store node is killed and comes back', promised: () => ALL, play: playNodeDeath },
  { name: 'a store node is frozen and thaws', promised: () => ALL, play: playNodeFrozen },
  { name: 'an app server is killed', promised: () => ALL, play: playAppDeath },
  {
    name: 'a proxy is killed',
    // Until the balancer has noticed, requests of that host fail; sticky sessions are then served
    // from memory, and what was written or begun meanwhile stays behind when their users move on.
    promised: ({ sticky, options }) =>
      sticky && !('storeFailure' in options) ? ['resurrected'] : KEPT,
    play: playProxyDeath,
  },
]

test('sessions in every mode', { skip: missing('engine', 'balancer') }, async (t) => {
  await onStage(t, { nodes: 3 }, async ({ folder, store }) => {
    for (const mode of MODES) {
      await t.test(mode.name, async (t) => await playMode(t, mode, folder, store))
    }
  })
})

async function playMode(
  t: TestContext,
  mode: Mode,
  folder: string,
  store: LocalStore,
): Promise<void> {
  const path = join(projectRoot, 'e2e/harness/session-app.ts')
  const args = ['--options', JSON.stringify({ ...PATIENCE, ...mode.options })]
  const { sticky } = mode
  const apps = new LocalApps(
    findPrograms(projectRoot),
    join(folder, mode.name.replaceAll(/\W+/g, '-')),
    new PortPlan(),
    { sticky, asyncBackup: false, program: { path, args } },
  )
  try {
    for (let number = 1; number <= mode.appServers; number++) {
      const proxy = await apps.addProxy(store.streamUrls())
      await apps.addApp(proxy.port)
    }
    await apps.addBalancer()
    for (const scene of SCENES) {
      await t.test(scene.name, async (t) => await playScene(t, mode, scene, { apps, store }))
    }
  } finally {
    await apps.stop()
  }
}

async function playScene(
  t: TestContext,
  mode: Mode,
  scene: Scene,
  { apps, store }: Omit<Playground, 'visitors'>,
): Promise<void> {
  const visitors = new SessionVisitors(apps.entryPort, VISITORS)
  try {
    visitors.start()
    await untilMoreRounds(visitors, 2)
    await scene.play({ apps, store, visitors })
    await untilMoreRounds(visitors, 3)
  } finally {
    await visitors.stop()
    if (!mode.sticky) await visitors.readEverywhere(apps.apps.map(({ port }) => port))
    visitors.close()
  }
  judge(t, visitors.figures, scene.promised(mode))
}

function judge(t: TestContext, figures: SessionFigures, promised: Promised): void {
  figure(t, 'requests answered', figures.answered)
  for (const name of ALL) figure(t, name, figures[name].length, figures[name][0] ?? '')
  figure(t, 'ms of the slowest request', Math.round(figures.slowestMs))
  for (const name of promised) assert.deepEqual(figures[name].slice(0, 5), [], name)
}

async function playNodeDeath({ store, visitors }: Playground): Promise<void> {
  const victim = 1 + Math.floor(Math.random() * store.nodes.length)
  await store.kill(victim)
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
  await untilMoreRounds(visitors, 2)
  await store.revive(victim)
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
}

async function playNodeFrozen({ store, visitors }: Playground): Promise<void> {
  const victim = 1 + Math.floor(Math.random() * store.nodes.length)
  store.freeze(victim)
  try {
    await delay(FROZEN_MS)
    await untilMoreRounds(visitors, 2)
  } finally {
    store.thaw(victim)
  }
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
}

async function playAppDeath({ apps, visitors }: Playground): Promise<void> {
  const victim = apps.apps[0]
  assert.ok(victim !== undefined)
  // Nobody clicks while it dies: what a dying app server does to a request under way is its own
  // affair, what happens to the session is ours.
  await visitors.stop()
  victim.daemon.kill()
  await victim.daemon.ended()
  visitors.start()
  await untilMoreRounds(visitors, 3)
  await apps.reviveApp(victim.number)
}

async function playProxyDeath({ apps, visitors }: Playground): Promise<void> {
  const victim = apps.proxies[0]
  assert.ok(victim !== undefined)
  victim.daemon.kill()
  await victim.daemon.ended()
  await untilMoreRounds(visitors, 3)
  await apps.reviveProxy(victim.number)
}

async function untilMoreRounds(visitors: SessionVisitors, more: number): Promise<void> {
  const rounds = visitors.fewestRounds + more
  await until(`${more} more rounds of each visitor`, ROUNDS_TIMEOUT_MS, () => {
    return visitors.fewestRounds >= rounds
  })
}
