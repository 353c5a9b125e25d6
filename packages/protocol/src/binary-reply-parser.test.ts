import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type BinaryReply, BinaryReplyParser } from './binary-reply-parser.ts'
import { ProtocolError } from './protocol-error.ts'

interface Read {
  opcode: number
  status: number
  opaque: number
  cas: string
  extras: string
  key: string
  value: string
}

function encode(read: Read): Buffer {
  const extras = Buffer.from(read.extras, 'latin1')
  const key = Buffer.from(read.key, 'latin1')
  const value = Buffer.from(read.value, 'latin1')
  const header = Buffer.alloc(24)
  header[0] = 0x81
  header[1] = read.opcode
  header.writeUInt16BE(key.length, 2)
  header[4] = extras.length
  header.writeUInt16BE(read.status, 6)
  header.writeUInt32BE(extras.length + key.length + value.length, 8)
  header.writeUInt32BE(read.opaque, 12)
  header.writeBigUInt64BE(BigInt(read.cas), 16)
  return Buffer.concat([header, extras, key, value])
}

function decode(reply: BinaryReply): Read {
  const { buf, extrasStart, keyStart, valueStart, valueEnd } = reply
  return {
    opcode: reply.opcode,
    status: reply.status,
    opaque: reply.opaque,
    cas: String((BigInt(reply.casHi) << 32n) | BigInt(reply.casLo)),
    extras: buf.toString('latin1', extrasStart, keyStart),
    key: buf.toString('latin1', keyStart, valueStart),
    value: buf.toString('latin1', valueStart, valueEnd),
  }
}

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({
    maxLength,
    unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
  })

const anyReply: fc.Arbitrary<Read> = fc.record({
  opcode: fc.nat(255),
  status: fc.nat(0xffff),
  opaque: fc.nat(0xffff_ffff),
  cas: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  extras: text(30),
  key: text(40),
  value: text(200),
})

test('replies are the same however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(anyReply, { maxLength: 6 }),
      fc.infiniteStream(fc.nat(90)),
      (all, cuts) => {
        const bytes = Buffer.concat(all.map(encode))
        const parser = new BinaryReplyParser()
        const reads: Read[] = []
        for (let at = 0; at < bytes.length; ) {
          const next = Math.min(bytes.length, at + 1 + (cuts.next().value ?? 0))
          parser.push(Buffer.from(bytes.subarray(at, next)), (reply) => reads.push(decode(reply)))
          at = next
        }
        assert.deepEqual(
          reads,
          all.map((read) => ({ ...read })),
        )
      },
    ),
  )
})

test('bytes that are no reply end the conversation', () => {
  const good = encode({ opcode: 0, status: 0, opaque: 1, cas: '0', extras: '', key: '', value: '' })
  const request = Buffer.from(good)
  request[0] = 0x80
  const long = Buffer.from(good)
  long.writeUInt32BE(2 ** 31, 8)
  const contradictory = Buffer.from(good)
  contradictory.writeUInt16BE(5, 2)
  for (const bytes of [request, long, contradictory]) {
    const parser = new BinaryReplyParser()
    const reads: Read[] = []
    const push = (): void =>
      parser.push(Buffer.concat([good, bytes]), (reply) => reads.push(decode(reply)))
    assert.throws(push, ProtocolError)
    assert.equal(reads.length, 1)
  }
})

test('noise is refused or waits for more, but never grows beyond one reply', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (noise) => {
      const parser = new BinaryReplyParser({ valueBytesMax: 1000 })
      const push = (): void => parser.push(Buffer.from([0x81, ...noise]), () => {})
      try {
        push()
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
      }
    }),
  )
})
