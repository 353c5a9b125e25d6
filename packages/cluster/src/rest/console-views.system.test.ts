/** What the console shows before it acts, and a node that asks to join, at real nodes. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { freePort } from '@holdfast/client/testing'
import type { ZodType } from 'zod'
import { LocalCluster } from '../test-support/local-cluster.ts'
import {
  bucketLossSchema,
  failoverPreviewSchema,
  rebalancePreviewSchema,
  topologySchema,
} from './answers-console.ts'

const LOGIN = { user: 'Administrator', password: 'password' }

let cluster: LocalCluster
let stranger: LocalCluster

before(async () => {
  cluster = await LocalCluster.start(2)
  await cluster.makeBucket({ name: 'shop', shards: '4', replicaNumber: '1', ramQuotaMB: '100' })
  stranger = await LocalCluster.start(1)
})

after(async () => {
  await stranger?.stop()
  await cluster?.stop()
})

/** The answer, which must be as it is described. */
async function ask(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options: { schema: ZodType; form?: Record<string, string>; via?: number },
  // biome-ignore lint/suspicious/noExplicitAny: the answers are checked member by member
): Promise<any> {
  const answer = await cluster.request(method, path, options.form, options.via)
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  const result = options.schema.safeParse(JSON.parse(text))
  assert.ok(result.success, `${path}: ${result.error?.message}`)
  return JSON.parse(text)
}

const topology = (via = 1) => ask('GET', '/pools/default/topology', { schema: topologySchema, via })

const otpNodes = async (): Promise<string[]> =>
  (await topology()).nodes.map((node: { otpNode: string }) => node.otpNode)

const join = (form: Record<string, string>): Promise<Response> =>
  stranger.request('POST', '/node/controller/doJoinCluster', form)

const memberForm = (): Record<string, string> => {
  const { host, restPort } = cluster.node(1).selfMember
  return { clusterMemberHostIp: host, clusterMemberPort: String(restPort), ...LOGIN }
}

test('every node shows the same cluster, copy by copy', async () => {
  await cluster.until('it is healthy', async () => (await topology()).health.word === 'healthy')
  await cluster.until('both nodes say the same', async () => {
    const [one, other] = [await topology(1), await topology(2)]
    return JSON.stringify(one.buckets) === JSON.stringify(other.buckets)
  })
  const { nodes, buckets, leader } = await topology(2)
  assert.equal(nodes.filter((n: { isLeader: boolean }) => n.isLeader).length, 1)
  assert.ok(leader)
  assert.equal(buckets[0].shards.length, 4)
  for (const { copies } of buckets[0].shards) {
    assert.equal(copies.length, 2)
    for (const { inSync, state } of copies) assert.deepEqual([inSync, state], [true, 'running'])
  }
  const active = nodes.reduce(
    (sum: number, n: { vBuckets: { active: number } }) => sum + n.vBuckets.active,
    0,
  )
  assert.equal(active, 1024)
  await cluster.until('lag is told by the primaries', async () => {
    const shards = (await topology()).buckets[0].shards
    return shards.every((shard: { copies: { lagBytes: number | null }[] }) =>
      shard.copies.every(({ lagBytes }) => lagBytes !== null),
    )
  })
})

test('what deleting a bucket would take with it is said, and nothing is deleted', async () => {
  const path = '/pools/default/buckets/shop?just_validate=1'
  for (const via of [1, 2]) {
    const { items } = await ask('DELETE', path, { schema: bucketLossSchema, via })
    assert.equal(items, 0)
  }
  assert.ok(cluster.bucket('shop'))
  const none = await cluster.request('DELETE', '/pools/default/buckets/none?just_validate=1')
  assert.equal(none.status, 404)
})

test('what a failover would do is said, and nobody is failed over', async () => {
  const [, otpNode = ''] = await otpNodes()
  const preview = await ask('POST', '/controller/failOver?just_validate=1', {
    schema: failoverPreviewSchema,
    form: { otpNode },
  })
  assert.deepEqual(preview.shardsWithoutCopy, [])
  assert.equal(preview.vBuckets.active, 512)
  assert.match(preview.message, /Nothing is lost/)
  const { members } = cluster.node(1).document
  assert.ok(members.every((member) => member.membership === 'active'))
  const unknown = await cluster.request('POST', '/controller/failOver?just_validate=1', {
    otpNode: 'nobody',
  })
  assert.equal(unknown.status, 400)
})

test('a node that asks to join is told at once what is wrong', async () => {
  const refused = async (form: Record<string, string>): Promise<string> => {
    const answer = await join({ ...memberForm(), ...form })
    assert.equal(answer.status, 400)
    const [message] = JSON.parse(await answer.text())
    return message
  }
  assert.match(await refused({ password: 'wrong' }), /^Authentication failed at 127/)
  const clusterMemberPort = String(await freePort())
  assert.match(await refused({ clusterMemberPort }), /: connection refused\.$/)
  assert.match(await refused({ clusterMemberPort: '0' }), /^Invalid clusterMemberPort/)
  assert.match(await refused({ clusterMemberHostIp: 'a/b' }), /^Missing or invalid/)
  assert.match(await refused({ clusterMemberHostIp: '' }), /^Missing or invalid/)
  assert.match(await refused({ hostname: '127.0.0.1:1' }), /Could not connect to 127.0.0.1:1/)
  assert.equal(stranger.node(1).document.members.length, 1)
})

test('a node joins a cluster by its own word; a rebalance says first what it would move', async () => {
  const own = stranger.node(1)
  assert.notEqual(own.document.admin, null, 'the cluster does not know its password')
  const joined = await join(memberForm())
  assert.equal(joined.status, 200, await joined.text())
  assert.equal(own.document.uuid, cluster.node(1).document.uuid)
  const again = await join(memberForm())
  assert.equal(again.status, 400)
  const knownNodes = (await otpNodes()).join()
  const revision = cluster.node(1).document.rev
  const preview = await ask('POST', '/controller/rebalance?just_validate=1', {
    schema: rebalancePreviewSchema,
    form: { knownNodes, ejectedNodes: '' },
    via: 2,
  })
  assert.ok(preview.copiesToMake >= 2, 'a third of eight copies')
  assert.ok(preview.bytesToMove > 0)
  const last = preview.vBucketsByNode[(await otpNodes()).at(-1) ?? '']
  assert.deepEqual(last.before, { active: 0, replica: 0 })
  assert.ok(last.after.active + last.after.replica > 0)
  assert.equal(cluster.node(1).document.rev, revision, 'nothing has begun')
  const mismatch = await cluster.request('POST', '/controller/rebalance?just_validate=1', {
    knownNodes: knownNodes.split(',')[0] ?? '',
  })
  assert.deepEqual(await mismatch.json(), { mismatch: 1 })
})

test('a node that is gone is named, and the word says what that means', async () => {
  await stranger.stopNode(1)
  await cluster.stopNode(2)
  await cluster.until('it is told', async () => {
    const { health } = await topology()
    return (
      ['degraded', 'unavailable'].includes(health.word) &&
      health.reasons.some((reason: string) => reason.startsWith('Not answering: 127.0.0.1:')) &&
      health.reasons.some((reason: string) => reason.startsWith('No majority'))
    )
  })
})
