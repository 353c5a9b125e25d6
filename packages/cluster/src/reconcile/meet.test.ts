import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readScenarios } from '../test-support/scenario.ts'
import { planArbiterSlots, planFirstEpochs, planForgetting, planMeetings } from './meet.ts'
import type { BucketPicture } from './picture.ts'

for (const { title, picture, expected } of readScenarios('acquaintance.txt')) {
  test(`acquaintance.txt: ${title}`, () => {
    assert.equal(acquaintanceText(picture), expected)
  })
}

function acquaintanceText(picture: BucketPicture): string {
  const lines = [
    ...planFirstEpochs(picture).map(({ engine, epoch }) => `epoch ${epoch} for ${engine.engineId}`),
    ...planMeetings(picture).map((m) => `meet ${m.engine.engineId} ${m.to.engineId}`),
    ...planForgetting(picture).map((f) => `forget ${f.id} on ${f.engine.engineId}`),
    ...planArbiterSlots(picture).map(
      (s) => `slot ${s.slot} from ${s.owner.engineId} to ${s.arbiter.engineId}`,
    ),
  ]
  return lines.join('\n') || 'nothing'
}
