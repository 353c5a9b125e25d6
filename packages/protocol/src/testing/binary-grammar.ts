/**
 * Messages of memcached's binary protocol and of RESP, as fuzz inputs: lengths that fit, most of
 * the time, and everything else as it comes.
 */
import fc from 'fast-check'
import {
  BINARY_FLEXIBLE_REQUEST_MAGIC,
  BINARY_REQUEST_MAGIC,
  BINARY_RESPONSE_MAGIC,
} from '../binary.ts'
import { formOf } from '../binary-request-opcodes.ts'
import { numberText } from './mutate.ts'

const bytes: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('', 'a', 'key', 'PLAIN').map((text) => Buffer.from(text)),
  },
  { weight: 1, arbitrary: fc.nat(300).map((length) => Buffer.alloc(length, 'k')) },
)
const word: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 0x80, 0xffff_ffff),
  fc.nat(0xffff),
)
/** Beyond those of the table some unknown ones. */
const opcode: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.nat(0x24) },
  { weight: 1, arbitrary: fc.nat(255) },
)

/** One request. */
export function binaryRequests(): fc.Arbitrary<Buffer> {
  return fc.tuple(opcode, bytes, bytes, word, word).map(([code, key, value, opaque, cas]) => {
    const form = formOf(code, false)
    const extras = Buffer.alloc(form?.extrasBytes ?? 0, opaque & 0xff)
    const parts = {
      key: form?.key === 'none' ? Buffer.alloc(0) : key,
      value: form?.hasValue === false ? Buffer.alloc(0) : value,
    }
    return message(BINARY_REQUEST_MAGIC, { code, extras, ...parts, field: 0, opaque, cas })
  })
}

const frames: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom('', '00', '1101', '13012328', '50', 'ff', 'f001', '3f00', '12').map((hex) => {
    return Buffer.from(hex, 'hex')
  }),
  fc.uint8Array({ maxLength: 20 }).map((some) => Buffer.from(some)),
)
const vBucketOpcode: fc.Arbitrary<number> = fc.oneof(
  opcode,
  fc.constantFrom(0x1f, 0x40, 0x50, 0x83, 0x89, 0x92, 0x94, 0x95, 0xa0, 0xb5, 0xfe),
)

/** One request to a vBucket port. */
export function vBucketRequests(): fc.Arbitrary<Buffer> {
  const parts = fc.tuple(vBucketOpcode, bytes, bytes, word, fc.option(frames))
  return parts.map(([code, anyKey, anyValue, opaque, framed]) => {
    const form = formOf(code, true)
    const extras = Buffer.alloc(form?.extrasBytes ?? 0, opaque & 0xff)
    const key = form?.key === 'none' ? Buffer.alloc(0) : anyKey
    const value = form?.hasValue === false ? Buffer.alloc(0) : anyValue
    if (framed === null) {
      return message(BINARY_REQUEST_MAGIC, { code, extras, key, value, field: 7, opaque, cas: 0 })
    }
    // The frames lie where a request without any has its extras.
    const all = Buffer.concat([framed, extras])
    const request = message(BINARY_FLEXIBLE_REQUEST_MAGIC, {
      ...{ code, extras: all, key, value, field: 7, opaque, cas: 0 },
    })
    request[2] = framed.length
    request[3] = key.length & 0xff
    request[4] = extras.length
    return request
  })
}

/** One reply. */
export function binaryReplies(): fc.Arbitrary<Buffer> {
  return fc
    .tuple(opcode, bytes, bytes, bytes, fc.constantFrom(0, 0, 1, 2, 5, 7, 0x20, 0x21, 0xffff), word)
    .map(([code, extras, key, value, field, opaque]) => {
      const short = extras.subarray(0, 8)
      const cas = opaque
      return message(BINARY_RESPONSE_MAGIC, { code, extras: short, key, value, field, opaque, cas })
    })
}

interface MessageParts {
  code: number
  extras: Buffer
  key: Buffer
  value: Buffer
  /** vBucket or status. */
  field: number
  opaque: number
  cas: number
}

function message(magic: number, parts: MessageParts): Buffer {
  const { code, extras, key, value, field, opaque, cas } = parts
  const header = Buffer.alloc(24)
  header[0] = magic
  header[1] = code
  header.writeUInt16BE(key.length, 2)
  header[4] = extras.length
  header.writeUInt16BE(field, 6)
  header.writeUInt32BE(extras.length + key.length + value.length, 8)
  header.writeUInt32BE(opaque, 12)
  header.writeUInt32BE(cas, 20)
  return Buffer.concat([header, extras, key, value])
}

/** One reply of RESP2, arrays in arrays among them. */
export function respReplies(): fc.Arbitrary<Buffer> {
  const text = fc.constantFrom('', 'OK', 'PONG', 'ERR wrong', 'MOVED 1 127.0.0.1:1', 'x'.repeat(99))
  const line = fc.tuple(fc.constantFrom('+', '-'), text).map(([type, said]) => `${type}${said}\r\n`)
  const integer = numberText().map((digits) => `:${digits}\r\n`)
  const bulk = text.map((content) => `$${content.length}\r\n${content}\r\n`)
  const absent = fc.constantFrom('$-1\r\n', '*-1\r\n', '*0\r\n')
  const { reply } = fc.letrec<{ reply: string; array: string }>((tie) => ({
    reply: fc.oneof({ maxDepth: 5 }, bulk, line, integer, absent, tie('array')),
    array: fc
      .array(tie('reply'), { maxLength: 5 })
      .map((items) => `*${items.length}\r\n${items.join('')}`),
  }))
  return reply.map((said) => Buffer.from(said, 'latin1'))
}
