import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { isPortFree } from './ports.ts'

test('ports of members, of their engines and of other buckets are taken', () => {
  const document = documentWithBucket(2)
  const [bucket] = document.buckets
  assert.ok(bucket)
  bucket.proxyPort = 11_300
  for (const port of [8091, 11_210, 11_211, 11_212, 12_000, 12_099, 22_050, 11_300]) {
    assert.equal(isPortFree(document, port, ''), false, String(port))
  }
  for (const port of [11_213, 12_100, 22_100]) assert.equal(isPortFree(document, port, ''), true)
})

test('a bucket may keep its own port', () => {
  const document = documentWithBucket(1)
  const [bucket] = document.buckets
  assert.ok(bucket)
  bucket.proxyPort = 11_300
  assert.equal(isPortFree(document, 11_300, bucket.uuid), true)
})
