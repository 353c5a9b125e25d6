import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { endFrame, itemFrame, ShardFrameError, ShardFrameReader } from './shard-frames.ts'

const item = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 250 }).map((bytes) => Buffer.from(bytes)),
  value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  flags: fc.nat({ max: 0xffff_ffff }),
  expiresAtMs: fc.nat({ max: 4_000_000_000_000 }),
})

test('items come out as they went in, however the stream is cut into pieces', () => {
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 20 }),
      fc.integer({ min: 1, max: 90 }),
      (items, size) => {
        const stream = Buffer.concat([...items.map(itemFrame), endFrame(items.length)])
        const reader = new ShardFrameReader()
        const read = []
        for (let at = 0; at < stream.length; at += size) {
          for (const one of reader.read(stream.subarray(at, at + size))) {
            read.push({ ...one, key: Buffer.from(one.key), value: Buffer.from(one.value) })
          }
        }
        assert.deepEqual(
          read,
          items.map((one) => ({ ...one })),
        )
        assert.ok(reader.ended)
      },
    ),
  )
})

test('a stream without its end frame has not ended', () => {
  const reader = new ShardFrameReader()
  const one = { key: Buffer.from('a'), value: Buffer.from('b'), flags: 1, expiresAtMs: 0 }
  assert.equal([...reader.read(itemFrame(one))].length, 1)
  assert.equal(reader.items, 1)
  assert.equal(reader.ended, false)
})

test('an end frame with another count, bytes behind it, and strange bytes are errors', () => {
  const read = (bytes: Buffer) => [...new ShardFrameReader().read(bytes)]
  assert.throws(() => read(endFrame(1)), ShardFrameError)
  assert.throws(() => read(Buffer.concat([endFrame(0), Buffer.from([1])])), ShardFrameError)
  assert.throws(() => read(Buffer.from([7, 0, 0])), ShardFrameError)
  const huge = itemFrame({
    key: Buffer.from('a'),
    value: Buffer.alloc(0),
    flags: 0,
    expiresAtMs: 0,
  })
  huge.writeUInt32BE(0xffff_ffff, 3)
  assert.throws(() => read(huge), ShardFrameError)
})
