/**
 * The reconcile loop's decisions against a model of the engines: from a random history of deaths
 * and returns it finds its way to the wanted placement, and no step loses an acknowledged write.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { memberById } from '../document/cluster-document.ts'
import { BucketWorld } from '../test-support/bucket-world.ts'
import {
  ejectMember,
  failOverMember,
  reAddMember,
  rebalanceAll,
  stopRebalance,
} from '../test-support/person-acts.ts'

/** Turns in which everything must be in place again: role after role, 2.2 s apart each. */
const TURNS_MAX = 600

interface Event {
  what: (typeof EVENTS)[number]
  shard: number
  member: number
  turns: number
}

const EVENTS = [
  'killNode',
  'announceStop',
  'killManager',
  'reviveNode',
  'killEngine',
  'hangEngine',
  'cutLink',
  'heal',
  'addNode',
  'eject',
  'loseFolder',
  'stopRebalance',
  'failOver',
  'reAdd',
] as const

const events: fc.Arbitrary<Event> = fc.record({
  what: fc.constantFrom(...EVENTS),
  shard: fc.nat(2),
  member: fc.integer({ min: 1, max: 5 }),
  turns: fc.oneof(fc.nat(3), fc.nat(30)),
})

const histories = fc.record({
  nodes: fc.integer({ min: 2, max: 4 }),
  replicas: fc.integer({ min: 0, max: 2 }),
  failoversMax: fc.integer({ min: 1, max: 3 }),
  events: fc.array(events, { maxLength: 25 }),
})

test('a new bucket gets all its copies', () => {
  for (const nodes of [1, 2, 3, 5]) {
    const world = new BucketWorld({ nodes, shards: 8, replicas: 1 })
    untilWhole(world)
  }
})

test('the death of one of three nodes is healed on the two others', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  world.killNode(2)
  untilWhole(world)
  world.reviveNode(2)
  untilWhole(world)
})

test('a node that is to stop leads nothing any more when it does, and no shard waits for it', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  world.announceStop(2)
  const isTrusted = () =>
    world.document.buckets.some((b) =>
      b.shards.some((s) => s.primary === 2 || s.replicas.includes(2)),
    )
  for (let turn = 0; isTrusted() && turn < TURNS_MAX; turn++) {
    world.turn()
    assert.ok(world.serving)
  }
  assert.equal(isTrusted(), false)
  world.killNode(2)
  assert.ok(world.serving)
  assert.deepEqual(world.plan(), [])
  world.reviveNode(2)
  untilWhole(world)
})

test('a dead manager whose engines serve changes nothing', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  world.killManager(1)
  const before = JSON.stringify(world.document)
  for (let turn = 0; turn < 100; turn++) world.turn()
  assert.equal(JSON.stringify(world.document), before)
})

test('from any history of deaths and returns everything ends in place, with every acknowledged write', () => {
  fc.assert(
    fc.property(histories, ({ nodes, replicas, failoversMax, events: history }) => {
      const world = new BucketWorld({ nodes, shards: 3, replicas })
      world.document.autoFailover.maxCount = failoversMax
      for (let turn = 0; turn < 10; turn++) world.turn()
      for (const event of history) happen(world, event)
      world.heal()
      untilWhole(world)
    }),
    { numRuns: 150 },
  )
})

test('a swap copies what was on the node that goes, and nothing else', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  const held = world.copiesOn(2)
  const before = world.copiesMade
  world.addNode()
  ejectMember(world.document, 2)
  untilWhole(world)
  assert.equal(world.copiesOn(2), 0)
  assert.equal(world.copiesMade - before, held)
})

test('a stopped rebalance begins nothing more, and goes on when it is started again', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  world.addNode()
  for (let turn = 0; turn < 3; turn++) world.turn()
  stopRebalance(world.document)
  const stoppedAt = world.copiesMade
  untilWhole(world)
  for (let turn = 0; turn < 100; turn++) world.turn()
  assert.equal(world.copiesMade, stoppedAt)
  assert.equal(world.document.rebalancing, false)
  rebalanceAll(world.document)
  untilWhole(world)
  assert.equal(world.copiesOn(4), 4)
  assert.equal(world.document.rebalancing, false)
})

test('a graceful failover hands over first: at no moment has a shard no primary', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  failOverMember(world.document, 2, true)
  for (
    let turn = 0;
    turn < TURNS_MAX && memberById(world.document, 2)?.membership === 'active';
    turn++
  ) {
    world.turn()
    assert.ok(world.serving, 'every shard has a primary that takes writes')
  }
  assert.equal(memberById(world.document, 2)?.membership, 'inactiveFailed')
  untilWhole(world)
})

test('a member that was failed over and taken back gets copies where its files are', () => {
  const world = new BucketWorld({ nodes: 3, shards: 8, replicas: 1 })
  untilWhole(world)
  const held = world.copiesOn(2)
  failOverMember(world.document, 2, false)
  untilWhole(world)
  const before = world.copiesMade
  reAddMember(world.document, 2)
  untilWhole(world)
  assert.equal(world.copiesMade, before)
  assert.ok(world.copiesOn(2) >= held - 1)
})

function happen(world: BucketWorld, { what, shard, member, turns }: Event): void {
  switch (what) {
    case 'killEngine':
    case 'hangEngine':
    case 'cutLink':
    case 'loseFolder':
      world[what](shard, member)
      break
    case 'stopRebalance':
      stopRebalance(world.document)
      break
    case 'failOver':
      failOverMember(world.document, member, shard === 0)
      break
    case 'reAdd':
      reAddMember(world.document, member)
      break
    case 'eject':
      ejectMember(world.document, member)
      break
    case 'heal':
    case 'addNode':
      if (what === 'heal' || world.memberIds.length < 5) world[what]()
      break
    default:
      world[what](member)
  }
  for (let turn = 0; turn < turns; turn++) world.turn()
}

function untilWhole(world: BucketWorld): void {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    world.turn()
    if (world.progress === 1 && world.whole && world.plan().length === 0) return
  }
  assert.fail(
    `not in place after ${TURNS_MAX} turns: ${JSON.stringify({ next: world.plan(), shards: world.document.buckets[0]?.shards })}`,
  )
}
