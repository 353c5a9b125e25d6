import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ByteSink, ByteWriter } from './byte-writer.ts'
import { ITEM_HEADER_BYTES, readCasHi, readCasLo, readFlags, writeItemHeader } from './item.ts'
import type { SendSlab } from './send-slab.ts'
import { writeLine, writeStat, writeValue } from './text-reply.ts'

function written(write: (w: ByteWriter) => void): string {
  const writer = new ByteWriter()
  write(writer)
  return writer.take().toString('latin1')
}

test('integers are written as String writes them', () => {
  const property = fc.property(fc.maxSafeInteger(), (value) => {
    assert.equal(
      written((w) => w.int(value)),
      String(value),
    )
  })
  fc.assert(property)
  for (const value of [0, 9, 10, 99, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, -1]) {
    assert.equal(
      written((w) => w.int(value)),
      String(value),
    )
  }
})

test('unsigned 64 bit numbers are written as BigInt writes them', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const text = written((w) => w.u64(Number(value >> 32n), Number(value & 0xffff_ffffn)))
      assert.equal(text, String(value))
    }),
  )
  assert.equal(
    written((w) => w.u64(0xffff_ffff, 0xffff_ffff)),
    '18446744073709551615',
  )
  assert.equal(
    written((w) => w.u64(0x20_0000, 0)),
    String(2n ** 53n),
  )
})

test('any sequence of writes gives the same bytes, also across slabs and takes', () => {
  const writes = fc.array(
    fc.oneof(
      fc.record({ text: fc.string({ unit: 'binary-ascii', maxLength: 200 }) }),
      fc.record({
        bytes: fc.integer({ min: 0, max: 90_000 }),
        fill: fc.integer({ min: 0, max: 255 }),
      }),
      fc.record({ take: fc.constant(true) }),
    ),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(writes, (steps) => {
      const writer = new ByteWriter()
      const expected: Buffer[] = []
      const taken: Buffer[] = []
      for (const step of steps) {
        if ('take' in step) {
          taken.push(writer.take())
        } else if ('text' in step) {
          writer.ascii(step.text)
          expected.push(Buffer.from(step.text, 'latin1'))
        } else {
          const bytes = Buffer.alloc(step.bytes + 2, step.fill)
          writer.bytes(bytes, 1, bytes.length - 1)
          expected.push(Buffer.alloc(step.bytes, step.fill))
        }
      }
      taken.push(writer.take())
      assert.ok(Buffer.concat(taken).equals(Buffer.concat(expected)))
      assert.equal(writer.length, 0)
    }),
    { numRuns: 60 },
  )
})

test('bytes handed out are never overwritten', () => {
  const writer = new ByteWriter()
  const taken: { bytes: Buffer; text: string }[] = []
  for (let n = 0; n < 20_000; n++) {
    const text = `message ${n};`
    writer.ascii(text)
    taken.push({ bytes: writer.take(), text })
  }
  assert.ok(taken.every(({ bytes, text }) => bytes.toString() === text))
})

test('a bulk string of prefix and slice has the length of both', () => {
  for (const bytes of [0, 1, 9, 10, 99, 100, 250, 5000]) {
    const key = Buffer.alloc(bytes + 2, 'k')
    assert.equal(
      written((w) => w.shortBulk(Buffer.from('{t}'), key, 1, bytes + 1)),
      `$${bytes + 3}\r\n{t}${'k'.repeat(bytes)}\r\n`,
    )
  }
})

test('an item header is 12 bytes, big endian, and reads back', () => {
  const writer = new ByteWriter()
  writer.byte(1)
  writeItemHeader(writer, 0xffff_fffe, 0x0800_0001, 0x0102_0304)
  const bytes = writer.take()
  assert.equal(bytes.toString('hex'), '01fffffffe8800000101020304')
  assert.equal(bytes.length, 1 + ITEM_HEADER_BYTES)
  assert.equal(readFlags(bytes, 1), 0xffff_fffe)
  assert.equal(readCasHi(bytes, 1), 0x0800_0001)
  assert.equal(readCasLo(bytes, 1), 0x0102_0304)
})

test('VALUE items are written as memcached writes them', () => {
  const key = Buffer.from('..key..')
  const value = Buffer.from('--a\r\nb--')
  assert.equal(
    written((w) => writeValue(w, key, 2, 5, 4294967295, value, 2, 6)),
    'VALUE key 4294967295 4\r\na\r\nb\r\n',
  )
  assert.equal(
    written((w) => writeValue(w, key, 2, 5, 0, value, 2, 2, 1, 2)),
    'VALUE key 0 0 4294967298\r\n\r\n',
  )
  assert.equal(
    written((w) => writeLine(w, 'VERSION 1')),
    'VERSION 1\r\n',
  )
  assert.equal(
    written((w) => writeStat(w, 'pid', '7')),
    'STAT pid 7\r\n',
  )
})

/** Holds what it is given until told otherwise. */
class Sink implements ByteSink {
  backlogBytes = 0
  readonly chunks: Buffer[] = []
  readonly slabs: SendSlab[] = []
  keeps = false

  write(chunk: Buffer, slab: SendSlab): void {
    this.chunks.push(chunk)
    if (!this.keeps) return
    slab.hold()
    this.slabs.push(slab)
    this.backlogBytes += chunk.length
  }
}

test('what was sent is written over once nobody holds it, what was taken never', () => {
  const writer = new ByteWriter()
  const sink = new Sink()
  const send = (text: string): Buffer | undefined => {
    writer.ascii(text)
    writer.sendTo(sink)
    return sink.chunks.at(-1)
  }
  writer.ascii('taken')
  const taken = writer.take()
  const sent = send('sent')
  assert.equal(send('SENT')?.buffer, sent?.buffer)
  assert.equal(sent?.toString(), 'SENT')
  sink.keeps = true
  const held = send('held')
  sink.keeps = false
  for (let i = 0; i < 10_000; i++) send(`filling ${i}`)
  assert.equal(held?.toString(), 'held')
  assert.equal(taken.toString(), 'taken')
})

test('memory that a slow reader held serves again when it is let go', () => {
  const writer = new ByteWriter()
  const sink = new Sink()
  const value = Buffer.alloc(4096, 'v')
  const send = (count: number): ArrayBufferLike[] => {
    for (let i = 0; i < count; i++) {
      writer.bytes(value)
      writer.int(i)
      writer.sendTo(sink)
    }
    return sink.chunks.splice(0).map(({ buffer }) => buffer)
  }
  sink.keeps = true
  send(100)
  const held = new Set(send(100))
  for (const slab of sink.slabs.splice(0)) slab.letGo()
  const later = send(100)
  assert.ok(held.size > 1)
  assert.ok(later.some((memory) => held.has(memory)))
})

test('large replies are whole whatever the writer keeps', () => {
  const writer = new ByteWriter()
  const sink = new Sink()
  for (const bytes of [10, 70_000, 64 * 1024, 1_000_000, 3]) {
    writer.ascii('<')
    writer.bytes(Buffer.alloc(bytes, 'x'))
    writer.ascii('>')
    writer.sendTo(sink)
    assert.equal(sink.chunks.pop()?.toString(), `<${'x'.repeat(bytes)}>`)
  }
})
