import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calmMemory } from '../test-support/fixtures.ts'
import { readScenarios, type Scenario, stepsText } from '../test-support/scenario.ts'
import { planBucket } from './plan.ts'
import { isSettled } from './settled.ts'

const FILES = ['failover.txt', 'in-sync-set.txt', 'placement.txt', 'stopping.txt']

function settledScenarios(): Scenario[] {
  return FILES.flatMap((name) => readScenarios(name)).filter(({ picture, wanted }) =>
    isSettled(picture, wanted),
  )
}

test('where a bucket is settled nothing is due, however much time has passed', () => {
  const settled = settledScenarios()
  assert.notEqual(settled.length, 0)
  for (const { title, picture, wanted } of settled) {
    const late = { ...calmMemory(), outOfSyncMs: () => 1e6, sinceFailoverMs: () => 1e6 }
    assert.equal(stepsText(planBucket(picture, wanted, late)), 'nothing', title)
  }
})

test('a bucket is not settled while anything of it is not as it should be', () => {
  const harms: ((scenario: Scenario) => void)[] = [
    ({ picture }) => {
      for (const engine of picture.shards[0]?.engines ?? []) engine.reach = 'unknown'
    },
    ({ picture }) => {
      for (const engine of picture.shards[0]?.engines ?? []) engine.linkUp = false
      for (const engine of picture.shards[0]?.engines ?? []) engine.role = 'replica'
    },
    ({ picture }) => {
      for (const engine of picture.shards[0]?.engines ?? []) engine.stopping = true
    },
    ({ picture }) => {
      for (const engine of picture.shards[0]?.engines ?? []) engine.cannotWrite = true
    },
    ({ picture }) => {
      for (const shard of picture.shards) shard.created = false
    },
    ({ wanted }) => {
      for (const placement of wanted) placement.replicas.push(99)
    },
    ({ wanted }) => {
      for (const placement of wanted) placement.primary = 99
    },
    ({ picture }) => {
      picture.shards[0]?.replicas.push(99)
    },
  ]
  for (const harm of harms) {
    const scenario = settledScenarios()[0]
    assert.ok(scenario)
    harm(scenario)
    assert.equal(isSettled(scenario.picture, scenario.wanted), false, harm.toString())
  }
})
