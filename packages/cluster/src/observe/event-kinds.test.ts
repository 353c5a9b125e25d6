import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeBucketLogin } from '../document/bucket-login.ts'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { newMember } from '../document/new-document.ts'
import { documentWithBucket, memberAddress } from '../test-support/fixtures.ts'
import { documentEvents } from './event-kinds.ts'

/** `name: text` of what the change means. */
function eventsOf(change: (draft: ClusterDocument) => void): string[] {
  const before = documentWithBucket(3)
  const after = structuredClone(before)
  change(after)
  return documentEvents(before, after).map(({ name, text }) => `${name}: ${text}`)
}

test('nothing has happened when nothing but the placement has changed', () => {
  const events = eventsOf((draft) => {
    draft.rev++
    for (const shard of draft.buckets.flatMap((b) => b.shards)) shard.replicas = []
  })
  assert.deepEqual(events, [])
})

test('members come, are failed over, come back and leave', () => {
  const member = (draft: ClusterDocument) => {
    const [, second] = draft.members
    assert.ok(second)
    return second
  }
  assert.deepEqual(
    eventsOf((draft) => draft.members.push(newMember(4, 'uuid-4', memberAddress(4)))),
    ['memberAdded: Node ns_1@host-4 joined cluster'],
  )
  assert.deepEqual(
    eventsOf((draft) => {
      member(draft).membership = 'inactiveFailed'
    }),
    ["failedOver: Failed over 'ns_1@host-2': ok"],
  )
  assert.deepEqual(
    eventsOf((draft) => draft.members.splice(1, 1)),
    ['memberRemoved: Node ns_1@host-2 left cluster'],
  )
  assert.deepEqual(
    eventsOf((draft) => draft.autoFailover.failedOver.push(3)),
    ["failedOverByItself: Node ('ns_1@host-3') was automatically failed over."],
  )
})

test('a rebalance starts, stands still, ends', () => {
  const started = eventsOf((draft) => {
    draft.rebalancing = true
    const [first] = draft.members
    if (first) first.ejecting = true
  })
  assert.deepEqual(started, [
    'rebalanceStarted: Starting rebalance, KeepNodes = [ns_1@host-2, ns_1@host-3], ' +
      'EjectNodes = [ns_1@host-1]',
  ])
  const before = { ...documentWithBucket(2), rebalancing: true }
  const stuck = structuredClone(before)
  stuck.rebalance.trouble = 'no space'
  const ended = { ...structuredClone(before), rebalancing: false }
  const stopped = structuredClone(ended)
  stopped.rebalance.stopped = true
  const names = (after: ClusterDocument) => documentEvents(before, after).map(({ name }) => name)
  assert.deepEqual(names(stuck), ['rebalanceTrouble'])
  assert.deepEqual(names(ended), ['rebalanceEnded'])
  assert.deepEqual(names(stopped), ['rebalanceStopped'])
})

test('buckets are made, changed and deleted; settings change; no secret is told', async () => {
  const login = await makeBucketLogin('very-secret')
  const changed = eventsOf((draft) => {
    const [bucket] = draft.buckets
    if (bucket) bucket.login = login
    draft.admin = { username: 'a', passwordHash: 'scrypt$secret' }
    draft.settings.alerts = { emailServer: { pass: 'mail-secret' } }
  })
  assert.deepEqual(
    changed.map((line) => line.split(':')[0]),
    ['bucketChanged', 'settingsChanged', 'settingsChanged'],
  )
  assert.doesNotMatch(changed.join('\n'), /secret|scrypt|salt/)
  assert.deepEqual(
    eventsOf((draft) => draft.buckets.pop()),
    ['bucketDeleted: Deleted bucket "default"'],
  )
})
