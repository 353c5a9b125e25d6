/** What no step may do, whatever picture the leader sees: also one that cannot be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { calmMemory } from '../test-support/fixtures.ts'
import { blankEngine, scenarioBucket } from '../test-support/scenario.ts'
import { type EnginePicture, engineAt, type ShardPicture } from './picture.ts'
import { type PlanMemory, planBucket, type Step } from './plan.ts'

const MEMBERS = [1, 2, 3, 4]

const subset: fc.Arbitrary<number[]> = fc.shuffledSubarray(MEMBERS)

function engines(shard: number, member: number): fc.Arbitrary<EnginePicture> {
  return fc
    .record({
      reach: fc.constantFrom('up', 'starting', 'down', 'unknown'),
      managed: fc.boolean(),
      failed: fc.boolean(),
      leaving: fc.boolean(),
      stopping: fc.boolean(),
      silent: fc.boolean(),
      role: fc.constantFrom('primary', 'replica'),
      followed: fc.constantFrom(...MEMBERS),
      linkUp: fc.boolean(),
      hasSlots: fc.boolean(),
      knowsAll: fc.boolean(),
      configEpoch: fc.nat(3),
    })
    .map(({ followed, hasSlots, knowsAll, ...said }) => ({
      ...blankEngine(member, String(shard), said.reach),
      ...said,
      primaryId: said.role === 'replica' ? `${followed}.${shard}` : '',
      slots: hasSlots && said.role === 'primary' ? [[0, 1]] : [],
      known: knowsAll
        ? MEMBERS.map((m) => ({ id: `${m}.${shard}`, address: '', failed: false }))
        : [],
    }))
}

/** A shard as it mostly is: all copies up, in sync and listed. */
function wellShard(index: number, members: readonly number[]): ShardPicture {
  const [primary = 1, ...replicas] = members
  const up = (member: number): EnginePicture => blankEngine(member, String(index), 'up')
  const follower = { role: 'replica' as const, primaryId: `${primary}.${index}`, linkUp: true }
  return {
    index,
    primary,
    replicas,
    created: true,
    engines: [
      { ...up(primary), role: 'primary', slots: [[0, 1]], configEpoch: 1 },
      ...replicas.map((member) => ({ ...up(member), ...follower })),
    ],
  }
}

function shards(index: number): fc.Arbitrary<ShardPicture> {
  const well = subset.map((members) => wellShard(index, members))
  return fc.oneof(well, well.map(withStray), anyShards(index))
}

/** Its last copy has just been started: it follows nobody yet, and knows the primary. */
function withStray(shard: ShardPicture): ShardPicture {
  const stray = shard.engines.at(-1)
  if (stray === undefined || stray.member === shard.primary) return shard
  const known = [{ id: `${shard.primary}.${shard.index}`, address: '', failed: false }]
  const fresh = { ...stray, role: 'primary' as const, primaryId: '', linkUp: false, known }
  return {
    ...shard,
    replicas: shard.replicas.filter((member) => member !== stray.member),
    engines: [...shard.engines.slice(0, -1), fresh],
  }
}

function anyShards(index: number): fc.Arbitrary<ShardPicture> {
  return subset.chain((members) =>
    fc.record({
      index: fc.constant(index),
      primary: fc.option(fc.constantFrom(...MEMBERS)),
      replicas: subset,
      created: fc.boolean(),
      engines: fc.tuple(...members.map((member) => engines(index, member))),
    }),
  )
}

const cases = fc.record({
  shards: fc
    .tuple(shards(0), shards(1), shards(2))
    .map((all) => all.map((s) => ({ ...s, replicas: s.replicas.filter((m) => m !== s.primary) }))),
  wanted: fc.array(
    subset.map(([primary, ...replicas]) => ({ primary: primary ?? null, replicas })),
    { minLength: 3, maxLength: 3 },
  ),
  memory: fc
    .record({
      outOfSyncMs: fc.constantFrom(0, 400, 1000),
      sinceFailoverMs: fc.constantFrom(0, 2000, 5000),
      filling: fc.nat(5),
      mayFailOver: fc.boolean(),
      handingOver: fc.boolean(),
      unsettled: fc.boolean(),
    })
    .map(({ outOfSyncMs, sinceFailoverMs, filling, mayFailOver, ...rest }): PlanMemory => {
      const of = { outOfSyncMs: () => outOfSyncMs, sinceFailoverMs: () => sinceFailoverMs }
      const may = { mayFailOver: () => mayFailOver }
      return { ...calmMemory(), ...of, ...may, fillingOn: () => filling, ...rest }
    }),
})

interface Seen {
  shard: ShardPicture
  step: Step
  memory: PlanMemory
  /** All that the document trusts, and those that are wanted. */
  trusted: number[]
  wanted: number[]
}

/** Looks at every step of very many plans; fails when none was of the kinds looked for. */
function forEveryStep(kinds: readonly Step['kind'][], look: (seen: Seen) => void): void {
  let seen = 0
  fc.assert(
    fc.property(cases, (given) => {
      const picture = { bucket: scenarioBucket(), shards: given.shards, arbiters: [] }
      for (const step of planBucket(picture, given.wanted, given.memory)) {
        const shard = given.shards[step.shard]
        const want = given.wanted[step.shard]
        if (!kinds.includes(step.kind) || !shard || !want) continue
        seen++
        const of = (p: { primary: number | null; replicas: number[] }): number[] =>
          p.primary === null ? p.replicas : [p.primary, ...p.replicas]
        look({ shard, step, memory: given.memory, trusted: of(shard), wanted: of(want) })
      }
    }),
    { numRuns: 1000 },
  )
  assert.ok(seen > 0, `no plan had a step of ${kinds}`)
}

test('a copy is only removed when all wanted ones are in sync, and never the primary', () => {
  forEveryStep(['removeInstance'], ({ shard, step, trusted, wanted }) => {
    assert.ok(step.kind === 'removeInstance')
    assert.notEqual(step.member, shard.primary)
    assert.ok(!wanted.includes(step.member))
    for (const member of wanted) assert.ok(trusted.includes(member))
    assert.equal(engineAt(shard, shard.primary)?.reach, 'up')
  })
})

test('a note that is no loss, of the same primary, takes nobody out', () => {
  forEveryStep(['note'], ({ shard, step }) => {
    assert.ok(step.kind === 'note')
    if (step.primary !== shard.primary) return
    for (const member of shard.replicas) assert.ok(step.replicas.includes(member))
  })
})

test('a replica is only noted as in sync when it is up, linked and follows that primary', () => {
  forEveryStep(['note', 'noteLoss'], ({ shard, step }) => {
    assert.ok(step.kind === 'note' || step.kind === 'noteLoss')
    const primary = engineAt(shard, step.primary)
    for (const member of step.replicas.filter((m) => !shard.replicas.includes(m))) {
      const engine = engineAt(shard, member)
      assert.equal(engine?.reach, 'up')
      assert.equal(engine.role, 'replica')
      assert.equal(engine.linkUp, true)
      assert.equal(engine.primaryId, primary?.engineId)
    }
  })
})

test('a loss is only noted while the primary itself is up', () => {
  forEveryStep(['noteLoss'], ({ shard, step }) => {
    assert.ok(step.kind === 'noteLoss')
    assert.equal(step.primary, shard.primary)
    assert.equal(engineAt(shard, step.primary)?.reach, 'up')
  })
})

test('only listed replicas that are up are promoted, or what the document calls the primary', () => {
  forEveryStep(['failover'], ({ shard, step, memory }) => {
    assert.ok(step.kind === 'failover')
    assert.ok(step.candidates.length > 0)
    for (const member of step.candidates) {
      assert.equal(engineAt(shard, member)?.reach, 'up')
      assert.equal(engineAt(shard, member)?.role, 'replica')
    }
    const primary = engineAt(shard, shard.primary)
    const isGivenUp = primary?.failed === true && primary.leaving
    for (const member of step.candidates) {
      assert.ok(shard.replicas.includes(member) || member === shard.primary || isGivenUp)
    }
    if (step.from === null || primary === undefined) return
    assert.ok(primary.reach === 'down' || primary.slots.length === 0)
    assert.ok(memory.mayFailOver(primary.member) || primary.failed || primary.managed)
  })
})

test('a dead primary starts only when no listed replica is up, starting or not judged yet', () => {
  forEveryStep(['grantStart'], ({ shard, step }) => {
    assert.ok(step.kind === 'grantStart')
    const primary = engineAt(shard, step.member)
    assert.equal(step.member, shard.primary)
    assert.deepEqual([primary?.reach, primary?.managed, primary?.silent], ['down', true, false])
    for (const engine of shard.replicas.flatMap((m) => engineAt(shard, m) ?? [])) {
      const isEmpty = engine.reach === 'up' && engine.role === 'primary'
      assert.ok(engine.reach === 'down' || isEmpty)
    }
  })
})

test('slots go to the primary of the document alone, and to nobody while another has them', () => {
  forEveryStep(['addSlots'], ({ shard, step }) => {
    assert.ok(step.kind === 'addSlots')
    assert.equal(step.member, shard.primary)
    const owners = shard.engines.filter((e) => e.reach === 'up' && e.slots.length > 0)
    if (shard.replicas.length === 0) assert.deepEqual(owners, [])
  })
})

test('an engine that owns slots is never told to follow another: that would drop its data', () => {
  forEveryStep(['replicate'], ({ shard, step }) => {
    assert.ok(step.kind === 'replicate')
    assert.deepEqual(engineAt(shard, step.member)?.slots, [])
    assert.notEqual(step.member, shard.primary)
    assert.equal(step.primary, shard.primary)
  })
})

test('a role moves only to a copy in sync, one of a bucket at a time, not soon after another', () => {
  forEveryStep(['handover'], ({ shard, step, memory }) => {
    assert.ok(step.kind === 'handover')
    assert.ok(shard.replicas.includes(step.to))
    assert.equal(engineAt(shard, step.to)?.linkUp, true)
    assert.equal(memory.handingOver || memory.unsettled, false)
    if (!engineAt(shard, shard.primary)?.stopping) {
      assert.equal(memory.sinceFailoverMs(shard.index) > 2200, true)
    }
  })
  fc.assert(
    fc.property(cases, ({ shards: all, wanted, memory }) => {
      const picture = { bucket: scenarioBucket(), shards: all, arbiters: [] }
      const steps = planBucket(picture, wanted, memory)
      assert.ok(steps.filter((step) => step.kind === 'handover').length <= 1)
      assert.equal(new Set(steps.map((step) => step.shard)).size, steps.length)
    }),
  )
})

test('a copy is added once, where it is wanted', () => {
  forEveryStep(['addInstance'], ({ shard, step, wanted, memory }) => {
    assert.ok(step.kind === 'addInstance')
    assert.equal(engineAt(shard, step.member), undefined)
    assert.ok(wanted.includes(step.member))
    assert.ok(memory.fillingOn(step.member) < 4)
  })
})
