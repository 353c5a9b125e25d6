import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { FASTIFY_CASES } from '../test-support/fastify-cases.ts'
import { fastifyPage, fastifyPageUrl } from '../test-support/fastify-page.ts'
import { type SiteKind, withSites } from '../test-support/fastify-sites.ts'

for (const kind of ['ours', 'ours with @fastify/cookie'] satisfies SiteKind[]) {
  describe(`${kind} against @fastify/session`, () => {
    for (const { name, observe, differs } of FASTIFY_CASES) {
      test(differs === undefined ? name : `differs: ${name}`, async () => {
        const theirs = await withSites('original', observe)
        const ours = await withSites(kind, observe)
        if (differs === undefined) assert.deepEqual(ours, theirs)
        else assert.notDeepEqual(ours, theirs)
      })
    }
  })
}

test('docs/reference/fastify-session-differences.md is the table of cases', async () => {
  assert.equal(await readFile(fastifyPageUrl, 'utf8'), fastifyPage())
})
