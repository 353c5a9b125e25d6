import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSigned, parseUint64, parseUnsigned, type Uint64Halves } from './decimal.ts'

const signed = (text: string): number => parseSigned(Buffer.from(text), 0, text.length)
const unsigned = (text: string): number => parseUnsigned(Buffer.from(text), 0, text.length)

test('decimals are read exactly or refused', () => {
  const good: [string, number][] = [
    ['0', 0],
    ['+7', 7],
    ['007', 7],
    ['999999999999999', 999999999999999],
    ['0000000000000000000000001', 1],
  ]
  for (const [text, value] of good) assert.equal(unsigned(text), value, text)
  for (const text of [
    '',
    '+',
    '-',
    '-1',
    '1 ',
    ' 1',
    '1x',
    '0x1',
    '1e3',
    '1000000000000000',
    '+-1',
  ]) {
    assert.equal(unsigned(text), -1, text)
  }
  assert.equal(signed('-12'), -12)
  assert.equal(signed('-0'), 0)
  for (const text of ['', '-', '--1', '-+1', '+-1', '1.5'])
    assert.ok(Number.isNaN(signed(text)), text)
})

test('unsigned 64 bit decimals agree with BigInt', () => {
  const out: Uint64Halves = { hi: 0, lo: 0 }
  const read = (text: string): bigint | null =>
    parseUint64(Buffer.from(text), 0, text.length, out)
      ? (BigInt(out.hi) << 32n) | BigInt(out.lo)
      : null
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 66n }), (value) => {
      assert.equal(read(String(value)), value < 2n ** 64n ? value : null)
    }),
  )
  assert.equal(read('18446744073709551616'), null)
  for (const text of ['', '+', '-1', '1 ', 'x', '9'.repeat(400)])
    assert.equal(read(text), null, text)
})
