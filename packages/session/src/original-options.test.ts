import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseSessionOptions } from './options.ts'
import { SESSION_OPTIONS } from './options-table.ts'
import { ORIGINAL_OPTIONS, originalReference, refusalOf } from './original-options.ts'

const REFERENCE = new URL('../../../docs/reference/memcached-session-manager.md', import.meta.url)

test('docs/reference/memcached-session-manager.md is the table of its options', async () => {
  assert.equal(await readFile(REFERENCE, 'utf8'), originalReference())
})

test('each option of the original is one of ours, or refused with its reason', () => {
  const ours = new Set(SESSION_OPTIONS.map(({ name }) => name))
  for (const { name, here } of ORIGINAL_OPTIONS) {
    assert.equal(ours.has(name), here === 'same', name)
    if (here === 'same') continue
    const options = { memcachedNodes: 'localhost:11311', secret: 's', [name]: 'x' }
    assert.throws(
      () => parseSessionOptions(options),
      (error: Error) => error.message.includes(refusalOf(name) ?? 'no reason'),
    )
  }
})
