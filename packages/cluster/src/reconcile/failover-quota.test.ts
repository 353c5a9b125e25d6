import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { documentOf } from '../test-support/fixtures.ts'
import { readScenarios } from '../test-support/scenario.ts'
import { failoverCount, goneMembers, judgeFailovers, type QuotaVerdict } from './failover-quota.ts'
import { FailoverRefusals, findRefusals } from './failover-refusals.ts'

function verdictsOf(
  gone: number[],
  change: (document: ClusterDocument) => void = () => {},
  begun: number[] = [],
): QuotaVerdict[] {
  const document = documentOf(5)
  change(document)
  return [...judgeFailovers(document, gone, new Set(begun)).values()]
}

test('one member at a time is failed over, the next when copies are whole again', () => {
  assert.deepEqual(verdictsOf([2]), ['allowed'])
  const after = (document: ClusterDocument): void => {
    document.autoFailover.failedOver = [2]
  }
  assert.deepEqual(verdictsOf([3], after), ['quota'])
  assert.deepEqual(verdictsOf([2, 3], after), ['allowed', 'quota'])
})

test('a failover that has begun goes on when another member fails before it is noted', () => {
  assert.deepEqual(
    verdictsOf([2, 3], () => {}, [2]),
    ['allowed', 'quota'],
  )
})

test('more members at once than the quota: none is failed over', () => {
  assert.deepEqual(verdictsOf([2, 3]), ['too-many', 'too-many'])
  const two = (document: ClusterDocument): void => {
    document.autoFailover.maxCount = 2
  }
  assert.deepEqual(verdictsOf([2, 3], two), ['allowed', 'allowed'])
})

test('switched off: none', () => {
  const off = (document: ClusterDocument): void => {
    document.autoFailover.enabled = false
  }
  assert.deepEqual(verdictsOf([2], off), ['disabled'])
})

test('members of one server group count as one failure where there are several groups', () => {
  const grouped = (document: ClusterDocument): void => {
    for (const member of document.members.slice(0, 2)) member.group = 'rack 2'
  }
  assert.deepEqual(verdictsOf([1, 2], grouped), ['allowed', 'allowed'])
  assert.deepEqual(verdictsOf([2, 3], grouped), ['too-many', 'too-many'])
  const document = documentOf(5)
  grouped(document)
  document.autoFailover.failedOver = [1, 2]
  assert.equal(failoverCount(document), 1)
})

for (const { title, picture, expected } of readScenarios('refusals.txt')) {
  test(`refusals.txt: ${title}`, () => {
    const gone = goneMembers([picture])
    const document = documentOf(4)
    const found = findRefusals([picture], judgeFailovers(document, gone, new Set()))
    const text = found.map((r) => `shard ${r.shard} of member ${r.member}: ${r.reason}`)
    assert.equal(text.join('\n') || 'none', expected)
  })
}

test('a refusal that lasts is told once, counted once, and gone when it has ended', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const refusals = new FailoverRefusals(pino({ level: 'silent' }))
  const refused = [{ reason: 'no-copy' as const, member: 2, bucket: 'default', shard: 1 }]
  refusals.see(refused)
  assert.equal(refusals.all.length, 0, 'it may be a restart')
  for (let turn = 0; turn < 10; turn++) {
    t.mock.timers.tick(100)
    refusals.see(refused)
  }
  const [told] = refusals.all
  assert.equal(told?.sinceMs, 1_000_000)
  assert.equal(told?.text, 'no in-sync copy of the shard is left')
  assert.equal(refusals.counts.get('no-copy'), 1)
  refusals.see([])
  assert.equal(refusals.all.length, 0)
})
