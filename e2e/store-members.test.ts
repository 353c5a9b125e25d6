// A cluster's members change while a writer sets one fresh key after the other: nodes come, are
// swapped, failed over and taken back, a rebalance is stopped, and its leader, a manager and an
// engine die in the middle of it. Afterwards every acknowledged key is read back.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  addressOf,
  type LocalStore,
  type StoreNode,
} from '../packages/holdfast/src/picture/local-store.ts'
import { nodePids } from '../packages/holdfast/src/picture/node-processes.ts'
import { figure } from './harness/figures.ts'
import { KeyWriter, keysMissing } from './harness/key-writer.ts'
import { missing, onStage, type Stage } from './harness/stage.ts'
import { StoreAdmin } from './harness/store-admin.ts'
import { TextClient } from './harness/text-client.ts'
import { until } from './harness/until.ts'

const REBALANCE_TIMEOUT_MS = 180_000
const SHARDS = 8
const SOON_MS = 120_000
const KEYS = 100
/** Few: what is tested is the order of things, on machines that may be busy. */
const LANES = 3

interface Scene {
  readonly store: LocalStore
  readonly admin: StoreAdmin
  readonly writer: KeyWriter
  /** Memcached port of the proxy. */
  readonly port: number
}

const skip = missing('engine')

/** Plays on a cluster under load and reads back what was acknowledged. */
async function underLoad(
  t: TestContext,
  { store, apps }: Stage,
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { port } = await apps.addProxy(store.streamUrls())
  const admin = new StoreAdmin(store)
  const writer = KeyWriter.start({ port, name: 'key', lanes: LANES })
  try {
    await writer.more(KEYS, SOON_MS)
    await play({ store, admin, writer, port })
    await writer.more(KEYS, SOON_MS)
  } finally {
    await writer.stop()
  }
  const lost = await keysMissing(port, [writer])
  figure(t, 'acknowledged keys lost', lost.length, `of ${writer.stored.size}`)
  figure(t, 'writes refused', writer.refused.length)
  assert.deepEqual(lost.slice(0, 5), [])
  assert.deepEqual(writer.refused.slice(0, 5), [])
}

async function untilRebalanced({ admin, store }: Pick<Scene, 'admin' | 'store'>): Promise<void> {
  await until('the rebalance has ended', REBALANCE_TIMEOUT_MS, async () => {
    return !(await admin.isRebalancing())
  })
  assert.equal((await admin.progress()).errorMessage, undefined)
  await store.untilFullCopies(REBALANCE_TIMEOUT_MS)
}

/** What was under way has ended: each shard has its two copies, each counts, none is left over. */
async function untilNothingIsLeftOver({ admin, store }: Scene): Promise<void> {
  await until('no copy is left over', SOON_MS, () => {
    const engines = store.nodes.map((node) => admin.enginesOn(node))
    const held = engines.flatMap(({ all }) => all).length
    const counted = engines.flatMap(({ primaries, replicas }) => [...primaries, ...replicas]).length
    return held === 2 * SHARDS && counted === held
  })
}

/** Some copies of the node have moved, not all. */
async function untilUnderWay({ admin }: Pick<Scene, 'admin'>): Promise<void> {
  await until('the rebalance is under way', SOON_MS, async () => {
    const shares = Object.values(await admin.progress()).flatMap((value) =>
      typeof value === 'object' ? [value.progress] : [],
    )
    return shares.length === 0 || shares.some((share) => share > 0 && share < 1)
  })
}

test('a rebalance is stopped, begins nothing more, and goes on; a swap moves only what it must', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 3 }, async (stage) => {
    await underLoad(t, stage, async (scene) => {
      const { store, admin } = scene
      const fourth = await admin.addNode()
      await admin.startRebalance()
      await untilUnderWay(scene)
      await admin.change('/controller/stopRebalance', {})
      assert.equal((await admin.progress()).status, 'none')
      await store.untilFullCopies(SOON_MS)
      await untilNothingIsLeftOver(scene)
      const held = admin.enginesOn(fourth).all.length
      figure(t, 'copies on the fourth node when stopped', held)
      await scene.writer.more(KEYS, SOON_MS)
      assert.equal(admin.enginesOn(fourth).all.length, held)
      const { balanced } = (await admin.get('/pools/default')) as { balanced: boolean }
      assert.equal(balanced, false)

      await admin.startRebalance()
      await untilRebalanced(scene)
      await untilNothingIsLeftOver(scene)
      const whole = admin.enginesOn(fourth).all.length
      assert.equal(whole, 4)

      const before = [1, 2, 3].map((n) => enginesOf(scene, n))
      const fifth = await admin.addNode()
      await admin.startRebalance(fourth)
      await untilRebalanced(scene)
      assert.equal(await admin.membership(fourth), undefined)
      await untilNothingIsLeftOver(scene)
      assert.equal(admin.enginesOn(fifth).all.length, whole)
      assert.deepEqual(
        [1, 2, 3].map((n) => enginesOf(scene, n)),
        before,
      )
    })
  })
})

function enginesOf({ store, admin }: Scene, number: number): number[] {
  const node = store.nodes[number - 1]
  if (node === undefined) throw new Error(`bug: no node ${number}`)
  return admin.enginesOn(node).all.sort((a, b) => a - b)
}

test('the leader, a manager and an engine die in the middle of a rebalance: it goes on', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 3 }, async (stage) => {
    await underLoad(t, stage, async (scene) => {
      const { store, admin } = scene
      const fourth = await admin.addNode()
      await admin.startRebalance()
      await untilUnderWay(scene)
      const leader = await admin.leader()
      assert.ok(leader !== undefined)
      await store.kill(leader.number)
      await until('another leads', SOON_MS, async () => {
        const next = await admin.leader()
        return next !== undefined && next.number !== leader.number
      })
      await store.revive(leader.number)
      await untilRebalanced(scene)
      await untilHolds(scene, fourth, 4)

      await admin.startRebalance(fourth)
      await untilUnderWay(scene)
      const victim = store.nodes[leader.number % 3]
      assert.ok(victim !== undefined)
      const [manager = 0] = nodePids(victim.dataFolder)
      process.kill(manager, 'SIGKILL')
      await victim.daemon?.ended()
      await store.revive(victim.number)
      await untilRebalanced(scene)
      assert.equal(await admin.membership(fourth), undefined)

      const fifth = await admin.addNode()
      await admin.startRebalance()
      await untilUnderWay(scene)
      const engines = nodePids(victim.dataFolder).slice(1)
      for (const pid of engines.filter((one) => isEngine(one, admin.enginesOn(victim).primaries))) {
        process.kill(pid, 'SIGKILL')
      }
      await untilRebalanced(scene)
      await untilHolds(scene, fifth, 4)
    })
  })
})

/** A death on the way makes copies that go again when all is well. */
async function untilHolds({ admin }: Scene, node: StoreNode, copies: number): Promise<void> {
  await until(`node ${node.number} holds ${copies} copies`, REBALANCE_TIMEOUT_MS, () => {
    return admin.enginesOn(node).all.length === copies
  })
}

function isEngine(pid: number, ports: readonly number[]): boolean {
  const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  return ports.includes(Number(/:(\d+) \[cluster\]/.exec(commandLine)?.[1]))
}

test('a member is failed over by a person and taken back: it gets the rest, not everything', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 3 }, async (stage) => {
    await underLoad(t, stage, async (scene) => {
      const { store, admin, writer } = scene
      const [, second] = store.nodes
      assert.ok(second !== undefined)
      const otpNode = await admin.otpNode(second)
      const refused = await admin.post('/controller/ejectNode', { otpNode })
      assert.deepEqual(refused, { status: 400, text: 'Cannot remove active server.\n' })

      await admin.change('/controller/startGracefulFailover', { otpNode })
      await until('it is failed over', SOON_MS, async () => {
        return (await admin.membership(second)) === 'inactiveFailed'
      })
      await store.untilFullCopies(SOON_MS)
      assert.deepEqual(admin.enginesOn(second).primaries, [])
      await writer.more(KEYS, SOON_MS)

      const before = syncCounts(second)
      await admin.change('/controller/reAddNode', { otpNode })
      assert.equal(await admin.membership(second), 'inactiveAdded')
      await writer.more(KEYS, SOON_MS)
      await admin.startRebalance()
      await untilRebalanced(scene)
      const { all } = admin.enginesOn(second)
      const after = syncCounts(second)
      figure(t, 'full copies', after.full - before.full, `for ${all.length} on the member`)
      figure(t, 'partial copies', after.partial - before.partial)
      assert.equal(after.full, before.full, 'nothing was copied as a whole')
      assert.ok(after.partial - before.partial >= all.length)
      assert.ok(all.length >= 5)
    })
  })
})

/** How often engines of the node have asked their primary for everything, or for what was new. */
function syncCounts({ dataFolder }: StoreNode): { full: number; partial: number } {
  const folder = join(dataFolder, 'engines')
  const logs = readdirSync(folder).map((name) => {
    return readFileSync(join(folder, name, 'engine.log'), 'utf8')
  })
  const count = (line: string): number => logs.join('').split(line).length - 1
  return {
    full: count('Full resync from master'),
    partial: count('Master accepted a Partial Resynchronization'),
  }
}

test('of two nodes one dies: a person fails it over at once, and it comes back as a replica', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 2 }, async ({ store, apps }) => {
    const admin = new StoreAdmin(store)
    const { port } = await apps.addProxy(store.streamUrls())
    const writers: KeyWriter[] = []
    try {
      await playTwoNodes(t, { store, admin, port, writers })
    } finally {
      for (const writer of writers) await writer.stop()
    }
    const lost = await keysMissing(port, writers)
    const stored = writers.reduce((sum, { stored }) => sum + stored.size, 0)
    figure(t, 'acknowledged keys lost', lost.length, `of ${stored}`)
    assert.deepEqual(lost.slice(0, 5), [])
    assert.deepEqual(writers[1]?.refused.slice(0, 5), [])
  })
})

async function playTwoNodes(
  t: TestContext,
  { store, admin, port, writers }: Omit<Scene, 'writer'> & { writers: KeyWriter[] },
): Promise<void> {
  const writer = KeyWriter.start({ port, name: 'before', lanes: LANES })
  writers.push(writer)
  await writer.more(KEYS, SOON_MS)
  const [first, second] = store.nodes
  assert.ok(first !== undefined && second !== undefined)
  await store.kill(1)
  await writer.stop()
  await until('it says why nothing is failed over', SOON_MS, async () => {
    const response = await fetch(`http://${addressOf(second)}/metrics`)
    return /failovers_refused\{reason="no-majority"\} 1/.test(await response.text())
  })

  const orderedAtMs = performance.now()
  const hostname = addressOf(first)
  const dead = (await admin.nodes(second)).find((n) => n.hostname === hostname)
  assert.ok(dead !== undefined)
  await admin.change('/controller/failOver', { otpNode: dead.otpNode }, second)
  const client = await TextClient.open(port)
  await until('a write is taken', SOON_MS, async () => {
    return (await client.set('after', 'after').catch(() => '')) === 'STORED'
  })
  figure(t, 'ms from the order to a write', Math.round(performance.now() - orderedAtMs))
  const after = KeyWriter.start({ port, name: 'after', lanes: LANES })
  writers.push(after)
  await after.more(KEYS, SOON_MS)

  await store.revive(1)
  await until('the old one knows that it was failed over', SOON_MS, async () => {
    const nodes = await admin.nodes(first).catch(() => [])
    return nodes.some((n) => n.hostname === hostname && n.clusterMembership === 'inactiveFailed')
  })
  await until('it runs no engine', SOON_MS, () => nodePids(first.dataFolder).length <= 2)
  await after.more(KEYS, SOON_MS)
  await admin.change('/controller/reAddNode', { otpNode: dead.otpNode }, second)
  await admin.startRebalance()
  await untilRebalanced({ admin, store })
  await after.more(KEYS, SOON_MS)
  client.close()
}
