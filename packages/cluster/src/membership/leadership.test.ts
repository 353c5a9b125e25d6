import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ELECTION_MS, LeaseWorld, type Weather } from '../test-support/lease-world.ts'
import {
  chooseLeader,
  holdsLease,
  isLive,
  LEASE_HELD_MS,
  LEASE_MS,
  type PeerView,
  SILENCE_MS,
} from './leadership.ts'

const FINE: Weather = { seed: 1, delayMsMax: 2, lossPercent: 0 }

const weathers: fc.Arbitrary<Weather> = fc.record({
  seed: fc.nat(),
  delayMsMax: fc.constantFrom(2, 50, 300, 900),
  lossPercent: fc.constantFrom(0, 1, 10, 40),
})

const events = fc.array(
  fc.record({
    what: fc.constantFrom('kill', 'start', 'cut', 'mend'),
    a: fc.nat(),
    b: fc.nat(),
    forMs: fc.integer({ min: 1, max: 900 }),
  }),
  { maxLength: 30 },
)

test('at no moment do two members hold the lease, whatever the network and the processes do', () => {
  fc.assert(
    fc.property(fc.constantFrom(2, 3, 4, 5), weathers, events, (count, weather, history) => {
      const world = new LeaseWorld(count, weather)
      world.run(1000)
      for (const { what, a, b, forMs } of history) {
        const [x = 1, y = 1] = [(a % count) + 1, (b % count) + 1]
        if (what === 'kill') world.kill(x)
        else if (what === 'start') world.start(x)
        else if (what === 'cut' && x !== y) world.cut(x, y)
        else if (what === 'mend') world.mend()
        world.run(forMs)
      }
      world.mend(FINE)
      world.run(ELECTION_MS)
      assert.equal(world.holders().length, 1)
    }),
    { numRuns: 300 },
  )
})

function calmWorld(count: number): LeaseWorld {
  const world = new LeaseWorld(count, FINE)
  world.run(ELECTION_MS)
  return world
}

test('the lowest id leads a fresh cluster, and goes on leading it', () => {
  const world = calmWorld(5)
  world.run(10_000)
  assert.deepEqual(world.leaders, [1])
})

test('a leader whose process is gone is followed by another within 250 ms', () => {
  const world = calmWorld(3)
  world.kill(1)
  world.run(250)
  assert.deepEqual(world.holders(), [2])
})

test('a leader that is cut off loses the lease, and another gets it', () => {
  const world = calmWorld(3)
  world.cut(1, 2)
  world.cut(1, 3)
  world.run(LEASE_HELD_MS + 1)
  assert.deepEqual(world.holders(), [])
  world.run(LEASE_MS)
  assert.deepEqual(world.holders(), [2])
})

test('a lower id that comes back does not take over from a leader that works', () => {
  const world = calmWorld(3)
  world.kill(1)
  world.run(ELECTION_MS)
  world.start(1)
  world.run(10_000)
  assert.deepEqual(world.leaders, [1, 2])
})

test('a minority has no leader', () => {
  const world = calmWorld(4)
  world.kill(3)
  world.kill(4)
  world.run(LEASE_MS)
  assert.deepEqual(world.holders(), [])
})

test('a member that has just started follows nobody until a lease of its earlier life is over', () => {
  const peers = new Map([[2, peerOf(2, { heardAtMs: 990, following: 2 })]])
  const about = { selfId: 1, following: null, voterIds: [1, 2, 3], peers, nowMs: 1000 }
  assert.equal(chooseLeader({ ...about, startedAtMs: 1000 - LEASE_MS + 1 }), null)
  assert.equal(chooseLeader({ ...about, startedAtMs: 1000 - LEASE_MS }), 2)
})

test('a cluster of one leads itself at once', () => {
  const about = { selfId: 1, voterIds: [1], peers: new Map<number, PeerView>(), nowMs: 5 }
  assert.equal(chooseLeader({ ...about, startedAtMs: 5, following: null }), 1)
  assert.equal(holdsLease({ ...about, following: 1, followingSinceMs: 5 }), true)
})

test('one that is no voter follows but does not lead', () => {
  const peers = new Map([[1, peerOf(1, { heardAtMs: 990, following: 1 })]])
  const about = { selfId: 9, voterIds: [1, 2], peers, nowMs: 1000 }
  assert.equal(chooseLeader({ ...about, startedAtMs: 0, following: null }), 1)
  assert.equal(holdsLease({ ...about, following: 9, followingSinceMs: 0 }), false)
})

test('a lease that is lent ends sooner for the leader than for the one that lends it', () => {
  assert.ok(LEASE_HELD_MS < LEASE_MS)
  const lent = (agoMs: number): boolean => {
    const peers = new Map([[2, peerOf(2, { following: 1, followsUsSinceMs: 5000 - agoMs })]])
    const voterIds = [1, 2, 3]
    const about = { selfId: 1, following: 1, followingSinceMs: 4000, voterIds, peers }
    return holdsLease({ ...about, nowMs: 5000 })
  }
  assert.equal(lent(LEASE_HELD_MS - 1), true)
  assert.equal(lent(LEASE_HELD_MS), false)
})

test('live is who was heard lately and does not refuse', () => {
  assert.equal(isLive(peerOf(2, { heardAtMs: 1000 }), 1000 + SILENCE_MS - 1), true)
  assert.equal(isLive(peerOf(2, { heardAtMs: 1000 }), 1000 + SILENCE_MS), false)
  assert.equal(isLive(peerOf(2, { heardAtMs: 1000, refused: true }), 1000), false)
  assert.equal(isLive(peerOf(2), 0), false)
})

function peerOf(id: number, known: Partial<PeerView> = {}): PeerView {
  return {
    id,
    heardAtMs: Number.NEGATIVE_INFINITY,
    refused: false,
    following: null,
    order: [0, 0],
    followsUsSinceMs: Number.NEGATIVE_INFINITY,
    ...known,
  }
}
