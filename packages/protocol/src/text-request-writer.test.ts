import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Op } from './request.ts'
import { TextRequestParser } from './text-request-parser.ts'
import {
  keyBytes,
  serializeCas,
  serializeDelete,
  serializeDelta,
  serializeFlushAll,
  serializeGat,
  serializeGet,
  serializeStats,
  serializeStore,
  serializeTouch,
  serializeVersion,
} from './text-request-writer.ts'

test('requests are serialized as protocol.txt says', () => {
  const value = Buffer.from('abc')
  const cases: [Buffer, string][] = [
    [serializeGet(['a', Buffer.from('b')]), 'get a b\r\n'],
    [serializeGet(['a'], true), 'gets a\r\n'],
    [serializeGat(['a', 'b'], 60), 'gat 60 a b\r\n'],
    [serializeGat(['a'], 0, true), 'gats 0 a\r\n'],
    [serializeStore('set', 'a', value), 'set a 0 0 3\r\nabc\r\n'],
    [
      serializeStore('add', 'a', value, { flags: 4294967295, exptime: -1, noreply: true }),
      'add a 4294967295 -1 3 noreply\r\nabc\r\n',
    ],
    [
      serializeCas('a', value, 2n ** 64n - 1n, { flags: 1 }),
      'cas a 1 0 3 18446744073709551615\r\nabc\r\n',
    ],
    [serializeCas('a', value, '7', { noreply: true }), 'cas a 0 0 3 7 noreply\r\nabc\r\n'],
    [serializeDelta('incr', 'a', 5), 'incr a 5\r\n'],
    [serializeDelta('decr', 'a', 5n, { noreply: true }), 'decr a 5 noreply\r\n'],
    [serializeDelete('a'), 'delete a\r\n'],
    [serializeTouch('ä', 5), 'touch ä 5\r\n'],
    [serializeFlushAll(), 'flush_all\r\n'],
    [serializeFlushAll(10, { noreply: true }), 'flush_all 10 noreply\r\n'],
    [serializeVersion(), 'version\r\n'],
    [serializeStats(), 'stats\r\n'],
    [serializeStats('items'), 'stats items\r\n'],
  ]
  for (const [actual, expected] of cases) assert.equal(actual.toString(), expected)
})

test('the server side parser reads back what the client side wrote', () => {
  const keys = fc
    .uint8Array({ minLength: 1, maxLength: 250 })
    .map((array) =>
      Buffer.from(array.map((byte) => (byte <= 32 || byte === 127 ? 33 + byte : byte))),
    )
  const value = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  const flags = fc.integer({ min: 0, max: 0xffff_ffff })
  fc.assert(
    fc.property(keys, value, flags, fc.integer(), (key, stored, sentFlags, exptime) => {
      const bytes = serializeStore('replace', key, stored, { flags: sentFlags, exptime })
      let count = 0
      new TextRequestParser().push(bytes, (request) => {
        count++
        assert.equal(request.op, Op.Replace)
        assert.equal(request.flags, sentFlags)
        assert.equal(request.exptime, exptime)
        const got = request.buf.subarray(request.valueStart, request.valueEnd)
        assert.ok(got.equals(stored))
        const gotKey = request.buf.subarray(request.keyStarts[0], request.keyEnds[0])
        assert.ok(gotKey.equals(key))
      })
      assert.equal(count, 1)
    }),
  )
})

test('a bad key is refused with a TypeError that names the byte', () => {
  const bad: [string | Buffer, RegExp][] = [
    ['', /empty/],
    ['k'.repeat(251), /251 bytes is longer than 250/],
    ['ä'.repeat(126), /252 bytes/],
    ['a b', /0x20 at 1/],
    ['ab\r\nflush_all', /0x0d at 2/],
    [Buffer.from([65, 0]), /0x00 at 1/],
    ['\x7f', /0x7f at 0/],
  ]
  for (const [key, message] of bad) {
    assert.throws(() => keyBytes(key), { name: 'TypeError', message })
    assert.throws(() => serializeGet(['ok', key]), { name: 'TypeError', message })
    assert.throws(() => serializeStore('set', key, Buffer.alloc(0)), { name: 'TypeError', message })
  }
})

test('numbers that would not fit the line are refused', () => {
  const value = Buffer.alloc(0)
  assert.throws(() => serializeStore('set', 'a', value, { flags: -1 }), TypeError)
  assert.throws(() => serializeStore('set', 'a', value, { flags: 2 ** 32 }), TypeError)
  assert.throws(() => serializeStore('set', 'a', value, { exptime: 1.5 }), TypeError)
  assert.throws(() => serializeCas('a', value, '-1'), TypeError)
  assert.throws(() => serializeCas('a', value, '1 noreply'), TypeError)
  assert.throws(() => serializeDelta('incr', 'a', 2n ** 64n), TypeError)
  assert.throws(() => serializeGet([]), TypeError)
  assert.throws(() => serializeStats('a b'), TypeError)
})
