import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { OPTIONS_DOCUMENT, optionsDocument } from './options-document.ts'
import { PROXY_SETTINGS } from './proxy-settings.ts'

test('the reference is what the tables say', () => {
  assert.equal(
    readFileSync(OPTIONS_DOCUMENT, 'utf8'),
    optionsDocument(),
    'write it anew: node packages/proxy/src/options-document.ts',
  )
})

test('no setting has two entries', () => {
  const names = PROXY_SETTINGS.flatMap(({ name, synonyms }) => [name, ...synonyms])
  assert.equal(new Set(names).size, names.length)
})
