import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REST_REFERENCE, restReference } from './rest-reference.ts'
import { publicRoutes } from './rest-server.ts'

test('the reference is what the routes say', () => {
  assert.equal(
    readFileSync(REST_REFERENCE, 'utf8'),
    restReference(),
    'write it anew: node packages/cluster/src/rest/rest-reference.ts',
  )
})

test('every public route has a sentence of its own and is in the table once', () => {
  const routes = publicRoutes.map(({ method, path }) => `${method} ${path}`)
  assert.equal(new Set(routes).size, routes.length)
  for (const { path, summary } of publicRoutes) assert.match(summary, /\.$/, path)
})

test('no route between members is public', () => {
  for (const { path, access } of publicRoutes) {
    assert.notEqual(access, 'member', path)
    assert.doesNotMatch(path, /^\/internal/)
  }
})
