import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteWriter } from './byte-writer.ts'
import { byteByByte, cut, cutBytes, protocolNoise } from './chunking.test.ts'
import { ProtocolError } from './protocol-error.ts'
import { RespKind, RespParser, type RespReply, writeBulkHeader, writeCommand } from './resp.ts'

/** A reply as plain values: `+text`, `-text`, numbers, strings in quotes, null, arrays. */
type Plain = string | number | null | Plain[]

function plain(reply: RespReply): Plain {
  const text = reply.buf.toString('latin1', reply.start, reply.end)
  switch (reply.kind) {
    case RespKind.Simple:
      return `+${text}`
    case RespKind.Error:
      return `-${text}`
    case RespKind.Int:
      return reply.int
    case RespKind.Bulk:
      return `'${text}'`
    case RespKind.Null:
      return null
    case RespKind.Array:
      assert.equal(reply.int, reply.items.length)
      return reply.items.map(plain)
  }
}

/** Independent of the parser: what a server would send. */
function encode(value: Plain): string {
  if (value === null) return '$-1\r\n'
  if (typeof value === 'number') return `:${value}\r\n`
  if (Array.isArray(value)) return `*${value.length}\r\n${value.map(encode).join('')}`
  if (value.startsWith("'")) return `$${value.length - 2}\r\n${value.slice(1, -1)}\r\n`
  return `${value}\r\n`
}

function parse(chunks: readonly Buffer[], bulkBytesMax = 1000): Plain[] {
  const parser = new RespParser({ bulkBytesMax })
  const seen: Plain[] = []
  for (const chunk of chunks) parser.push(chunk, (reply) => seen.push(plain(reply)))
  return seen
}

const CASES: readonly [bytes: string, expected: Plain][] = [
  ['+OK\r\n', '+OK'],
  ['+\r\n', '+'],
  ['-MOVED 1 10.0.0.1:6379\r\n', '-MOVED 1 10.0.0.1:6379'],
  [':0\r\n', 0],
  [':-42\r\n', -42],
  [':9223372036854775807\r\n', 9223372036854776000],
  ['$0\r\n\r\n', "''"],
  ['$5\r\na\r\nbc\r\n', "'a\r\nbc'"],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['*0\r\n', []],
  ['*2\r\n$1\r\na\r\n:5\r\n', ["'a'", 5]],
  ['*3\r\n*0\r\n*1\r\n*1\r\n+x\r\n-ERR y\r\n', [[], [['+x']], '-ERR y']],
]

test('every reply is read alike whole, byte by byte and glued to the next one', () => {
  for (const [input, expected] of CASES) {
    const bytes = Buffer.from(input)
    assert.deepEqual(parse([Buffer.from(bytes)]), [expected], JSON.stringify(input))
    assert.deepEqual(parse(byteByByte(bytes)), [expected], JSON.stringify(input))
    for (const [next, nextExpected] of CASES) {
      const glued = Buffer.from(input + next)
      assert.deepEqual(parse([glued]), [expected, nextExpected], JSON.stringify(input + next))
    }
  }
})

const replies: fc.Arbitrary<Plain> = fc.letrec<{ reply: Plain }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Plain>('+OK', '-ERR no', null),
    fc.integer(),
    fc.string({ maxLength: 300, unit: 'binary-ascii' }).map((text) => `'${text}'`),
    fc.array(tie('reply'), { maxLength: 5 }),
  ),
})).reply

test('what a server encodes is what the parser reports, however it is split', () => {
  const stream = fc.tuple(fc.array(replies, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 9 }))
  fc.assert(
    fc.property(stream, ([values, places]) => {
      const bytes = Buffer.from(values.map(encode).join(''), 'latin1')
      assert.deepEqual(parse(cut(bytes, places)), values)
      assert.deepEqual(parse(byteByByte(bytes)), values)
    }),
  )
})

test('noise is read or refused, alike however it is split', () => {
  const outcome = (chunks: readonly Buffer[]): unknown => {
    try {
      return parse(chunks)
    } catch (error) {
      assert.ok(error instanceof ProtocolError)
      return error.message
    }
  }
  const words = ['*', '$', ':', '+', '-', '\r\n', '1', '3', '-1', 'abc', '$3\r\nabc\r\n', '*2\r\n']
  fc.assert(
    fc.property(cutBytes(protocolNoise(words)), ({ whole, chunks }) => {
      const refused = outcome([Buffer.from(whole)])
      const refusedSplit = outcome(chunks)
      assert.equal(typeof refusedSplit, typeof refused)
      if (Array.isArray(refused)) assert.deepEqual(refusedSplit, refused)
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no RESP2 throw a ProtocolError', () => {
  const inputs = [
    'hello\r\n',
    '$x\r\n',
    '$-2\r\n',
    '$1001\r\n',
    '*1048577\r\n',
    '*1\r\n*1048576\r\n',
    '$1\r\nabc',
    ':1x\r\n',
    '+a\n',
    '\r\n',
    `+${'x'.repeat(70_000)}`,
    '*1\r\n'.repeat(17),
    ':\r\n',
  ]
  for (const input of inputs) {
    const matches = (error: unknown): boolean =>
      error instanceof ProtocolError && error.code === 'HOLDFAST_PROTOCOL'
    assert.throws(() => parse([Buffer.from(input)]), matches, JSON.stringify(input.slice(0, 20)))
    assert.throws(() => parse(byteByByte(Buffer.from(input))), matches)
  }
})

test('a bulk string in one chunk is handed over without a copy', () => {
  const chunk = Buffer.from('$3\r\nabc\r\n$2\r\nde\r\n')
  const offsets: number[] = []
  new RespParser().push(chunk, (reply) => {
    assert.equal(reply.buf, chunk)
    offsets.push(reply.start, reply.end)
  })
  assert.deepEqual(offsets, [4, 7, 13, 15])
})

test('a large bulk string is collected in linear memory, and announcing one costs none', () => {
  const value = Buffer.alloc(5_000_000, 'xyz')
  const parser = new RespParser()
  let got: Buffer | undefined
  const bytes = Buffer.concat([
    Buffer.from(`*1\r\n$${value.length}\r\n`),
    value,
    Buffer.from('\r\n'),
  ])
  for (let at = 0; at < bytes.length; at += 60_001) {
    parser.push(Buffer.from(bytes.subarray(at, at + 60_001)), (reply) => {
      const [item] = reply.items
      assert.ok(item)
      got = item.buf.subarray(item.start, item.end)
    })
  }
  assert.ok(got?.equals(value))
  assert.equal(parser.bufferedBytes, 0)
})

test('commands are arrays of bulk strings that the parser reads back', () => {
  const writer = new ByteWriter()
  writeCommand(writer, ['SET', Buffer.from([0, 255, 13, 10]), 12, 'ä'])
  const bytes = Buffer.from(writer.take())
  assert.equal(
    bytes.toString('latin1'),
    '*4\r\n$3\r\nSET\r\n$4\r\n\0\xff\r\n\r\n$2\r\n12\r\n$2\r\n\xc3\xa4\r\n',
  )
  assert.deepEqual(parse([bytes]), [["'SET'", "'\0\xff\r\n'", "'12'", "'\xc3\xa4'"]])
  writeBulkHeader(writer, 17)
  assert.equal(writer.take().toString(), '$17\r\n')
})
