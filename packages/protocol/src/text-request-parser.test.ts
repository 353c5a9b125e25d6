import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteByByte, cutBytes, protocolNoise } from './chunking.test.ts'
import { KEY_BYTES_MAX, KEYS_PER_GET_MAX, LINE_BYTES_MAX } from './limits.ts'
import { type MemcachedRequest, Op } from './request.ts'
import { TextRequestParser } from './text-request-parser.ts'

/** What a request says, without the offsets. */
interface Seen {
  op: string
  keys?: string[]
  flags?: number
  exptime?: number
  value?: string
  cas?: string
  delta?: bigint
  noreply?: true
  args?: string
  error?: string
  fatal?: true
}

const OP_NAMES = new Map(Object.entries(Op).map(([name, op]) => [op as number, name]))
const STORES: readonly number[] = [Op.Set, Op.Add, Op.Replace, Op.Append, Op.Prepend, Op.Cas]
const TIMED: readonly number[] = [...STORES, Op.Touch, Op.Gat, Op.Gats, Op.FlushAll]

function see(request: MemcachedRequest): Seen {
  const seen: Seen = { op: OP_NAMES.get(request.op) ?? '?' }
  const { op, buf } = request
  if (request.noreply) seen.noreply = true
  if (op === Op.Invalid) {
    seen.error = request.error
    if (request.fatal) seen.fatal = true
    return seen
  }
  if (request.keyCount > 0) {
    seen.keys = Array.from({ length: request.keyCount }, (_, index) =>
      buf.toString('latin1', request.keyStarts[index], request.keyEnds[index]),
    )
  }
  if (STORES.includes(op)) {
    seen.flags = request.flags
    seen.value = buf.toString('latin1', request.valueStart, request.valueEnd)
  }
  if (TIMED.includes(op)) seen.exptime = request.exptime
  if (op === Op.Cas) seen.cas = `${request.casHi}:${request.casLo}`
  if (op === Op.Incr || op === Op.Decr) seen.delta = request.delta
  if (op === Op.Stats || op === Op.Verbosity) seen.args = request.args
  return seen
}

function parse(chunks: readonly Buffer[], valueBytesMax?: number): Seen[] {
  const parser = new TextRequestParser(valueBytesMax === undefined ? {} : { valueBytesMax })
  const seen: Seen[] = []
  for (const chunk of chunks) parser.push(chunk, (request) => seen.push(see(request)))
  return seen
}

const bad = (error: string, rest: Partial<Seen> = {}): Seen => ({ op: 'Invalid', error, ...rest })
const BAD_FORMAT = 'CLIENT_ERROR bad command line format'
const BAD_CHUNK = 'CLIENT_ERROR bad data chunk'
const BAD_DELETE = `${BAD_FORMAT}.  Usage: delete <key> [noreply]`
const LONG_KEY = 'k'.repeat(KEY_BYTES_MAX + 1)
const KEY = 'k'.repeat(KEY_BYTES_MAX)

const CASES: readonly [input: string, expected: Seen[]][] = [
  ['get a\r\n', [{ op: 'Get', keys: ['a'] }]],
  ['get a\n', [{ op: 'Get', keys: ['a'] }]],
  [`gets  a ${KEY}  c \r\n`, [{ op: 'Gets', keys: ['a', KEY, 'c'] }]],
  ['gat 60 a b\r\n', [{ op: 'Gat', exptime: 60, keys: ['a', 'b'] }]],
  ['gats -1 a\r\n', [{ op: 'Gats', exptime: -1, keys: ['a'] }]],
  ['get \xe4\xff\x80\x7f\r\n', [{ op: 'Get', keys: ['\xe4\xff\x80\x7f'] }]],
  ['get\r\n', [bad('ERROR')]],
  ['gat 10\r\n', [bad('ERROR')]],
  ['gat\r\n', [bad('ERROR')]],
  ['gat x k\r\n', [bad('CLIENT_ERROR invalid exptime argument')]],
  [`get a ${LONG_KEY} b\r\n`, [bad(BAD_FORMAT)]],
  ['get a\tb\r\n', [bad(BAD_FORMAT)]],
  ['get a\0b\r\n', [bad(BAD_FORMAT)]],
  ['set k 1 2 3\r\nabc\r\n', [{ op: 'Set', keys: ['k'], flags: 1, exptime: 2, value: 'abc' }]],
  [
    'add k 4294967295 -1 0 noreply\r\n\r\n',
    [{ op: 'Add', keys: ['k'], flags: 4294967295, exptime: -1, value: '', noreply: true }],
  ],
  [
    'replace k 0 4102444800 2\r\n\r\n\r\n',
    [{ op: 'Replace', keys: ['k'], flags: 0, exptime: 4102444800, value: '\r\n' }],
  ],
  ['append k 0 0 1 x\r\na\r\n', [{ op: 'Append', keys: ['k'], flags: 0, exptime: 0, value: 'a' }]],
  ['prepend k +7 0 1\r\na\r\n', [{ op: 'Prepend', keys: ['k'], flags: 7, exptime: 0, value: 'a' }]],
  [
    'cas k 0 0 1 18446744073709551615\r\na\r\n',
    [{ op: 'Cas', keys: ['k'], flags: 0, exptime: 0, value: 'a', cas: '4294967295:4294967295' }],
  ],
  [
    'cas k 0 0 1 4294967297 noreply\r\na\r\n',
    [{ op: 'Cas', keys: ['k'], flags: 0, exptime: 0, value: 'a', cas: '1:1', noreply: true }],
  ],
  ['cas k 0 0 1 18446744073709551616\r\n', [bad(BAD_FORMAT)]],
  ['cas k 0 0 1\r\n', [bad('ERROR')]],
  ['set k 0 0\r\n', [bad('ERROR')]],
  ['set k 0 0 1 2 3\r\n', [bad('ERROR')]],
  ['set k -1 0 1\r\n', [bad(BAD_FORMAT)]],
  ['set k 4294967296 0 1\r\n', [bad(BAD_FORMAT)]],
  ['set k 0 x 1\r\n', [bad(BAD_FORMAT)]],
  ['set k 0 0 -1\r\n', [bad(BAD_FORMAT)]],
  ['set k 0 0 2147483646\r\n', [bad(BAD_FORMAT)]],
  ['set k 0 0 x noreply\r\n', [bad(BAD_FORMAT, { noreply: true })]],
  ['set k 0 0 3\r\nabcde\r\n', [bad(BAD_CHUNK), bad('ERROR')]],
  ['set k 0 0 1\r\na\n\r\n', [bad(BAD_CHUNK), bad('ERROR')]],
  [`set ${LONG_KEY} 0 0 3\r\nabc\r\n`, [bad(BAD_FORMAT)]],
  [`set ${LONG_KEY} 0 0 3 noreply\r\nabc\r\n`, [bad(BAD_FORMAT, { noreply: true })]],
  [`cas ${LONG_KEY} 0 0 3 1\r\nabc\r\n`, [bad(BAD_FORMAT)]],
  ['set k\x01 0 0 3\r\nabc\r\n', [bad(BAD_FORMAT)]],
  [
    'set k 0 0 101\r\n'.concat('x'.repeat(101), '\r\n'),
    [bad('SERVER_ERROR object too large for cache')],
  ],
  ['incr k 18446744073709551615\r\n', [{ op: 'Incr', keys: ['k'], delta: 18446744073709551615n }]],
  ['decr k 1 noreply\r\n', [{ op: 'Decr', keys: ['k'], delta: 1n, noreply: true }]],
  ['incr k -1\r\n', [bad('CLIENT_ERROR invalid numeric delta argument')]],
  ['incr k x noreply\r\n', [bad('CLIENT_ERROR invalid numeric delta argument', { noreply: true })]],
  ['incr k\r\n', [bad('ERROR')]],
  ['delete k\r\n', [{ op: 'Delete', keys: ['k'] }]],
  ['delete k 0\r\n', [{ op: 'Delete', keys: ['k'] }]],
  ['delete k noreply\r\n', [{ op: 'Delete', keys: ['k'], noreply: true }]],
  ['delete k 0 noreply\r\n', [{ op: 'Delete', keys: ['k'], noreply: true }]],
  ['delete k 10\r\n', [bad(BAD_DELETE)]],
  ['delete k 1 noreply\r\n', [bad(BAD_DELETE, { noreply: true })]],
  [`delete ${LONG_KEY}\r\n`, [bad(BAD_FORMAT)]],
  ['touch k 5\r\n', [{ op: 'Touch', keys: ['k'], exptime: 5 }]],
  ['touch k x\r\n', [bad('CLIENT_ERROR invalid exptime argument')]],
  ['flush_all\r\n', [{ op: 'FlushAll', exptime: 0 }]],
  ['flush_all noreply\r\n', [{ op: 'FlushAll', exptime: 0, noreply: true }]],
  ['flush_all 10 noreply\r\n', [{ op: 'FlushAll', exptime: 10, noreply: true }]],
  ['flush_all x\r\n', [bad('CLIENT_ERROR invalid exptime argument')]],
  ['verbosity 2\r\n', [{ op: 'Verbosity', args: '2' }]],
  ['verbosity x\r\n', [bad(BAD_FORMAT)]],
  ['verbosity\r\n', [bad('ERROR')]],
  ['stats\r\n', [{ op: 'Stats', args: '' }]],
  ['stats  proxy all \r\n', [{ op: 'Stats', args: 'proxy all' }]],
  ['  version x \r\n', [{ op: 'Version' }]],
  ['\r\n', [bad('ERROR')]],
  ['\n', [bad('ERROR')]],
  ['GET a\r\n', [bad('ERROR')]],
  ['getx a\r\n', [bad('ERROR')]],
  ['\0\xff\r\n', [bad('ERROR')]],
]

test('every request is read alike whole, byte by byte and glued to the next one', () => {
  for (const [input, expected] of CASES) {
    const bytes = Buffer.from(input, 'latin1')
    assert.deepEqual(parse([bytes], 100), expected, `whole: ${input}`)
    assert.deepEqual(parse(byteByByte(bytes), 100), expected, `byte by byte: ${input}`)
    for (const [next, nextExpected] of CASES.slice(0, 12)) {
      const glued = Buffer.concat([bytes, Buffer.from(next, 'latin1')])
      assert.deepEqual(parse([glued], 100), [...expected, ...nextExpected], `${input} + ${next}`)
    }
  }
})

test('any split of many requests gives what the whole gives', () => {
  const inputs = fc
    .array(fc.constantFrom(...CASES.map(([input]) => input)), { maxLength: 12 })
    .map((parts) => Buffer.from(parts.join(''), 'latin1'))
  fc.assert(
    fc.property(cutBytes(inputs), ({ whole, chunks }) => {
      assert.deepEqual(parse(chunks, 100), parse([Buffer.from(whole)], 100))
    }),
  )
})

test('noise never throws, gives the same however it is split, and holds bounded memory', () => {
  const noise = protocolNoise([
    'get ',
    'set k 0 0 ',
    '5',
    '\r\n',
    ' ',
    'noreply',
    'k'.repeat(251),
    'cas k 0 0 1 1',
    'abcde',
    '99999999999',
    'incr',
    ' 1',
    'quit',
    '\n',
    '\0',
    'gat 1 ',
  ])
  fc.assert(
    fc.property(cutBytes(noise), ({ whole, chunks }) => {
      const parser = new TextRequestParser({ valueBytesMax: 1000 })
      for (const chunk of chunks) parser.push(chunk, () => undefined)
      assert.ok(parser.bufferedBytes <= LINE_BYTES_MAX)
      assert.deepEqual(parse(chunks, 1000), parse([Buffer.from(whole)], 1000))
    }),
    { numRuns: 500 },
  )
})

test('a large value that arrives in pieces is whole, and costs no memory before it arrives', () => {
  const value = Buffer.alloc(3_000_000, 'abcdefg')
  const parser = new TextRequestParser()
  const seen: string[] = []
  parser.push(Buffer.from(`set big 0 0 ${value.length}\r\n`), () => assert.fail('too early'))
  assert.ok(parser.bufferedBytes < 100)
  const rest = Buffer.concat([value, Buffer.from('\r\nget next\r\n')])
  for (let at = 0; at < rest.length; at += 65_536) {
    parser.push(Buffer.from(rest.subarray(at, at + 65_536)), (request) => {
      const start = request.keyStarts[0]
      seen.push(request.buf.toString('latin1', start, request.keyEnds[0]))
      if (request.op !== Op.Set) return
      const got = request.buf.subarray(request.valueStart, request.valueEnd)
      assert.ok(got.equals(value))
    })
  }
  assert.deepEqual(seen, ['big', 'next'])
  assert.equal(parser.bufferedBytes, 0)
})

test('a buffer with offsets into it may be kept after the callback', () => {
  const kept: { buf: Buffer; start: number; end: number }[] = []
  const parser = new TextRequestParser()
  const input = Array.from(
    { length: 50 },
    (_, n) => `set key${n} 0 0 7\r\nvalue${n + 10}\r\n`,
  ).join('')
  for (const chunk of byteByByte(Buffer.from(input))) {
    parser.push(chunk, ({ buf, valueStart, valueEnd }) => {
      kept.push({ buf, start: valueStart, end: valueEnd })
    })
  }
  assert.deepEqual(
    kept.map(({ buf, start, end }) => buf.toString('latin1', start, end)),
    Array.from({ length: 50 }, (_, n) => `value${n + 10}`),
  )
})

test('nothing is read after quit, a fatal error or stop', () => {
  assert.deepEqual(parse([Buffer.from('quit\r\nversion\r\n'), Buffer.from('version\r\n')]), [
    { op: 'Quit' },
  ])
  const parser = new TextRequestParser()
  const ops: number[] = []
  parser.push(Buffer.from('get a\r\nget b\r\nget c\r\n'), (request) => {
    ops.push(request.op)
    parser.stop()
  })
  parser.push(Buffer.from('get d\r\n'), (request) => ops.push(request.op))
  assert.deepEqual(ops, [Op.Get])
})

test('a line that is too long is fatal, with or without its end, in one chunk or many', () => {
  const fatal = [bad('CLIENT_ERROR line too long', { fatal: true })]
  for (const line of ['x'.repeat(2049), `${' '.repeat(2049)}get a`, `touch ${'k'.repeat(2049)}`]) {
    for (const input of [line, `${line}\r\nversion\r\n`]) {
      assert.deepEqual(parse([Buffer.from(input)]), fatal)
      assert.deepEqual(parse(byteByByte(Buffer.from(input))), fatal)
    }
  }
  const longGet = `get ${'k '.repeat(LINE_BYTES_MAX / 2)}`
  assert.deepEqual(parse([Buffer.from(longGet)]), fatal)
  assert.deepEqual(parse([Buffer.from(`${longGet}\r\n`)]), fatal)
})

test('a get may have many keys, but not without bound', () => {
  const keys = Array.from({ length: KEYS_PER_GET_MAX }, (_, n) => (n % 1000).toString(36))
  const get = `gets ${keys.join(' ')}`
  assert.deepEqual(parse([Buffer.from(`${get}\r\n`)]), [{ op: 'Gets', keys }])
  const half = Math.floor(get.length / 2)
  const chunks = [Buffer.from(get.slice(0, half)), Buffer.from(`${get.slice(half)}\r\n`)]
  assert.deepEqual(parse(chunks), [{ op: 'Gets', keys }])
  assert.deepEqual(parse([Buffer.from(`${get} x\r\nversion\r\n`)]), [
    bad('CLIENT_ERROR too many keys'),
    { op: 'Version' },
  ])
})

test('only requests that begin within the bounds are read, with all of their value', () => {
  const parser = new TextRequestParser()
  const seen: string[] = []
  const take = ({ buf, valueStart, valueEnd }: MemcachedRequest): void => {
    seen.push(buf.toString('latin1', valueStart, valueEnd))
  }
  const set = 'set a 0 0 5\r\nabcde\r\n'
  const chunk = Buffer.from(`${set}${set}${set}set a 0 0 5\r\nab`)
  const second = parser.push(chunk, take, 0, 1)
  assert.deepEqual([second, seen], [set.length, ['abcde']])
  const fourth = parser.push(chunk, take, second, second + set.length + 1)
  assert.deepEqual([fourth, seen.length], [set.length * 3, 3])
  assert.equal(parser.push(chunk, take, fourth, fourth + 1), chunk.length)
  const rest = Buffer.from(`cde\r\n${set}`)
  assert.equal(parser.push(rest, take, 0, 1), 5)
  assert.deepEqual(seen.slice(3), ['abcde'])
  assert.equal(parser.push(Buffer.from('set a 0 '), take), 8)
  const end = Buffer.from(`..0 5\r\nabcde\r\n${set}`)
  assert.equal(parser.push(end, take, 2, 3), end.length - set.length)
  assert.equal(seen.length, 5)
})
