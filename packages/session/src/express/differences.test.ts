import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  differencesReference,
  differencesUrl,
  SCENARIOS,
} from '../test-support/express-conformance/differences.ts'

test('docs/reference/express-session-differences.md is what the conformance suite checks', async () => {
  assert.equal(await readFile(differencesUrl, 'utf8'), differencesReference())
})

test('no two scenarios have one name', () => {
  const names = SCENARIOS.map(({ topic, name }) => `${topic}: ${name}`)
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
})
