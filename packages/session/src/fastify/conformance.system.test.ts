import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { FASTIFY_CASES } from '../test-support/fastify-cases.ts'
import { fastifyPage, fastifyPageUrl } from '../test-support/fastify-page.ts'
import { type SiteKind, withSites } from '../test-support/fastify-sites.ts'

const KEEPINGS: readonly [string, SiteKind, boolean][] = [
  ['in memory', 'ours', false],
  ['in memory, @fastify/cookie beside it', 'ours with @fastify/cookie', false],
  ['in memcached', 'ours', true],
]

for (const [how, kind, inMemcached] of KEEPINGS) {
  describe(`ours, ${how}, against @fastify/session`, () => {
    let store: MemcachedProcess | undefined
    before(async () => {
      if (inMemcached) store = await MemcachedProcess.start()
    })
    after(() => store?.kill())
    for (const { name, observe, differs } of FASTIFY_CASES) {
      test(differs === undefined ? name : `differs: ${name}`, async () => {
        const keeping = store === undefined ? {} : { memcachedNodes: store.address, sticky: false }
        const theirs = await withSites('original', observe)
        const ours = await withSites(kind, observe, keeping)
        if (differs === undefined) assert.deepEqual(ours, theirs)
        else assert.notDeepEqual(ours, theirs)
      })
    }
  })
}

test('docs/reference/fastify-session-differences.md is the table of cases', async () => {
  assert.equal(await readFile(fastifyPageUrl, 'utf8'), fastifyPage())
})
