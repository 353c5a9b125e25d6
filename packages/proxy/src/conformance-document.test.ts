import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DIFFERENCES_DOCUMENT, differencesDocument } from './conformance-document.ts'

test('the reference of differences is what the table says', () => {
  assert.equal(
    readFileSync(DIFFERENCES_DOCUMENT, 'utf8'),
    differencesDocument(),
    'write it anew: node packages/proxy/src/conformance-document.ts',
  )
})
