import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryStatus, Opcode } from './binary.ts'
import { BinaryRequestParser } from './binary-request-parser.ts'
import { byteByByte } from './chunking.test.ts'
import { type MemcachedRequest, Op } from './request.ts'

interface Asked {
  frames?: string
  extras?: string
  key?: string
  value?: string
  vBucket?: number
  dataType?: number
}

/** An encoder of its own: with frames the magic is another one, and a key length of one byte. */
function encode(opcode: number, asked: Asked = {}): Buffer {
  const frames = Buffer.from(asked.frames ?? '', 'hex')
  const extras = Buffer.from(asked.extras ?? '', 'hex')
  const key = Buffer.from(asked.key ?? '', 'latin1')
  const value = Buffer.from(asked.value ?? '', 'latin1')
  const header = Buffer.alloc(24)
  header[0] = asked.frames === undefined ? 0x80 : 0x08
  header[1] = opcode
  header[2] = asked.frames === undefined ? 0 : frames.length
  header[3] = key.length
  header[4] = extras.length
  header[5] = asked.dataType ?? 0
  header.writeUInt16BE(asked.vBucket ?? 0, 6)
  header.writeUInt32BE(frames.length + extras.length + key.length + value.length, 8)
  return Buffer.concat([header, frames, extras, key, value])
}

function see(request: MemcachedRequest): object {
  const { op, buf, keyCount, keyStarts, keyEnds, valueStart, valueEnd, errorStatus } = request
  if (op === Op.Invalid) return { op, errorStatus, fatal: request.fatal }
  return {
    op,
    vBucket: request.vBucket,
    dataType: request.dataType,
    level: request.durabilityLevel,
    timeoutMs: request.durabilityTimeoutMs,
    key: keyCount > 0 ? buf.toString('latin1', keyStarts[0], keyEnds[0]) : '',
    value: buf.toString('latin1', valueStart, valueEnd),
    flags: request.flags,
    exptime: request.exptime,
    args: request.args,
  }
}

function parse(chunks: readonly Buffer[], vBuckets = true): object[] {
  const parser = new BinaryRequestParser({ valueBytesMax: 100_000, vBuckets })
  const seen: object[] = []
  for (const chunk of chunks) parser.push(chunk, (request) => seen.push(see(request)))
  return seen
}

const PLAIN = {
  vBucket: 0,
  dataType: 0,
  level: 0,
  timeoutMs: 0,
  key: '',
  value: '',
  flags: 0,
  exptime: 0,
  args: '',
}
const SET = '0000000700000009'
const refused = (errorStatus: number, fatal = false): object => ({
  op: Op.Invalid,
  errorStatus,
  fatal,
})

const CASES: readonly (readonly [name: string, bytes: Buffer, expected: object])[] = [
  [
    'a set says its vBucket and data type',
    encode(Opcode.Set, { extras: SET, key: 'k', value: 'v', vBucket: 1023, dataType: 1 }),
    {
      ...{ ...PLAIN, op: Op.Set, vBucket: 1023, dataType: 1 },
      ...{ key: 'k', value: 'v', flags: 7, exptime: 9 },
    },
  ],
  [
    'frames stand before the extras and say the durability',
    encode(Opcode.Set, { frames: '13012328', extras: SET, key: 'k', value: 'v' }),
    {
      ...{ ...PLAIN, op: Op.Set, level: 1, timeoutMs: 0x2328 },
      ...{ key: 'k', value: 'v', flags: 7, exptime: 9 },
    },
  ],
  [
    'a barrier, a trace and an escaped length are read over',
    encode(Opcode.Get, { frames: `003f01${'00'.repeat(16)}1103`, key: 'k' }),
    { ...PLAIN, op: Op.Gets, level: 3, key: 'k' },
  ],
  ['durability without a level', encode(0x04, { frames: '10', key: 'k' }), refused(0x04)],
  ['a level that is none', encode(0x04, { frames: '1104', key: 'k' }), refused(0xa0)],
  ['impersonation', encode(0x04, { frames: '4161', key: 'k' }), refused(0x80)],
  ['a preserved expiry', encode(0x01, { frames: '50', extras: SET, key: 'k' }), refused(0x80)],
  ['an escaped id', encode(0x00, { frames: 'f00100', key: 'k' }), refused(0x80)],
  ['a frame beyond its place', encode(0x00, { frames: '12', key: 'k' }), refused(0x04)],
  [
    'hello',
    encode(Opcode.Hello, { key: 'client', value: '\0\x08' }),
    { ...PLAIN, op: Op.Hello, key: 'client', value: '\0\x08' },
  ],
  [
    'a choice of a bucket',
    encode(Opcode.SelectBucket, { key: '@no bucket@' }),
    { ...PLAIN, op: Op.SelectBucket, key: '@no bucket@' },
  ],
  ['a wish for a config', encode(Opcode.GetClusterConfig), { ...PLAIN, op: Op.ClusterConfig }],
  [
    'a wish for a newer config',
    encode(Opcode.GetClusterConfig, { extras: '00000000000000010000000080000002' }),
    { ...PLAIN, op: Op.ClusterConfig, args: '1 2147483650' },
  ],
  [
    'a lock for a time',
    encode(Opcode.GetLocked, { extras: '0000001e', key: 'k' }),
    { ...PLAIN, op: Op.GetLocked, key: 'k', exptime: 30 },
  ],
  ['a lock', encode(Opcode.GetLocked, { key: 'k' }), { ...PLAIN, op: Op.GetLocked, key: 'k' }],
  [
    'a question for metadata',
    encode(Opcode.GetMeta, { extras: '02', key: 'k' }),
    { ...PLAIN, op: Op.GetMeta, key: 'k', args: '2' },
  ],
  [
    'an observation',
    encode(Opcode.Observe, { value: '\0\x01\0\x01k' }),
    { ...PLAIN, op: Op.Observe, value: '\0\x01\0\x01k' },
  ],
  ['TAP', encode(0x40, { value: 'tap' }), refused(BinaryStatus.NotSupported)],
  ['DCP', encode(0x50, { extras: '0000', key: 'x' }), refused(BinaryStatus.NotSupported)],
  ['what is unknown', encode(0xd0, { key: 'x' }), refused(BinaryStatus.UnknownCommand)],
  [
    'an observation beyond bounds',
    encode(Opcode.Observe, { value: 'x'.repeat(40_000) }),
    refused(BinaryStatus.InvalidArguments, true),
  ],
]

for (const [name, bytes, expected] of CASES) {
  test(`a vBucket port reads, whole and in pieces: ${name}`, () => {
    assert.deepEqual(parse([bytes]), [expected])
    assert.deepEqual(parse(byteByByte(bytes)), [expected])
    if (!('fatal' in expected) || expected.fatal === false) {
      assert.deepEqual(parse([Buffer.concat([bytes, bytes])]), [expected, expected])
    }
  })
}

test('a memcached port knows neither frames nor the opcodes of a vBucket port', () => {
  const framed = encode(Opcode.Get, { frames: '00', key: 'k' })
  assert.deepEqual(parse([framed], false), [refused(BinaryStatus.InvalidArguments, true)])
  assert.deepEqual(parse([encode(Opcode.Hello)], false), [refused(BinaryStatus.UnknownCommand)])
  assert.deepEqual(parse([encode(0x40)], false), [refused(BinaryStatus.UnknownCommand)])
})
