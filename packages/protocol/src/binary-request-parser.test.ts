import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Opcode } from './binary.ts'
import { BinaryRequestParser } from './binary-request-parser.ts'
import { byteByByte, cutBytes } from './chunking.test.ts'
import { Dialect, Extra, type MemcachedRequest, Op } from './request.ts'

interface Asked {
  extras?: string
  key?: string
  value?: string
  cas?: bigint
  opaque?: number
  vBucket?: number
  magic?: number
  /** Lengths as announced, when they lie. */
  keyBytes?: number
  extrasBytes?: number
  bodyBytes?: number
}

/** An encoder of its own, field by field. */
function encode(opcode: number, asked: Asked = {}): Buffer {
  const extras = Buffer.from(asked.extras ?? '', 'hex')
  const key = Buffer.from(asked.key ?? '', 'latin1')
  const value = Buffer.from(asked.value ?? '', 'latin1')
  const header = Buffer.alloc(24)
  header.writeUInt8(asked.magic ?? 0x80, 0)
  header.writeUInt8(opcode, 1)
  header.writeUInt16BE(asked.keyBytes ?? key.length, 2)
  header.writeUInt8(asked.extrasBytes ?? extras.length, 4)
  header.writeUInt16BE(asked.vBucket ?? 0, 6)
  header.writeUInt32BE(asked.bodyBytes ?? extras.length + key.length + value.length, 8)
  header.writeUInt32BE(asked.opaque ?? 0, 12)
  header.writeBigUInt64BE(asked.cas ?? 0n, 16)
  return Buffer.concat([header, extras, key, value])
}

const OP_NAMES = new Map(Object.entries(Op).map(([name, op]) => [op as number, name]))

/** What a request says, as words. */
function see(request: MemcachedRequest): string {
  const { buf, special } = request
  assert.equal(request.dialect, Dialect.Binary)
  const words = [OP_NAMES.get(request.op) ?? '?']
  if (request.opaque !== 0) words.push(`opaque=${request.opaque.toString(16)}`)
  if (request.op === Op.Invalid) {
    words.push(`0x${request.errorStatus.toString(16)}`, request.error)
    if (request.fatal) words.push('fatal')
    return words.join(' ')
  }
  if (request.keyCount > 0) {
    words.push(buf.toString('latin1', request.keyStarts[0], request.keyEnds[0]))
  }
  if (request.flags !== 0) words.push(`flags=${request.flags}`)
  if (request.exptime !== 0) words.push(`exptime=${request.exptime}`)
  const compares = request.op === Op.Cas || (request.extras & Extra.Compare) !== 0
  if (compares) words.push(`cas=${request.casHi}:${request.casLo}`)
  if (request.op === Op.Incr || request.op === Op.Decr) words.push(`delta=${request.delta}`)
  if ((request.extras & Extra.Vivify) !== 0) {
    words.push(`vivify=${special.vivifyExptime} initial=${special.initial}`)
  }
  if (request.op === Op.Stats || request.op === Op.Verbosity) words.push(`args=${request.args}`)
  if (request.quiet) words.push('quiet')
  if (request.valueEnd > 0) {
    words.push(`"${buf.toString('latin1', request.valueStart, request.valueEnd)}"`)
  }
  return words.join(' ')
}

function parse(chunks: readonly Buffer[]): string[] {
  const parser = new BinaryRequestParser({ valueBytesMax: 100 })
  const seen: string[] = []
  for (const chunk of chunks) parser.push(chunk, (request) => seen.push(see(request)))
  return seen
}

const O = Opcode
const LONG_KEY = 'k'.repeat(251)
const KEY = 'k'.repeat(250)
const SET_EXTRAS = 'deadbeef00000e10'
const COUNTER = '000000000000000a00000000000000050000003c'
const COUNTER_ONLY = 'ffffffffffffffff0000000000000005ffffffff'
const BAD = 'Invalid 0x4 Invalid arguments fatal'
const UNKNOWN = 'Invalid 0x81 Unknown command'

const CASES: readonly [bytes: Buffer, expected: string[]][] = [
  [encode(O.Get, { key: 'a', opaque: 0xdeadbeef }), ['Gets opaque=deadbeef a']],
  [encode(O.GetQ, { key: KEY }), [`Gets ${KEY} quiet`]],
  [encode(O.GetK, { key: 'a b\r\n\0', vBucket: 77 }), ['Gets a b\r\n\0']],
  [encode(O.GetKQ, { key: 'a', cas: 5n }), ['Gets a quiet']],
  [
    encode(O.Set, { extras: SET_EXTRAS, key: 'a', value: 'xyz' }),
    ['Set a flags=3735928559 exptime=3600 "xyz"'],
  ],
  [
    encode(O.SetQ, { extras: '0000000000000000', key: 'a', cas: 0x100000002n }),
    ['Cas a cas=1:2 quiet ""'],
  ],
  [
    encode(O.Add, { extras: '00000000ffffffff', key: 'a', value: '1' }),
    ['Add a exptime=4294967295 "1"'],
  ],
  [
    encode(O.AddQ, { extras: SET_EXTRAS, key: 'a', cas: 1n }),
    ['Cas a flags=3735928559 exptime=3600 cas=0:1 quiet ""'],
  ],
  [encode(O.Replace, { extras: '0000000000000000', key: 'a', value: '1' }), ['Replace a "1"']],
  [
    encode(O.ReplaceQ, { extras: '0000000000000000', key: 'a', value: '1' }),
    ['Replace a quiet "1"'],
  ],
  [encode(O.Append, { key: 'a', value: '1', cas: 9n }), ['Append a cas=0:9 "1"']],
  [encode(O.AppendQ, { key: 'a', value: '1' }), ['Append a quiet "1"']],
  [encode(O.Prepend, { key: 'a' }), ['Prepend a ""']],
  [encode(O.PrependQ, { key: 'a', value: '1' }), ['Prepend a quiet "1"']],
  [encode(O.Delete, { key: 'a' }), ['Delete a']],
  [
    encode(O.DeleteQ, { key: 'a', cas: 2n ** 64n - 1n }),
    ['Delete a cas=4294967295:4294967295 quiet'],
  ],
  [encode(O.Incr, { extras: COUNTER, key: 'a' }), ['Incr a delta=10 vivify=60 initial=5']],
  [
    encode(O.IncrQ, { extras: COUNTER_ONLY, key: 'a', cas: 3n }),
    ['Incr a cas=0:3 delta=18446744073709551615 quiet'],
  ],
  [encode(O.Decr, { extras: COUNTER_ONLY, key: 'a' }), ['Decr a delta=18446744073709551615']],
  [
    encode(O.DecrQ, { extras: COUNTER, key: 'a', cas: 3n }),
    ['Decr a cas=0:3 delta=10 vivify=60 initial=5 quiet'],
  ],
  [encode(O.Touch, { extras: '0000003c', key: 'a' }), ['Touch a exptime=60']],
  [encode(O.Gat, { extras: '00000000', key: 'a' }), ['Gats a']],
  [encode(O.GatQ, { extras: '0000003c', key: 'a' }), ['Gats a exptime=60 quiet']],
  [encode(O.GatK, { extras: '0000003c', key: 'a' }), ['Gats a exptime=60']],
  [encode(O.GatKQ, { extras: '0000003c', key: 'a' }), ['Gats a exptime=60 quiet']],
  [encode(O.Flush), ['FlushAll']],
  [encode(O.Flush, { extras: '0000003c' }), ['FlushAll exptime=60']],
  [encode(O.FlushQ), ['FlushAll quiet']],
  [encode(O.Noop, { opaque: 1 }), ['Noop opaque=1']],
  [encode(O.Version), ['Version']],
  [encode(O.Stat), ['Stats args=']],
  [encode(O.Stat, { key: 'proxy buckets' }), ['Stats args=proxy buckets']],
  [encode(O.Verbosity, { extras: '00000002' }), ['Verbosity args=2']],
  [encode(O.SaslMechanisms), ['SaslMechanisms']],
  [encode(O.SaslAuth, { key: 'PLAIN', value: '\0u\0p' }), ['SaslAuth PLAIN "\0u\0p"']],
  [encode(O.SaslStep, { key: 'SCRAM-SHA-1', value: 'x' }), ['SaslStep SCRAM-SHA-1 "x"']],
  [
    encode(O.Set, { extras: SET_EXTRAS, key: 'a', value: 'x'.repeat(101), opaque: 1 }),
    ['Invalid opaque=1 0x3 Too large.'],
  ],
  [encode(O.Append, { key: 'a', value: 'x'.repeat(101) }), ['Invalid 0x3 Too large.']],
  [
    encode(0xee, { extras: '00', key: 'a', value: 'rest', opaque: 2 }),
    ['Invalid opaque=2 0x81 Unknown command'],
  ],
  [encode(O.Hello, { key: 'client', value: '\0\x01' }), [UNKNOWN]],
]

/** Nothing is read after these. */
const FATAL_CASES: readonly [bytes: Buffer, expected: string[]][] = [
  [encode(O.Quit), ['Quit']],
  [encode(O.QuitQ), ['Quit quiet']],
  [encode(O.Get, { key: 'a', magic: 0x81 }), ['Invalid 0x4 Invalid magic fatal']],
  [encode(O.Get, { keyBytes: 5, bodyBytes: 4 }), [`${UNKNOWN} fatal`]],
  [encode(O.Set, { keyBytes: 5, extrasBytes: 8, bodyBytes: 12 }), [`${UNKNOWN} fatal`]],
  [encode(O.Get, { key: LONG_KEY, opaque: 3 }), ['Invalid opaque=3 0x4 Invalid arguments fatal']],
  [encode(O.Get), [BAD]],
  [encode(O.Get, { key: 'a', value: 'x' }), [BAD]],
  [encode(O.Get, { extras: '00000000', key: 'a' }), [BAD]],
  [encode(O.Set, { key: 'a', value: 'x' }), [BAD]],
  [encode(O.Set, { extras: SET_EXTRAS, value: 'x' }), [BAD]],
  [encode(O.Append, { extras: SET_EXTRAS, key: 'a' }), [BAD]],
  [encode(O.Incr, { extras: SET_EXTRAS, key: 'a' }), [BAD]],
  [encode(O.Incr, { extras: COUNTER, key: 'a', value: '1' }), [BAD]],
  [encode(O.Touch, { key: 'a' }), [BAD]],
  [encode(O.Gat, { extras: '0000003c', key: 'a', value: 'x' }), [BAD]],
  [encode(O.Flush, { extras: '0000' }), [BAD]],
  [encode(O.Flush, { key: 'a' }), [BAD]],
  [encode(O.Noop, { key: 'a' }), [BAD]],
  [encode(O.Version, { value: 'a' }), [BAD]],
  [encode(O.Stat, { extras: '00' }), [BAD]],
  [encode(O.Quit, { key: 'a' }), [BAD]],
  [encode(O.SaslAuth, { value: 'a' }), [BAD]],
  [encode(O.SaslAuth, { key: 'PLAIN', value: 'x'.repeat(4097) }), [BAD]],
  [
    encode(O.Set, { extras: SET_EXTRAS, key: 'a', bodyBytes: 0x7fffffff }),
    ['Invalid 0x3 Too large. fatal'],
  ],
  [encode(0xee, { bodyBytes: 0xffffffff }), [`${UNKNOWN} fatal`]],
]

test('every opcode is read alike whole, byte by byte and glued to the next request', () => {
  for (const [bytes, expected] of CASES) {
    assert.deepEqual(parse([Buffer.from(bytes)]), expected)
    assert.deepEqual(parse(byteByByte(bytes)), expected)
    for (const [next, nextExpected] of CASES) {
      assert.deepEqual(parse([Buffer.concat([bytes, next])]), [...expected, ...nextExpected])
    }
  }
})

test('a quit or a fatal error is the last thing that is read', () => {
  const more = encode(O.Noop)
  for (const [bytes, expected] of FATAL_CASES) {
    assert.deepEqual(parse([Buffer.concat([bytes, more]), more]), expected)
    assert.deepEqual(parse(byteByByte(Buffer.concat([bytes, more]))), expected)
  }
})

test('a header is judged before its body is there', () => {
  for (const [bytes, expected] of [...FATAL_CASES, ...CASES.slice(-4)]) {
    if (bytes[1] === O.Quit || bytes[1] === O.QuitQ) continue
    assert.deepEqual(parse([Buffer.from(bytes.subarray(0, 24))]), expected)
  }
})

const ALL = [...CASES, ...FATAL_CASES].map(([bytes]) => bytes)

test('any split of many requests gives what the whole gives', () => {
  const inputs = fc
    .array(fc.constantFrom(...ALL), { maxLength: 12 })
    .map((parts) => Buffer.concat(parts))
  fc.assert(
    fc.property(cutBytes(inputs), ({ whole, chunks }) => {
      assert.deepEqual(parse(chunks), parse([Buffer.from(whole)]))
    }),
  )
})

test('noise never throws, gives the same however it is split, and holds bounded memory', () => {
  const field = fc.constantFrom(0, 1, 4, 8, 20, 100, 130, 250, 251, 0xffff)
  const header = fc
    .tuple(
      fc.nat(0x40),
      field,
      fc.constantFrom(0, 4, 8, 20),
      field,
      fc.uint8Array({ maxLength: 150 }),
    )
    .map(([opcode, keyBytes, extrasBytes, bodyBytes, body]) =>
      Buffer.concat([encode(opcode, { keyBytes, extrasBytes, bodyBytes }), body]),
    )
  const noise = fc
    .array(fc.oneof(header, fc.constantFrom(...ALL), fc.uint8Array().map(Buffer.from)), {
      maxLength: 10,
    })
    .map((parts) => Buffer.concat(parts))
  fc.assert(
    fc.property(cutBytes(noise), ({ whole, chunks }) => {
      const parser = new BinaryRequestParser({ valueBytesMax: 100 })
      for (const chunk of chunks) {
        parser.push(Buffer.from(chunk), () => undefined)
        assert.ok(parser.bufferedBytes <= 24 + 20 + 250 + 4096)
      }
      assert.deepEqual(parse(chunks), parse([Buffer.from(whole)]))
    }),
    { numRuns: 500 },
  )
})

test('a large value that arrives in pieces is whole, and costs no memory before it arrives', () => {
  const value = 'abcdefg'.repeat(400_000)
  const bytes = encode(O.Set, { extras: SET_EXTRAS, key: 'big', value })
  const parser = new BinaryRequestParser()
  const seen: string[] = []
  parser.push(Buffer.from(bytes.subarray(0, 40)), () => assert.fail('too early'))
  assert.equal(parser.bufferedBytes, 40)
  const rest = Buffer.concat([bytes.subarray(40), encode(O.Get, { key: 'next' })])
  for (let at = 0; at < rest.length; at += 65_536) {
    parser.push(Buffer.from(rest.subarray(at, at + 65_536)), (request) => {
      seen.push(request.buf.toString('latin1', request.keyStarts[0], request.keyEnds[0]))
      if (request.op !== Op.Set) return
      const got = request.buf.toString('latin1', request.valueStart, request.valueEnd)
      assert.ok(got === value)
    })
  }
  assert.deepEqual(seen, ['big', 'next'])
  assert.equal(parser.bufferedBytes, 0)
})

test('a buffer with offsets into it may be kept after the callback', () => {
  const kept: { buf: Buffer; start: number; end: number }[] = []
  const parser = new BinaryRequestParser()
  const requests = Array.from({ length: 50 }, (_, n) =>
    encode(O.SetQ, { extras: SET_EXTRAS, key: `key${n}`, value: `value${n}` }),
  )
  for (const chunk of byteByByte(Buffer.concat(requests))) {
    parser.push(chunk, ({ buf, valueStart, valueEnd }) => {
      kept.push({ buf, start: valueStart, end: valueEnd })
    })
  }
  assert.deepEqual(
    kept.map(({ buf, start, end }) => buf.toString('latin1', start, end)),
    requests.map((_, n) => `value${n}`),
  )
})

test('stop drops what has come and ignores what comes', () => {
  const parser = new BinaryRequestParser()
  const opcodes: number[] = []
  const get = encode(O.Get, { key: 'a' })
  parser.push(Buffer.concat([get, get, get]), (request) => {
    opcodes.push(request.opcode)
    parser.stop()
  })
  parser.push(get, (request) => opcodes.push(request.opcode))
  assert.deepEqual(opcodes, [O.Get])
  assert.equal(parser.bufferedBytes, 0)
})

test('only requests that begin within the bounds are read, whole', () => {
  const parser = new BinaryRequestParser()
  let seen = 0
  const take = (): void => {
    seen++
  }
  const set = encode(Opcode.Set, { extras: '0000000000000000', key: 'a', value: 'abcde' })
  const chunk = Buffer.concat([set, set, set, set.subarray(0, 30)])
  const second = parser.push(chunk, take, 0, 1)
  assert.deepEqual([second, seen], [set.length, 1])
  const fourth = parser.push(chunk, take, second, second + set.length + 1)
  assert.deepEqual([fourth, seen], [set.length * 3, 3])
  assert.equal(parser.push(chunk, take, fourth, fourth + 1), chunk.length)
  const rest = Buffer.concat([set.subarray(30), set])
  assert.equal(parser.push(rest, take, 0, 1), set.length - 30)
  assert.equal(seen, 4)
})
