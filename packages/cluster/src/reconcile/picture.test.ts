import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineStatus } from '../membership/messages.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { blankEngine } from '../test-support/scenario.ts'
import {
  actingPrimary,
  hasSettled,
  isInSync,
  picturesOf,
  type RemoteLook,
  type Reports,
} from './picture.ts'

const RUNNING: EngineStatus = {
  bucket: 'b',
  shard: 0,
  port: 12_000,
  state: 'running',
  engineId: 'engine-1',
  role: 'primary',
  primaryId: '',
  linkUp: false,
  slots: [[0, 16_383]],
  known: [],
  configEpoch: 3,
  memoryBytes: 10,
  items: 2,
  trouble: null,
  usage: null,
}

interface Known {
  live?: boolean
  gone?: boolean
  refused?: boolean
  stopping?: boolean
  status?: EngineStatus | null
  look?: RemoteLook | null
}

/** The picture of the only engine of a cluster of one. */
function engineFor(known: Known, membership: 'active' | 'inactiveFailed' = 'active') {
  const document = documentWithBucket(1, { shardCount: 1, replicaCount: 0 })
  const [member] = document.members
  if (member) member.membership = membership
  const reports: Reports = {
    isLive: () => known.live ?? false,
    isGone: () => known.gone ?? false,
    isRefused: () => known.refused ?? false,
    isStopping: () => known.stopping ?? false,
    status: () => known.status ?? null,
    look: () => known.look ?? null,
  }
  const engine = picturesOf(document, reports)[0]?.shards[0]?.engines[0]
  assert.ok(engine)
  return engine
}

const STATES = [
  ['running', 'up'],
  ['unknown', 'unknown'],
  ['starting', 'starting'],
  ['loading', 'starting'],
  ['stopped', 'down'],
  ['silent', 'down'],
] as const

for (const [state, reach] of STATES) {
  test(`a manager that is heard says ${state}: ${reach}`, () => {
    assert.equal(engineFor({ live: true, status: { ...RUNNING, state } }).reach, reach)
  })
}

test('a manager that is heard and has said nothing of the engine: it starts', () => {
  assert.equal(engineFor({ live: true }).reach, 'starting')
})

test('a manager that is not heard: no judgement on its word', () => {
  assert.equal(engineFor({ status: RUNNING }).reach, 'unknown')
  assert.equal(engineFor({ status: RUNNING, gone: true }).reach, 'unknown')
})

test('a dead manager whose engine answers: up, by its own word', () => {
  const status = { ...RUNNING, engineId: 'engine-2' }
  const engine = engineFor({ status: RUNNING, gone: true, look: { kind: 'answers', status } })
  assert.equal(engine.reach, 'up')
  assert.equal(engine.engineId, 'engine-2')
  assert.equal(engine.managed, false)
})

test('a member that a majority misses and whose engine does not answer: down', () => {
  for (const kind of ['refused', 'silent'] as const) {
    assert.equal(engineFor({ status: RUNNING, gone: true, look: { kind } }).reach, 'down')
    assert.equal(engineFor({ status: RUNNING, gone: false, look: { kind } }).reach, 'unknown')
  }
})

test('a member that was failed over is down, even if all its parts answer', () => {
  const look = { kind: 'answers', status: RUNNING } as const
  const engine = engineFor({ live: true, status: RUNNING, look }, 'inactiveFailed')
  assert.deepEqual([engine.reach, engine.failed], ['down', true])
})

test('a member that is about to stop says so itself, while it is heard', () => {
  const status = RUNNING
  assert.equal(engineFor({ live: true, stopping: true, status }).stopping, true)
  assert.equal(engineFor({ live: false, stopping: true, status }).stopping, false)
})

test('the newest claim of an engine that is up is the acting primary', () => {
  const claim = (member: number, epoch: number) => {
    const slots: [number, number][] = [[0, 1]]
    return {
      ...blankEngine(member, '0', 'up'),
      role: 'primary' as const,
      slots,
      configEpoch: epoch,
    }
  }
  const shard = { index: 0, primary: 1, replicas: [], created: true }
  const dead = { ...claim(3, 9), reach: 'down' as const }
  const engines = [claim(1, 2), claim(2, 5), dead, { ...claim(4, 8), slots: [] }]
  assert.equal(actingPrimary({ ...shard, engines })?.member, 2)
  assert.equal(actingPrimary({ ...shard, engines: [dead] }), null)
})

test('in sync is a replica that is up, follows that primary and has its link', () => {
  const primary = blankEngine(1, '0', 'up')
  const replica = { ...blankEngine(2, '0', 'up'), primaryId: primary.engineId, linkUp: true }
  assert.equal(isInSync(replica, primary), true)
  assert.equal(isInSync({ ...replica, linkUp: false }, primary), false)
  assert.equal(isInSync({ ...replica, primaryId: 'other' }, primary), false)
  assert.equal(isInSync({ ...replica, role: 'primary' }, primary), false)
  assert.equal(isInSync({ ...replica, reach: 'unknown' }, primary), false)
})

test('a new primary has settled when it says that it is one, or has died', () => {
  const replica = blankEngine(1, '0', 'up')
  const primary = { ...replica, role: 'primary' as const }
  assert.equal(hasSettled(undefined), false)
  assert.equal(hasSettled(replica), false)
  assert.equal(hasSettled(primary), false)
  assert.equal(hasSettled({ ...primary, slots: [[0, 16_383]] }), true)
  assert.equal(hasSettled({ ...replica, reach: 'down' }), true)
  assert.equal(hasSettled({ ...replica, reach: 'unknown' }), false)
})
