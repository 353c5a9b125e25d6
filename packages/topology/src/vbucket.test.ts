import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { crc16, SLOTS, slotOf } from './crc16.ts'
import { crc32 } from './crc32.ts'
import { slotOfVbucket, TAG_PREFIXES, TAGS, VBUCKETS, vbucketOf } from './vbucket.ts'

test('crc32 of any slice agrees with zlib', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length)
      const end = Math.min(Math.max(a, b), bytes.length)
      assert.equal(crc32(bytes, start, end), zlibCrc32(bytes.subarray(start, end)))
    }),
  )
})

test('crc16 is XMODEM, and a slot comes from the hash tag as the engine finds it', () => {
  const slot = (key: string): number => slotOf(Buffer.from(key))
  assert.equal(crc16(Buffer.from('123456789')), 0x31c3)
  assert.equal(slot('foo'), 12182)
  assert.equal(slot('{foo}bar'), 12182)
  assert.equal(slot('x{foo}{bar}'), 12182)
  assert.equal(slot('foo{}{bar}'), crc16(Buffer.from('foo{}{bar}')) % SLOTS)
  assert.equal(slot('foo{bar'), crc16(Buffer.from('foo{bar')) % SLOTS)
  assert.equal(slot('foo{{bar}}zap'), crc16(Buffer.from('{bar')) % SLOTS)
})

test('keys hash to the vBuckets that moxi and Membase give them', () => {
  const vectors: [count: number, Record<string, number>][] = [
    [
      1024,
      {
        a: 183,
        b: 446,
        hello: 528,
        key0: 859,
        key1: 92,
        k1: 526,
        d1: 406,
        nope: 977,
        sess1: 979,
        'bak:SESS1': 326,
        'validity:SESS1': 958,
      },
    ],
    [64, { a: 55, b: 62, hello: 16 }],
    [16, { a: 7, b: 14, hello: 0 }],
    [4, { a: 3, b: 2, hello: 0 }],
  ]
  for (const [count, expected] of vectors) {
    for (const [key, v] of Object.entries(expected)) {
      const padded = Buffer.from(`..${key}..`)
      assert.equal(vbucketOf(padded, 2, 2 + key.length, count), v, `${key} of ${count}`)
    }
  }
  assert.equal(vbucketOf(Buffer.from('hello')), 528)
})

test('every vBucket has the agreed tag, and its tag leads to its slot', () => {
  const expected: Record<number, string> = {
    0: '1bz',
    1: '8yr',
    2: 'e8a',
    3: '9m1',
    183: '212',
    446: 'skn',
    511: '61v',
    512: 'fjl',
    528: '1cj',
    979: 'qt6',
    1022: 'qmh',
    1023: '430',
  }
  for (const [v, tag] of Object.entries(expected)) assert.equal(TAGS[Number(v)], tag)
  assert.equal(TAGS.length, VBUCKETS)
  const digest = createHash('sha256').update(TAGS.join('\n')).digest('hex')
  assert.equal(digest, '27a6c3647b5c7e66b9752637c3d4e7abacd65e06f5b562f153dfa43a08caebc0')
  TAG_PREFIXES.forEach((prefix, v) => {
    assert.equal(slotOf(Buffer.concat([prefix, Buffer.from('any{thing}')])), slotOfVbucket(v))
  })
})
