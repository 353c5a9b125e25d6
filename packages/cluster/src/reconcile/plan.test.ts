import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readScenarios, stepsText } from '../test-support/scenario.ts'
import { planBucket } from './plan.ts'

for (const file of ['failover.txt', 'in-sync-set.txt', 'placement.txt', 'stopping.txt']) {
  for (const { title, picture, wanted, memory, expected } of readScenarios(file)) {
    test(`${file}: ${title}`, () => {
      assert.equal(stepsText(planBucket(picture, wanted, memory)), expected)
    })
  }
}
