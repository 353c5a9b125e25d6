import assert from 'node:assert/strict'
import { test } from 'node:test'
import { href, parseRoute } from './router.ts'

test('addresses are read as they are written', () => {
  const address = href('buckets', 'a/b c%', { zoom: 'hour' })
  assert.deepEqual(parseRoute(address), {
    page: 'buckets',
    name: 'a/b c%',
    query: { zoom: 'hour' },
  })
})

test('no address is the overview, and a broken one does no harm', () => {
  assert.deepEqual(parseRoute(''), { page: 'overview', name: null, query: {} })
  assert.deepEqual(parseRoute('#/buckets/%E0%A4%A'), {
    page: 'buckets',
    name: '%E0%A4%A',
    query: {},
  })
})
