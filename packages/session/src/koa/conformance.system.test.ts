import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { KOA_CASES } from '../test-support/koa-cases.ts'
import { koaPage, koaPageUrl } from '../test-support/koa-page.ts'
import { withKoaSites } from '../test-support/koa-sites.ts'

for (const inMemcached of [false, true]) {
  describe(`ours against koa-session${inMemcached ? ', stores replaced by memcached' : ''}`, () => {
    let store: MemcachedProcess | undefined
    before(async () => {
      if (inMemcached) store = await MemcachedProcess.start()
    })
    after(() => store?.kill())
    for (const { name, observe, differs } of KOA_CASES) {
      test(differs === undefined ? name : `differs: ${name}`, async () => {
        const keeping =
          store === undefined ? undefined : { memcachedNodes: store.address, sticky: false }
        const theirs = await withKoaSites('original', (make) => observe(make, 'original'))
        const ours = await withKoaSites('ours', (make) => observe(make, 'ours'), keeping)
        if (differs === undefined) assert.deepEqual(ours, theirs)
        else assert.notDeepEqual(ours, theirs)
      })
    }
  })
}

test('docs/reference/koa-session-differences.md is the table of cases', async () => {
  assert.equal(await readFile(koaPageUrl, 'utf8'), koaPage())
})
