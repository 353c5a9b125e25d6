import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { terseView } from './views.ts'

for (const [durability, offered] of [
  ['replicated', true],
  ['none', false],
] as const) {
  test(`durable writes are offered to clients with durability ${durability}: ${offered}`, () => {
    const document = documentWithBucket(2, { durability })
    const [bucket] = document.buckets
    assert.ok(bucket)
    const source = {
      ...{ document, self: 1, version: '1' },
      isLive: () => true,
      status: () => null,
      pictures: () => [],
    }
    const { bucketCapabilities } = terseView(source, bucket)
    assert.ok(Array.isArray(bucketCapabilities))
    assert.ok(bucketCapabilities.includes('nodesExt'))
    assert.equal(bucketCapabilities.includes('durableWrite'), offered)
  })
}
