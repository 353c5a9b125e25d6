import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { TESTED_BEHAVIOURS, testListPage, testListUrl } from '../test-support/original-test-list.ts'

const PACKAGE = new URL('../', import.meta.url)
const ROOT = new URL('../../../../', import.meta.url)

test('docs/reference/original-test-list.md is the table of behaviours', async () => {
  assert.equal(await readFile(testListUrl, 'utf8'), testListPage())
})

test('each behaviour has its tests, and each test is in its file', async () => {
  for (const { behaviour, here, tests } of TESTED_BEHAVIOURS) {
    assert.equal(tests.length === 0, here === 'none', behaviour)
    for (const [file, name] of tests) {
      const inPackage = new URL(file, PACKAGE)
      const text = await readFile(existsSync(inPackage) ? inPackage : new URL(file, ROOT), 'utf8')
      assert.ok(text.includes(name), `${file}: ${name}`)
    }
  }
})
