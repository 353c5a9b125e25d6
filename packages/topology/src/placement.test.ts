import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ShardPlacement, wantedPlacement } from './placement.ts'

const fresh = (count: number): ShardPlacement[] =>
  Array.from({ length: count }, () => ({ primary: null, replicas: [] }))

const spread = (values: number[]): number => Math.max(...values) - Math.min(...values)

function counts(nodes: readonly number[], wanted: readonly ShardPlacement[]) {
  const copies = nodes.map(
    (node) => wanted.filter((s) => s.primary === node || s.replicas.includes(node)).length,
  )
  const primaries = nodes.map((node) => wanted.filter((s) => s.primary === node).length)
  return { copies, primaries }
}

const clusters = fc
  .record({
    nodes: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 }),
    shardCount: fc.integer({ min: 1, max: 24 }),
    replicaCount: fc.integer({ min: 0, max: 3 }),
  })
  .chain(({ nodes, shardCount, replicaCount }) =>
    fc.record({
      nodes: fc.constant(nodes),
      replicaCount: fc.constant(replicaCount),
      shards: fc.array(
        fc
          .uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 4 })
          .map(([primary, ...replicas]) => ({ primary: primary ?? null, replicas })),
        { minLength: shardCount, maxLength: shardCount },
      ),
    }),
  )

test('copies of a shard are on different usable nodes, as many as wanted or as there are nodes', () => {
  fc.assert(
    fc.property(clusters, (input) => {
      for (const shard of wantedPlacement(input)) {
        assert.notEqual(shard.primary, null)
        const copies = [shard.primary, ...shard.replicas]
        assert.equal(new Set(copies).size, copies.length)
        assert.equal(copies.length, Math.min(input.replicaCount + 1, input.nodes.length))
        for (const node of copies) assert.ok(input.nodes.includes(Number(node)))
      }
    }),
  )
})

test('copies per node differ by at most one', () => {
  fc.assert(
    fc.property(clusters, (input) => {
      assert.ok(spread(counts(input.nodes, wantedPlacement(input)).copies) <= 1)
    }),
  )
})

test('primaries per node differ by at most one in new clusters of 1 to 7 nodes', () => {
  for (let n = 1; n <= 7; n++) {
    const nodes = Array.from({ length: n }, (_, i) => i + 1)
    for (const replicaCount of [0, 1, 2]) {
      for (const shardCount of [1, 8, 16]) {
        const wanted = wantedPlacement({ nodes, shards: fresh(shardCount), replicaCount })
        assert.ok(
          spread(counts(nodes, wanted).primaries) <= 1,
          `${n} nodes, ${replicaCount} replicas, ${shardCount} shards`,
        )
      }
    }
  }
})

test('a placement that is already good is left as it is', () => {
  fc.assert(
    fc.property(clusters, (input) => {
      const first = wantedPlacement(input)
      const second = wantedPlacement({ ...input, shards: first })
      assert.deepEqual(second, first)
    }),
  )
})

test('after the death of one of three nodes the survivors keep every copy they have', () => {
  const before = wantedPlacement({ nodes: [1, 2, 3], shards: fresh(8), replicaCount: 1 })
  const after = wantedPlacement({ nodes: [1, 2], shards: before, replicaCount: 1 })
  for (const [index, shard] of before.entries()) {
    const now = after[index]
    const copies = [now?.primary, ...(now?.replicas ?? [])]
    for (const node of [shard.primary, ...shard.replicas]) {
      if (node !== 3) assert.ok(copies.includes(node))
    }
  }
})

test('adding a fourth node moves only what it must take', () => {
  const before = wantedPlacement({ nodes: [1, 2, 3], shards: fresh(8), replicaCount: 1 })
  const after = wantedPlacement({ nodes: [1, 2, 3, 4], shards: before, replicaCount: 1 })
  let moved = 0
  for (const [index, shard] of after.entries()) {
    const old = before[index]
    const oldCopies = [old?.primary, ...(old?.replicas ?? [])]
    moved += [shard.primary, ...shard.replicas].filter((node) => !oldCopies.includes(node)).length
  }
  assert.equal(moved, 4)
})
