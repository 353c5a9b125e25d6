/** A node that cannot carry the cluster's quota does not join it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { LocalCluster } from '../test-support/local-cluster.ts'

let cluster: LocalCluster
let stranger: LocalCluster

before(async () => {
  cluster = await LocalCluster.start(1)
  stranger = await LocalCluster.start(1)
})

after(async () => {
  await stranger?.stop()
  await cluster?.stop()
})

async function add(): Promise<{ status: number; text: string }> {
  const { restPort } = stranger.node(1).selfMember
  const hostname = `127.0.0.1:${restPort}`
  const form = { hostname, user: 'Administrator', password: 'password' }
  const answer = await cluster.request('POST', '/controller/addNode', form)
  return { status: answer.status, text: await answer.text() }
}

test('a node with less memory than the quota is refused, stays by itself and no member', async () => {
  const { document } = cluster.node(1)
  const quota = document.memoryQuotaMegabytes
  await cluster.node(1).change((draft) => {
    draft.memoryQuotaMegabytes = 1_000_000_000
  })
  const { status, text } = await add()
  assert.equal(status, 400)
  assert.match(text, /^\["Prepare join failed\. This server does not have sufficient memory/)
  assert.match(text, /Total quota is 1000000000MB, maximum allowed quota for the node is \d+MB/)
  assert.equal(cluster.node(1).document.members.length, 1)
  assert.equal(stranger.node(1).document.members.length, 1)
  await cluster.node(1).change((draft) => {
    draft.memoryQuotaMegabytes = quota
  })
  assert.equal((await add()).status, 200)
  assert.equal(stranger.node(1).document.uuid, document.uuid)
})
