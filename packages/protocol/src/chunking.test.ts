// The ways the codec tests cut bytes into chunks, shared by them: whole, byte by byte, two cases
// glued, and any random split. Each chunk is a copy of its own, as a socket would deliver it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

/** The chunks of `bytes`, cut at the given places. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const bounds = [...new Set([0, ...places.map((p) => p % (bytes.length + 1)), bytes.length])]
  bounds.sort((a, b) => a - b)
  return bounds.slice(1).map((end, index) => Buffer.from(bytes.subarray(bounds[index], end)))
}

/** Every byte a chunk. */
export function byteByByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.from([byte]))
}

/** Bytes and a way to cut them. */
export function cutBytes(
  bytes: fc.Arbitrary<Buffer>,
): fc.Arbitrary<{ whole: Buffer; chunks: Buffer[] }> {
  return fc
    .tuple(bytes, fc.array(fc.nat(100_000), { maxLength: 12 }))
    .map(([whole, places]) => ({ whole, chunks: cut(whole, places) }))
}

/** Bytes that are likelier than noise to get far into a parser: words of the protocol and noise. */
export function protocolNoise(words: readonly string[]): fc.Arbitrary<Buffer> {
  const part = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words).map((word) => Buffer.from(word)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
  )
  return fc.array(part, { maxLength: 40 }).map((parts) => Buffer.concat(parts))
}

test('chunks of any cut join to the same bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array))
  fc.assert(
    fc.property(cutBytes(bytes), ({ whole, chunks }) => {
      assert.deepEqual(Buffer.concat(chunks), whole)
      assert.deepEqual(Buffer.concat(byteByByte(whole)), whole)
    }),
  )
})
