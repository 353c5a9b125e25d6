import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { KOA_CASES } from '../test-support/koa-cases.ts'
import { koaPage, koaPageUrl } from '../test-support/koa-page.ts'
import { withKoaSites } from '../test-support/koa-sites.ts'

describe('ours against koa-session', () => {
  for (const { name, observe, differs } of KOA_CASES) {
    test(differs === undefined ? name : `differs: ${name}`, async () => {
      const theirs = await withKoaSites('original', (make) => observe(make, 'original'))
      const ours = await withKoaSites('ours', (make) => observe(make, 'ours'))
      if (differs === undefined) assert.deepEqual(ours, theirs)
      else assert.notDeepEqual(ours, theirs)
    })
  }
})

test('docs/reference/koa-session-differences.md is the table of cases', async () => {
  assert.equal(await readFile(koaPageUrl, 'utf8'), koaPage())
})
