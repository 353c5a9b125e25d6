import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

test('without the package the option’s error says what to install', async (t) => {
  // Outside the project no package is found.
  const elsewhere = await mkdtemp(join(tmpdir(), 'holdfast-transcoder-'))
  t.after(() => rm(elsewhere, { recursive: true }))
  await cp(import.meta.dirname, elsewhere, {
    recursive: true,
    filter: (path) => !path.includes('.test.'),
  })
  const { loadCbor, loadMessagePack } = await import(
    pathToFileURL(join(elsewhere, 'transcoder.ts')).href
  )
  assert.throws(loadMessagePack, {
    name: 'TypeError',
    message: 'option transcoder needs the package msgpackr: npm install msgpackr',
  })
  assert.throws(loadCbor, {
    name: 'TypeError',
    message: 'option transcoder needs the package cbor-x: npm install cbor-x',
  })
})
