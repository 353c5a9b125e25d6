import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { md5FirstWord } from './ketama-md5.ts'

test('the first word agrees with node:crypto for every length of a key and beyond', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 31) & 0xff)
  for (let length = 0; length <= 260; length++) {
    const key = bytes.subarray(7, 7 + length)
    const expected = createHash('md5').update(key).digest().readUInt32LE(0)
    assert.equal(md5FirstWord(bytes, 7, 7 + length), expected, `${length} bytes`)
  }
})
