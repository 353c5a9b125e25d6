import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EngineStatus, UNKNOWN_STATUS } from '../membership/messages.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import {
  CLOCK_SKEW_MS_MAX,
  clusterConditions,
  type NodeFacts,
  nodeConditions,
  refusalConditions,
} from './alert-rules.ts'

const MEGABYTE = 1024 * 1024
const document = documentWithBucket(3)
const [bucket] = document.buckets
assert.ok(bucket)

const ENGINE: EngineStatus = {
  bucket: bucket.uuid,
  ...UNKNOWN_STATUS,
  shard: 0,
  port: 12_000,
  state: 'running',
  engineId: 'e',
  role: 'primary',
}

function factsOf(change: Partial<NodeFacts> & { freeBytes?: number } = {}): NodeFacts {
  const { freeBytes = 50, ...facts } = change
  return {
    name: 'ns_1@host-1',
    machine: {
      cpuPercent: 1,
      memoryTotalBytes: 1,
      memoryFreeBytes: 1,
      swapTotalBytes: 0,
      swapUsedBytes: 0,
      disk: { path: '/data', totalBytes: 100, usedBytes: 100 - freeBytes, freeBytes },
    },
    engines: [ENGINE],
    engineMemory: { residentBytes: 0, usedBytes: 0 },
    address: { host: '10.0.0.1', present: true },
    ...facts,
  }
}

const keysOf = (facts: NodeFacts) => nodeConditions(document, facts).map(({ key }) => key)

test('a node in order has no conditions', () => {
  assert.deepEqual(keysOf(factsOf()), [])
})

test('a disk counts as nearly full above 90 %', () => {
  assert.deepEqual(keysOf(factsOf({ freeBytes: 10 })), [])
  assert.deepEqual(keysOf(factsOf({ freeBytes: 9 })), ['disk'])
})

test('an address that the machine has lost', () => {
  assert.deepEqual(keysOf(factsOf({ address: { host: '10.0.0.1', present: false } })), ['ip'])
})

test('engines above their quota, and engines that waste memory', () => {
  const memory = (residentBytes: number, usedBytes: number) =>
    keysOf(factsOf({ engineMemory: { residentBytes, usedBytes } }))
  assert.deepEqual(memory(110 * MEGABYTE, 110 * MEGABYTE), [])
  assert.deepEqual(memory(130 * MEGABYTE, 130 * MEGABYTE), ['memory'])
  assert.deepEqual(memory(400 * MEGABYTE, 90 * MEGABYTE), ['memory'])
  assert.deepEqual(memory(90 * MEGABYTE, 10 * MEGABYTE), [])
})

test('engines in trouble, one condition for a kind', () => {
  const of = (change: Partial<EngineStatus>) =>
    keysOf(
      factsOf({
        engines: [
          { ...ENGINE, ...change },
          { ...ENGINE, ...change, shard: 1 },
        ],
      }),
    )
  assert.deepEqual(of({ trouble: 'diskFull' }), ['write_failed'])
  assert.deepEqual(of({ trouble: 'memoryFull' }), ['ep_oom_errors'])
  assert.deepEqual(of({ trouble: 'dataDamaged' }), ['engine'])
  assert.deepEqual(of({ state: 'silent' }), ['engine'])
})

test('missing copies, shards without any, clocks that differ', () => {
  const facts = { refusals: [], clockAheadMs: new Map<number, number>() }
  assert.deepEqual(clusterConditions(document, facts), [])
  const short = structuredClone(document)
  const [first, second] = short.buckets[0]?.shards ?? []
  if (first) first.replicas = []
  if (second) second.primary = null
  const clockAheadMs = new Map([
    [2, CLOCK_SKEW_MS_MAX],
    [3, -CLOCK_SKEW_MS_MAX - 500],
  ])
  const conditions = clusterConditions(short, { ...facts, clockAheadMs })
  assert.deepEqual(
    conditions.map(({ key, about }) => [key, about]),
    [
      ['unavailable', 'default'],
      ['degraded', 'default'],
      ['clock_skew', 'ns_1@host-3'],
    ],
  )
  assert.match(conditions[2]?.text ?? '', /1\.5 s behind/)
})

test('why a failover did not happen is told once for a member', () => {
  const refusal = { reason: 'no-copy' as const, member: 2, sinceMs: 0, text: 'none is left' }
  const conditions = refusalConditions(document, {
    refusals: [
      { ...refusal, bucket: 'default', shard: 0 },
      { ...refusal, bucket: 'default', shard: 1 },
    ],
    clockAheadMs: new Map(),
  })
  assert.deepEqual(conditions, [
    {
      key: 'auto_failover_no_copy',
      about: 'ns_1@host-2',
      text: 'Could not fail over node "ns_1@host-2": none is left.',
    },
  ])
})
