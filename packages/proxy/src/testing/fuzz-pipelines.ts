/**
 * Random pipelines of requests, valid and not, each with the replies that it must get: how many,
 * and by what each is recognised. The expectations are about framing and order; what an item holds
 * is the conformance suite's matter.
 */
import { Opcode } from '@holdfast/protocol'
import fc from 'fast-check'
import { type BinaryFields, binaryRequest } from './binary-client.ts'

/** One request of a text or meta pipeline. */
export interface TextRequest {
  bytes: string
  /** What its reply must look like; null when it must have none. */
  reply: RegExp | null
}

/** One request of a binary pipeline; quiet ones may stay without a reply. */
export interface BinaryAsked {
  bytes: Buffer
  opaque: number
  answered: 'always' | 'perhaps' | 'never'
}

const VALUE_BYTES_MAX = 3000
const KEYS = ['a', 'b', 'c', 'counter', 'k'.repeat(250)]

const key = fc.constantFrom(...KEYS)
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom('x', '\r', '\n', '\0', '7', 'END', ' '), maxLength: 40 }),
  fc.nat(VALUE_BYTES_MAX).map((length) => 'v'.repeat(length)),
  fc.bigInt(0n, 2n ** 64n - 1n).map(String),
)
const exptime = fc.constantFrom(0, 0, 0, 1000, -1, 2_592_000, 2_000_000_000)
const noreply = fc.boolean()
const FAILED = /^(?:CLIENT_ERROR|SERVER_ERROR|ERROR)[^\r]*\r\n/
const STORED = /^(?:STORED|NOT_STORED|EXISTS|NOT_FOUND|CLIENT_ERROR [^\r]*)\r\n/
const COUNTED = /^(?:\d+|NOT_FOUND|CLIENT_ERROR [^\r]*)\r\n/
const META = /^(?:HD|EN|NS|EX|NF|CLIENT_ERROR)[^\r]*\r\n/
/** A VALUE list or a VA block is cut by its lengths: see `cutTextReply`. */
const VALUES = /^(?:VALUE |END)/
const META_VALUE = /^(?:VA|EN|HD|CLIENT_ERROR)\b/

function asked(bytes: string, reply: RegExp, silent = false): TextRequest {
  return { bytes, reply: silent ? null : reply }
}

/** Any request of the text and meta protocols. */
export const textRequest: fc.Arbitrary<TextRequest> = fc.oneof(
  { weight: 4, arbitrary: stores() },
  { weight: 4, arbitrary: reads() },
  { weight: 2, arbitrary: others() },
  { weight: 3, arbitrary: metas() },
  { weight: 2, arbitrary: mistakes() },
)

function stores(): fc.Arbitrary<TextRequest> {
  const word = fc.constantFrom('set', 'add', 'replace', 'append', 'prepend', 'cas')
  return fc.tuple(word, key, value, exptime, noreply).map(([name, of, data, ttl, silent]) => {
    const cas = name === 'cas' ? ' 1' : ''
    const line = `${name} ${of} 7 ${ttl} ${data.length}${cas}${silent ? ' noreply' : ''}`
    return asked(`${line}\r\n${data}\r\n`, STORED, silent)
  })
}

function reads(): fc.Arbitrary<TextRequest> {
  const word = fc.constantFrom('get', 'gets', 'gat 100', 'gats 0')
  const keys = fc.array(key, { minLength: 1, maxLength: 8 })
  return fc.tuple(word, keys).map(([name, of]) => asked(`${name} ${of.join(' ')}\r\n`, VALUES))
}

function others(): fc.Arbitrary<TextRequest> {
  const delta = fc.bigInt(0n, 2n ** 64n - 1n)
  return fc.tuple(key, delta, noreply, fc.nat(6)).map(([of, by, silent, which]) => {
    const tail = `${silent ? ' noreply' : ''}\r\n`
    switch (which) {
      case 0:
        return asked(`delete ${of}${tail}`, /^(?:DELETED|NOT_FOUND)\r\n/, silent)
      case 1:
        return asked(`incr ${of} ${by}${tail}`, COUNTED, silent)
      case 2:
        return asked(`decr ${of} ${by}${tail}`, COUNTED, silent)
      case 3:
        return asked(`touch ${of} 100${tail}`, /^(?:TOUCHED|NOT_FOUND)\r\n/, silent)
      case 4:
        return asked(`verbosity 1${tail}`, /^OK\r\n/, silent)
      case 5:
        return asked(`flush_all${tail}`, /^OK\r\n/, silent)
      default:
        return asked('version\r\n', /^VERSION [^\r]+\r\n/)
    }
  })
}

function metas(): fc.Arbitrary<TextRequest> {
  return fc.tuple(key, value, fc.nat(6)).map(([of, data, which]) => {
    switch (which) {
      case 0:
        return asked(`ms ${of} ${data.length} T0 F3 c k O1\r\n${data}\r\n`, META)
      case 1:
        return asked(`mg ${of} v f c t s k O2\r\n`, META_VALUE)
      case 2:
        return asked(`mg ${of} f\r\n`, META)
      case 3:
        return asked(`md ${of} O3\r\n`, META)
      case 4:
        return asked(`ma ${of} N0 J5\r\n`, META)
      case 5:
        return asked(`ms ${of} ${data.length} q\r\n${data}\r\nmn\r\n`, /^MN\r\n/)
      default:
        return asked('mn\r\n', /^MN\r\n/)
    }
  })
}

function mistakes(): fc.Arbitrary<TextRequest> {
  const lines = [
    'nonsense',
    'get',
    'set a',
    'set a 0 0 x',
    'incr a b',
    `get ${'k'.repeat(251)}`,
    `touch ${'k'.repeat(251)} 0`,
    'mg',
    'mg a v v',
    'mx a',
    'gat x a',
    '',
    '   ',
    `set ${'k'.repeat(251)} 0 0 3\r\nabc`,
    'set a 0 0 2000000\r\n'.padEnd(2_000_019, 'z'),
  ]
  return fc.constantFrom(...lines).map((line) => asked(`${line}\r\n`, FAILED))
}

const BINARY: readonly (readonly [
  number,
  Omit<BinaryFields, 'opaque'>,
  BinaryAsked['answered'],
])[] = [
  [Opcode.Get, { key: 'a' }, 'always'],
  [Opcode.GetQ, { key: 'b' }, 'perhaps'],
  [Opcode.GetK, { key: 'c' }, 'always'],
  [Opcode.GetKQ, { key: 'none' }, 'perhaps'],
  [Opcode.Gat, { key: 'a', extras: '00000000' }, 'always'],
  [Opcode.GatKQ, { key: 'a', extras: '00000000' }, 'perhaps'],
  [Opcode.Touch, { key: 'a', extras: '00000000' }, 'always'],
  [Opcode.Set, { key: 'a', value: '12', extras: '0000000000000000' }, 'always'],
  [Opcode.SetQ, { key: 'b', value: 'v'.repeat(2000), extras: '0000000000000000' }, 'perhaps'],
  [Opcode.Add, { key: 'c', value: '1', extras: '0000000000000000' }, 'always'],
  [Opcode.ReplaceQ, { key: 'c', value: '1', extras: '0000000000000000' }, 'perhaps'],
  [Opcode.Append, { key: 'a', value: '1' }, 'always'],
  [Opcode.PrependQ, { key: 'none', value: '1' }, 'perhaps'],
  [Opcode.Delete, { key: 'c' }, 'always'],
  [Opcode.DeleteQ, { key: 'b' }, 'perhaps'],
  [Opcode.Incr, { key: 'n', extras: '00'.repeat(20) }, 'always'],
  [Opcode.DecrQ, { key: 'n', extras: '00'.repeat(20) }, 'perhaps'],
  [Opcode.Noop, {}, 'always'],
  [Opcode.Version, {}, 'always'],
  [Opcode.Flush, {}, 'always'],
  [Opcode.FlushQ, {}, 'perhaps'],
  [Opcode.Verbosity, { extras: '00000001' }, 'always'],
  [Opcode.SaslMechanisms, {}, 'always'],
  [0x77, { key: 'a', value: 'unknown' }, 'always'],
  [Opcode.Set, { key: 'a', value: 'z'.repeat(2_000_000), extras: '00'.repeat(8) }, 'always'],
]

/** Any request of the binary protocol that does not end the connection. */
export const binaryAsked: fc.Arbitrary<BinaryAsked> = fc
  .tuple(fc.constantFrom(...BINARY), fc.nat(0xffff_ffff))
  .map(([[opcode, fields, answered], opaque]) => {
    return { bytes: binaryRequest(opcode, { ...fields, opaque }), opaque, answered }
  })

/** Where a reply that begins at `from` ends; undefined while it is not complete. */
export function cutTextReply(text: string, from: number): number | undefined {
  let at = from
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const line = text.slice(at, lineEnd)
    const item = /^VALUE \S+ \d+ (\d+)/.exec(line) ?? /^VA (\d+)/.exec(line)
    if (item === null) return lineEnd + 2
    at = lineEnd + 2 + Number(item[1]) + 2
    if (line.startsWith('VA ')) return at <= text.length ? at : undefined
  }
}

/** Cuts bytes at random places. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const pieces: Buffer[] = []
  let from = 0
  for (const place of [...places, bytes.length]) {
    if (place > from) pieces.push(bytes.subarray(from, place))
    from = place
  }
  return pieces
}
