import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEnvelope, encodeContent, encodeEnvelope, SessionEncodingError } from './envelope.ts'

const TIMES = { createdMs: 1, lastAccessedMs: 2, maxInactiveSeconds: 3 }

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (attributes) => {
      const content = encodeContent(attributes, { maxAgeMs: null }, undefined)
      const decoded = decodeEnvelope(encodeEnvelope(content, TIMES))
      assert.ok(decoded.ok)
      assert.equal(JSON.stringify(decoded.envelope.attributes), JSON.stringify(attributes))
      assert.deepEqual(decoded.envelope.cookie, { maxAgeMs: null })
      assert.equal(decoded.envelope.maxInactiveSeconds, 3)
    }),
  )
})

test('the stored form is one JSON object with a version', () => {
  const content = encodeContent({ user: 'ann' }, {}, undefined)
  assert.equal(
    encodeEnvelope(content, TIMES).toString(),
    '{"v":1,"created":1,"lastAccessed":2,"maxInactive":3,"attributes":{"user":"ann"},"cookie":{}}',
  )
})

test('no bytes make the decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      decodeEnvelope(Buffer.from(bytes))
    }),
  )
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(decodeEnvelope(Buffer.from(text)).ok, false)
    }),
  )
})

test('another version is not read, and the reason says so', () => {
  assert.deepEqual(decodeEnvelope(Buffer.from('{"v":2,"attributes":{}}')), {
    ok: false,
    unreadable: 'version 2 is not 1',
  })
})

test('functions and undefined are dropped, and an attribute that is no JSON is named', () => {
  const attributes = { kept: 1, dropped: undefined, method: () => 1 }
  assert.equal(encodeContent(attributes, {}, undefined), '"attributes":{"kept":1},"cookie":{}')
  assert.throws(
    () => encodeContent({ fine: 1, big: 1n }, {}, undefined),
    (error) => error instanceof SessionEncodingError && error.message.includes('"big"'),
  )
})

test('a filter keeps only the attributes that match', () => {
  assert.equal(
    encodeContent({ user: 1, view: 2 }, {}, /^user$/),
    '"attributes":{"user":1},"cookie":{}',
  )
})
