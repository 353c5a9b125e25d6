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

const grouped = fc
  .record({
    groupCount: fc.integer({ min: 1, max: 4 }),
    assigned: fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }),
    input: clusters,
  })
  .map(({ groupCount, assigned, input }) => ({
    ...input,
    groups: new Map(assigned.map((group, index) => [index + 1, `group ${group % groupCount}`])),
  }))

const copiesOf = (shard: ShardPlacement | undefined): number[] =>
  shard ? [...(shard.primary === null ? [] : [shard.primary]), ...shard.replicas] : []

const moves = (before: readonly ShardPlacement[], after: readonly ShardPlacement[]): number =>
  after
    .map((shard, index) => copiesOf(shard).filter((n) => !copiesOf(before[index]).includes(n)))
    .reduce((sum, added) => sum + added.length, 0)

test('copies of a shard share a group only when every other group has as many or is full', () => {
  fc.assert(
    fc.property(grouped, (input) => {
      const names = new Set(input.nodes.map((node) => input.groups.get(node)))
      const inGroup = (nodes: readonly number[], name: string | undefined): number =>
        nodes.filter((node) => input.groups.get(node) === name).length
      for (const shard of wantedPlacement(input)) {
        for (const name of names) {
          const count = inGroup(copiesOf(shard), name)
          for (const other of names) {
            const there = inGroup(copiesOf(shard), other)
            if (count - there >= 2) assert.equal(there, inGroup(input.nodes, other))
          }
        }
      }
    }),
  )
})

test('copies per node of one group differ by at most one; of groups of one size, all do', () => {
  fc.assert(
    fc.property(grouped, (input) => {
      const wanted = wantedPlacement(input)
      const names = [...new Set(input.nodes.map((node) => input.groups.get(node)))]
      const nodesOf = names.map((name) => input.nodes.filter((n) => input.groups.get(n) === name))
      for (const nodes of nodesOf) assert.ok(spread(counts(nodes, wanted).copies) <= 1)
      const [first = []] = nodesOf
      if (nodesOf.some((nodes) => nodes.length !== first.length)) return
      assert.ok(spread(counts(input.nodes, wanted).copies) <= 1)
    }),
    { numRuns: 500 },
  )
})

test('a placement over groups that is already good is left as it is', () => {
  fc.assert(
    fc.property(grouped, (input) => {
      const first = wantedPlacement(input)
      assert.deepEqual(wantedPlacement({ ...input, shards: first }), first)
    }),
  )
})

test('a swap, one out and one in of the same group, moves the copies of the one that goes', () => {
  fc.assert(
    fc.property(grouped, fc.nat(), (input, choice) => {
      const before = wantedPlacement({ ...input, shards: input.shards.map(() => empty()) })
      const out = input.nodes[choice % input.nodes.length] ?? 1
      const groups = new Map(input.groups).set(100, input.groups.get(out) ?? '')
      const nodes = [...input.nodes.filter((node) => node !== out), 100]
      const after = wantedPlacement({ ...input, nodes, groups, shards: before })
      const held = before.filter((shard) => copiesOf(shard).includes(out)).length
      assert.equal(moves(before, after), held)
    }),
  )
})

test('without levelling, copies that are whole stay where they are, whatever nodes there are', () => {
  fc.assert(
    fc.property(grouped, (input) => {
      const usable = new Set(input.nodes)
      const after = wantedPlacement({ ...input, level: false })
      const copies = Math.min(input.replicaCount + 1, input.nodes.length)
      for (const [index, shard] of input.shards.entries()) {
        const old = copiesOf(shard).filter((node) => usable.has(node))
        const kept = copiesOf(after[index]).filter((node) => old.includes(node))
        assert.equal(kept.length, Math.min(old.length, copies))
        if (shard.primary !== null && usable.has(shard.primary)) {
          assert.equal(after[index]?.primary, shard.primary)
        }
      }
    }),
  )
})

test('a node that shall lead nothing leads only what has no other copy', () => {
  fc.assert(
    fc.property(clusters, fc.nat(), (input, choice) => {
      const node = input.nodes[choice % input.nodes.length] ?? 1
      for (const shard of wantedPlacement({ ...input, withoutPrimaries: new Set([node]) })) {
        if (shard.primary === node) assert.deepEqual(shard.replicas, [])
      }
    }),
  )
})

function empty(): ShardPlacement {
  return { primary: null, replicas: [] }
}
