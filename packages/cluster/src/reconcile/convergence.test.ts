/**
 * The reconcile loop's decisions against a model of the engines: from a random history of deaths
 * and returns it finds its way to the wanted placement, and no step loses an acknowledged write.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BucketWorld } from '../test-support/bucket-world.ts'

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
  'killManager',
  'reviveNode',
  'killEngine',
  'hangEngine',
  'cutLink',
  'heal',
  'addNode',
  'eject',
  'loseFolder',
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
    fc.property(histories, ({ nodes, replicas, events: history }) => {
      const world = new BucketWorld({ nodes, shards: 3, replicas })
      for (let turn = 0; turn < 10; turn++) world.turn()
      for (const event of history) happen(world, event)
      world.heal()
      untilWhole(world)
    }),
    { numRuns: 150 },
  )
})

function happen(world: BucketWorld, { what, shard, member, turns }: Event): void {
  switch (what) {
    case 'killEngine':
    case 'hangEngine':
    case 'cutLink':
    case 'loseFolder':
      world[what](shard, member)
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
