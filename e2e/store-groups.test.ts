// Server groups and the time-out of automatic failover, changed while a store of three nodes
// serves.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addressOf,
  type LocalStore,
  STORE_PASSWORD,
  STORE_USER,
  type StoreNode,
} from '../packages/holdfast/src/picture/local-store.ts'
import { missing, onStage } from './harness/stage.ts'
import { StoreAdmin } from './harness/store-admin.ts'
import { until } from './harness/until.ts'

const GROUPS = '/pools/default/serverGroups'
const SOON_MS = 120_000
const REBALANCE_TIMEOUT_MS = 180_000
const AUTHORIZATION = `Basic ${Buffer.from(`${STORE_USER}:${STORE_PASSWORD}`).toString('base64')}`
const LONG_TIMEOUT_SECONDS = 8
const SHORT_TIMEOUT_SECONDS = 0.5
/** A word that was on its way when a node froze. */
const LAST_WORD_MS = 1000

const skip = missing('engine')

/** The data nodes that hold a copy, for each vBucket. */
async function copiesOf(admin: StoreAdmin, { nodes }: LocalStore): Promise<number[][]> {
  const { vBucketServerMap } = (await admin.get('/pools/default/buckets/default')) as {
    vBucketServerMap: { serverList: string[]; vBucketMap: number[][] }
  }
  const { serverList, vBucketMap } = vBucketServerMap
  const numbers = serverList.map((address) => {
    return nodes.find(({ host, ports }) => address === `${host}:${ports.data}`)?.number ?? 0
  })
  return vBucketMap.map((row) => row.flatMap((index) => numbers[index] ?? []))
}

/** A busy machine may see a copy away for a moment. */
async function untilPlaced(
  admin: StoreAdmin,
  store: LocalStore,
  isRight: (row: readonly number[]) => boolean,
): Promise<void> {
  let shapes: string[] = []
  try {
    await until('all copies are where they belong', SOON_MS, async () => {
      const rows = await copiesOf(admin, store)
      shapes = [...new Set(rows.map((row) => row.join()))]
      return rows.length === 1024 && rows.every((row) => new Set(row).size === 2 && isRight(row))
    })
  } catch (cause) {
    throw new Error(`copies on nodes ${shapes.join(' ')}`, { cause })
  }
}

/** Puts nodes into groups by name, and rebalances. */
async function regroup(
  admin: StoreAdmin,
  store: LocalStore,
  wanted: Readonly<Record<string, readonly StoreNode[]>>,
): Promise<void> {
  const groups = await Promise.all(
    Object.entries(wanted).map(async ([name, nodes]) => ({
      uri: `${GROUPS}/${encodeURIComponent(name)}`,
      nodes: await Promise.all(nodes.map(async (n) => ({ otpNode: await admin.otpNode(n) }))),
    })),
  )
  const [first] = store.nodes
  assert.ok(first)
  const answer = await fetch(`http://${addressOf(first)}${GROUPS}`, {
    method: 'PUT',
    headers: { authorization: AUTHORIZATION, 'content-type': 'application/json' },
    body: JSON.stringify({ groups }),
  })
  assert.equal(answer.status, 200, await answer.text())
  await admin.startRebalance()
  await until('the rebalance has ended', REBALANCE_TIMEOUT_MS, async () => {
    return !(await admin.isRebalancing())
  })
  await store.untilFullCopies(REBALANCE_TIMEOUT_MS)
}

test('copies of a shard are never in one server group while another has a node', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 3 }, async ({ store }) => {
    const admin = new StoreAdmin(store)
    const [one, two, three] = store.nodes
    assert.ok(one && two && three)
    for (const name of ['East', 'West', 'North']) await admin.change(GROUPS, { name })

    await regroup(admin, store, { East: [one, two], West: [three] })
    await untilPlaced(admin, store, (row) => row.includes(three.number))

    await regroup(admin, store, { North: [one], East: [two, three], West: [] })
    await untilPlaced(admin, store, (row) => row.includes(one.number))

    await regroup(admin, store, { North: [one], East: [two], West: [three] })
    await untilPlaced(admin, store, () => true)
    assert.equal(new Set((await copiesOf(admin, store)).flat()).size, 3)
  })
})

test('a node that says nothing is given up after the time-out that is set, from the next word on', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 3 }, async ({ store }) => {
    const admin = new StoreAdmin(store)
    const [, , third] = store.nodes
    assert.ok(third)
    const healthOf = async () => {
      const { nodes } = (await admin.get('/pools/default')) as {
        nodes: { hostname: string; status: string }[]
      }
      return nodes.find(({ hostname }) => hostname === addressOf(third))?.status
    }
    /** Milliseconds from the moment that the node freezes. */
    const givenUpAfterMs = async (timeout: number) => {
      await admin.change('/settings/autoFailover', { enabled: 'true', timeout: String(timeout) })
      await until('it is heard', SOON_MS, async () => (await healthOf()) === 'healthy')
      store.freeze(third.number)
      const ms = await until('it is given up', SOON_MS, async () => {
        return (await healthOf()) === 'unhealthy'
      })
      store.thaw(third.number)
      t.diagnostic(`given up after ${Math.round(ms)} ms with a time-out of ${timeout} s`)
      await until('it is heard again', SOON_MS, async () => (await healthOf()) === 'healthy')
      await store.untilFullCopies(REBALANCE_TIMEOUT_MS)
      return ms
    }
    const longMs = await givenUpAfterMs(LONG_TIMEOUT_SECONDS)
    assert.ok(longMs >= LONG_TIMEOUT_SECONDS * 1000 - LAST_WORD_MS, `${longMs} ms`)
    const shortMs = await givenUpAfterMs(SHORT_TIMEOUT_SECONDS)
    assert.ok(shortMs < LONG_TIMEOUT_SECONDS * 1000, `${shortMs} ms`)
    const refused = await admin.post('/settings/autoFailover', { enabled: 'true', timeout: '0.2' })
    assert.equal(refused.status, 400)
  })
})
