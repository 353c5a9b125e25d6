import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteByByte, cutBytes, protocolNoise } from './chunking.test.ts'
import { LINE_BYTES_MAX } from './limits.ts'
import { Dialect, Extra, type MemcachedRequest, Op } from './request.ts'
import { TextRequestParser } from './text-request-parser.ts'

/** What a request says, as words: op, key, then what differs from the plain operation. */
type Seen = string

const OP_NAMES = new Map(Object.entries(Op).map(([name, op]) => [op as number, name]))
const VALUE_BYTES_MAX = 100

function see(request: MemcachedRequest): Seen {
  const { buf, special } = request
  const name = OP_NAMES.get(request.op) ?? '?'
  if (request.op === Op.Invalid) return `${name} ${request.error}${request.fatal ? ' fatal' : ''}`
  const words = [name]
  if (request.keyCount > 0) {
    words.push(buf.toString('latin1', request.keyStarts[0], request.keyEnds[0]))
  }
  if (request.keyEncoded) words.push('encoded')
  if (request.dialect === Dialect.Text) return [...words, 'text'].join(' ')
  if (request.flags !== 0) words.push(`flags=${request.flags}`)
  if (request.exptime !== 0) words.push(`exptime=${request.exptime}`)
  if (request.op === Op.Cas || (request.extras & Extra.Compare) !== 0) {
    words.push(`cas=${request.casHi}:${request.casLo}`)
  }
  if (request.op === Op.Incr || request.op === Op.Decr) words.push(`delta=${request.delta}`)
  for (const [extra, bit] of Object.entries(Extra)) {
    if ((request.extras & bit) !== 0) words.push(`+${extra}`)
  }
  if ((request.extras & Extra.NewCas) !== 0) {
    words.push(`newCas=${special.newCasHi}:${special.newCasLo}`)
  }
  if ((request.extras & Extra.Vivify) !== 0) {
    words.push(`vivify=${special.vivifyExptime}`)
    if (request.op === Op.Incr || request.op === Op.Decr) words.push(`initial=${special.initial}`)
  }
  if ((request.extras & Extra.Recache) !== 0) words.push(`recache=${special.recacheTtlSeconds}`)
  if (request.quiet) words.push('quiet')
  if (request.noreply) words.push('noreply')
  if (request.valueEnd > 0) {
    words.push(`"${buf.toString('latin1', request.valueStart, request.valueEnd)}"`)
  }
  const flags = buf.toString('latin1', request.metaStart, request.metaEnd).trim()
  if (request.metaEnd > request.metaStart && flags !== '') words.push(`| ${flags}`)
  return words.join(' ')
}

function parse(chunks: readonly Buffer[]): Seen[] {
  const parser = new TextRequestParser({ valueBytesMax: VALUE_BYTES_MAX })
  const seen: Seen[] = []
  for (const chunk of chunks) parser.push(chunk, (request) => seen.push(see(request)))
  return seen
}

const BAD_FORMAT = 'Invalid CLIENT_ERROR bad command line format'
const BAD_TOKEN = 'Invalid CLIENT_ERROR bad token in command line format'
const BAD_FLAG = 'Invalid CLIENT_ERROR invalid or duplicate flag'
const LONG_OPAQUE = 'Invalid CLIENT_ERROR opaque token too long'
const KEY = 'k'.repeat(250)
const OPAQUE = 'o'.repeat(31)

const CASES: readonly [input: string, expected: Seen[]][] = [
  ['mg a\r\n', ['Get a +NoValue']],
  ['mg a v\n', ['Get a | v']],
  [`mg  ${KEY}  s \r\n`, [`Get ${KEY} | s`]],
  ['mg a c v q k\r\n', ['Gets a quiet | c v q k']],
  ['mg a t h l u f\r\n', ['Get a +WantTtl +WantAccess +NoValue +NoAccess | t h l u f']],
  [
    'mg a N30 R-5 T60 E4294967297 v\r\n',
    [
      'Get a exptime=60 +NewCas +Vivify +Recache +Touch newCas=1:1 vivify=30 recache=-5 ' +
        '| N30 R-5 T60 E4294967297 v',
    ],
  ],
  ['mg a Pabc L9 I x MS J1 D1 F1 v\r\n', ['Get a flags=1 | Pabc L9 I x MS J1 D1 F1 v']],
  ['mg QQBi v b k\r\n', ['Get A\0b encoded | v b k']],
  ['mg QUI= b v\r\n', ['Get AB encoded | b v']],
  ['mg QQ== b v\r\n', ['Get A encoded | b v']],
  ['ms a 3\r\nabc\r\n', ['Set a "abc"']],
  ['ms a +1 MS\r\nx\r\n', ['Set a "x" | MS']],
  [
    'ms a 3 F4294967295 T-1 I q k O7\r\na\r\n\r\n',
    ['Set a flags=4294967295 exptime=-1 quiet "a\r\n" | F4294967295 T-1 I q k O7'],
  ],
  ['ms a 1 C5 I\r\nx\r\n', ['Cas a cas=0:5 +Invalidate "x" | C5 I']],
  ['ms a 1 C0\r\nx\r\n', ['Cas a cas=0:0 "x" | C0']],
  ['ms a 1 MR C5\r\nx\r\n', ['Cas a cas=0:5 "x" | MR C5']],
  ['ms a 1 MR\r\nx\r\n', ['Replace a "x" | MR']],
  ['ms a 1 ME C5 N1\r\nx\r\n', ['Add a "x" | ME C5 N1']],
  ['ms a 1 MA C5\r\nx\r\n', ['Append a cas=0:5 +Compare "x" | MA C5']],
  ['ms a 1 MP C0 N30\r\nx\r\n', ['Prepend a +Vivify vivify=30 "x" | MP C0 N30']],
  ['ms a 1 E9\r\nx\r\n', ['Set a +NewCas newCas=0:9 "x" | E9']],
  ['ms QUI= 1 b F1\r\nx\r\n', ['Set AB encoded flags=1 "x" | b F1']],
  ['ms a 1 b\r\nx\r\n', ['Invalid CLIENT_ERROR error decoding key']],
  [
    'ms a 101\r\n'.concat('x'.repeat(101), '\r\n'),
    ['Invalid SERVER_ERROR object too large for cache'],
  ],
  ['ms a 3 q\r\nabcde\r\n', ['Invalid CLIENT_ERROR bad data chunk', 'Invalid ERROR']],
  [`ms ${KEY}k 1\r\nx\r\n`, [BAD_FORMAT]],
  ['ms a 1 MX\r\nx\r\n', ['Invalid CLIENT_ERROR invalid mode for ms M token']],
  ['ms a 1 Me\r\nx\r\n', ['Invalid CLIENT_ERROR invalid mode for ms M token']],
  ['ms a 1 Mset\r\nx\r\n', ['Invalid CLIENT_ERROR incorrect length for M token']],
  ['ms a 1 F4294967296\r\nx\r\n', [BAD_FORMAT]],
  ['ms a 1 Fx Tx\r\nx\r\n', [BAD_TOKEN]],
  [`ms a 1 O${OPAQUE}x\r\nx\r\n`, [LONG_OPAQUE]],
  ['ms a x\r\n', [BAD_FORMAT]],
  ['ms a -1\r\n', [BAD_FORMAT]],
  ['ms a 2147483646\r\n', [BAD_FORMAT]],
  ['ms a\r\n', [BAD_FORMAT]],
  ['ms\r\n', ['Invalid ERROR']],
  ['md a\r\n', ['Delete a']],
  ['md a C0 q\r\n', ['Delete a cas=0:0 +Compare quiet | C0 q']],
  ['md a I T30 E7\r\n', ['Delete a exptime=30 +NewCas +Touch +Invalidate newCas=0:7 | I T30 E7']],
  ['md a T30 x\r\n', ['Delete a exptime=30 +ValueOnly | T30 x']],
  ['md a v v\r\n', [BAD_FLAG]],
  ['md a Z\r\n', [BAD_FLAG]],
  ['ma a\r\n', ['Incr a delta=1']],
  ['ma a MD D5 t v\r\n', ['Decr a delta=5 +WantTtl | MD D5 t v']],
  ['ma a M-\r\n', ['Decr a delta=1 | M-']],
  ['ma a M+ C0\r\n', ['Incr a delta=1 | M+ C0']],
  [
    'ma a MI N60 J18446744073709551615 T5 C8\r\n',
    [
      'Incr a exptime=5 cas=0:8 delta=1 +Compare +Vivify +Touch vivify=60 ' +
        'initial=18446744073709551615 | MI N60 J18446744073709551615 T5 C8',
    ],
  ],
  ['ma a N0\r\n', ['Incr a delta=1 +Vivify vivify=0 initial=0 | N0']],
  ['ma a Mi\r\n', ['Invalid CLIENT_ERROR invalid mode for ma M token']],
  ['ma a D18446744073709551616\r\n', [BAD_FLAG]],
  ['mn\r\n', ['Noop']],
  ['mn x\r\n', ['Noop']],
  ['me a\r\n', ['Debug a +WantTtl +WantAccess +NoAccess']],
  ['me QUI= b\r\n', ['Debug AB encoded +WantTtl +WantAccess +NoAccess | b']],
  ['me QUI= k b\r\n', ['Debug QUI= +WantTtl +WantAccess +NoAccess | k b']],
  ['me a b\r\n', [BAD_FORMAT]],
  ['me\r\n', [BAD_FORMAT]],
  [`mg a O${OPAQUE} v\r\n`, [`Get a | O${OPAQUE} v`]],
  [`mg a O${OPAQUE}x\r\n`, [LONG_OPAQUE]],
  ['mg a v v\r\n', ['Invalid CLIENT_ERROR duplicate flag']],
  ['mg a \xff\r\n', ['Invalid CLIENT_ERROR duplicate flag']],
  ['mg a Q Tx\r\n', ['Invalid CLIENT_ERROR invalid flag']],
  ['mg a Tx Mxx\r\n', ['Invalid CLIENT_ERROR incorrect length for M token']],
  [
    'mg a c f h k l q s t u v I O P L T1 N1 R1 C1\r\n',
    ['Invalid CLIENT_ERROR options flags are too long'],
  ],
  ['mg !!! b\r\n', ['Invalid CLIENT_ERROR error decoding key']],
  ['mg QU=I b\r\n', ['Invalid CLIENT_ERROR error decoding key']],
  ['mg a\x01 v\r\n', [BAD_FORMAT]],
  ['mg\r\n', ['Invalid ERROR']],
  ['mx a\r\n', ['Invalid ERROR']],
  ['MG a\r\n', ['Invalid ERROR']],
]

test('every meta request is read alike whole, byte by byte and glued to the next one', () => {
  for (const [input, expected] of CASES) {
    const bytes = Buffer.from(input, 'latin1')
    assert.deepEqual(parse([Buffer.from(bytes)]), expected, `whole: ${input}`)
    assert.deepEqual(parse(byteByByte(bytes)), expected, `byte by byte: ${input}`)
    for (const [next, nextExpected] of CASES.slice(0, 12)) {
      const glued = Buffer.concat([bytes, Buffer.from(next, 'latin1')])
      assert.deepEqual(parse([glued]), [...expected, ...nextExpected], `${input} + ${next}`)
    }
  }
})

test('text and meta requests mix on one connection and leave nothing in each other', () => {
  const meta = 'ms QUI= 1 b F9 T9 q C7 I\r\nx\r\n'
  const seen = parse([Buffer.from(`${meta}get a\r\n${meta}set b 0 0 1\r\ny\r\nmg a v\r\n`)])
  const expected = 'Cas AB encoded flags=9 exptime=9 cas=0:7 +Invalidate quiet "x" | b F9 T9 q C7 I'
  assert.deepEqual(seen, [expected, 'Get a text', expected, 'Set b text', 'Get a | v'])
})

test('any split of meta requests gives what the whole gives', () => {
  const inputs = fc
    .array(fc.constantFrom(...CASES.map(([input]) => input)), { maxLength: 12 })
    .map((parts) => Buffer.from(parts.join(''), 'latin1'))
  fc.assert(
    fc.property(cutBytes(inputs), ({ whole, chunks }) => {
      assert.deepEqual(parse(chunks), parse([Buffer.from(whole)]))
    }),
  )
})

test('meta noise never throws, gives the same however it is split, and holds bounded memory', () => {
  const letters = Array.from('bcfhklqstuvxIOPLNTRFCEMJD', (letter) => ` ${letter}`)
  const noise = protocolNoise(
    ['mg ', 'ms ', 'md ', 'ma ', 'me ', 'mn', '\r\n', 'QUI=', '5', ' 3', '\r\nabc\r\n'].concat(
      letters,
      ['k'.repeat(251), '99999999999', '\0'],
    ),
  )
  fc.assert(
    fc.property(cutBytes(noise), ({ whole, chunks }) => {
      const parser = new TextRequestParser({ valueBytesMax: VALUE_BYTES_MAX })
      const before = parse([Buffer.from(whole)])
      for (const chunk of chunks) parser.push(Buffer.from(chunk), () => undefined)
      assert.ok(parser.bufferedBytes <= LINE_BYTES_MAX)
      assert.deepEqual(parse(chunks), before)
    }),
    { numRuns: 500 },
  )
})

test('binary keys of any bytes survive base64', () => {
  const keys = fc.uint8Array({ minLength: 1, maxLength: 187 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(keys, (key) => {
      let got: Buffer | undefined
      new TextRequestParser().push(
        Buffer.from(`mg ${key.toString('base64')} v b\r\n`),
        ({ buf, keyStarts, keyEnds }) => {
          got = Buffer.from(buf.subarray(keyStarts[0], keyEnds[0]))
        },
      )
      assert.deepEqual(got, key)
    }),
  )
})
