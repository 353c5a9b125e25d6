// Parsers, operations and replies of every dialect against the original: the same raw bytes go to a
// real memcached and to a backend in memory behind our parsers, and both must say the same to the
// byte, CAS numbers included (each backend starts with the server and sees the same requests).

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Opcode } from '@holdfast/protocol'
import { MemcachedProcess, memcachedInstalled } from './testing/memcached-process.ts'
import { MemoryBackend } from './testing/memory-backend.ts'
import { converse } from './testing/raw-conversation.ts'

const LONG_KEY = 'k'.repeat(251)
const OPAQUE = 'o'.repeat(31)
const LARGE = 'x'.repeat(2_000_000)

/** Each line or value one item, joined by line ends; the items stay from one to the next. */
const TEXT_AND_META: readonly string[][] = [
  ['set t 5 0 3', 'abc', 'get t', 'gets t none t', 'gat 0 t', 'gats 0 t', 'touch t 0'],
  ['cas t 1 0 1 1', 'x', 'cas t 1 0 1 1', 'y', 'cas none 0 0 1 1', 'z', 'gets t'],
  ['add t 0 0 1', 'x', 'replace none 0 0 1', 'x', 'append t 0 0 2', '12', 'prepend t 0 0 1', '0'],
  ['get t', 'incr t 5', 'decr t 1000', 'get t', 'incr t 18446744073709551615', 'incr t 2'],
  ['set w 0 0 1', 'w', 'incr w 1', 'delete w', 'delete w', 'touch w 0', 'incr w 1', 'get w'],
  ['set n 0 0 1 noreply', 'n', 'delete n noreply', 'get n', 'incr n 1 noreply', 'verbosity 1'],

  ['ms m 3', 'abc', 'mg m', 'mg m v', 'mg m s v f c t k q O1', 'mg m k', 'mg none v', 'mg none'],
  ['mg none k O1 c v', 'mg none q k', 'mg none k O1 q v', 'mg m O', `mg m O${OPAQUE}`],
  [`mg m O${OPAQUE}x`, `ms m 1 O${OPAQUE}x`, 'y', `md m O${OPAQUE}x`, `ma none O${OPAQUE}x`],
  ['ms h 1', 'x', 'mg h h u', 'mg h h l', 'mg h h l', 'mg h l h t'],
  ['ms m 2 F77 T0 c k O9', 'xy', 'mg m f v', 'ms m 2 q', 'ab', 'ms m 2 q c O1 k', 'ab', 'mg m c'],
  ['ms m 1 ME', 'x', 'ms m 1 ME q k O1', 'x', 'ms m9 1 ME', 'x', 'ms none 1 MR k', 'x'],
  ['ms m 1 MR', 'r', 'ms m 1 MA', 'a', 'ms m 1 MP', 'p', 'mg m v', 'ms none 1 MA', 'x'],
  ['ms none 1 MP q', 'x', 'ms m 1 MS', 's', 'ms m 1 Mx', 's', 'ms m 1 M', 's', 'ms m 1 MSS', 's'],
  ['ms c 1', 'x', 'mg c c', 'ms c 1 C1 c k', 'x', 'ms none 1 C1 c', 'x', 'ms c 1 C1 I', 'y'],
  ['mg c c', 'ms c 1 C1 I', 'q', 'mg c v', 'mg c v', 'ms c 1', 'x', 'ms c 1 C1 I', 'y'],
  ['mg c v', 'mg c v', 'ms c 1', 'z', 'mg c v', 'ms c 1 C0', 'x', 'ms c 1 C0 MA', 'x', 'mg c v'],
  ['ms c 1 C1 MA', 'x', 'ms c 1 C1 MR', 'x', 'ms none 1 C1 MR', 'x', 'ms c 1 C1 ME', 'x'],
  ['ms none2 1 C1 ME', 'x', 'mg none2 v', 'md none2', 'md none2 k O7', 'md none2 q', 'mg none2'],
  ['ms d 1', 'x', 'md d C1 k', 'md d C0', 'md d q k', 'mg d', 'ms d 1', 'x', 'md d O3 k'],
  ['ms s 1', 'x', 'md s I', 'mg s v', 'mg s v', 'md s I T30 q', 'mg s t v k', 'mg s t', 'md s'],
  ['mg v N30 v t k O1', 'mg v N30 v t', 'mg v v', 'ms v 1 T30', 'x', 'mg v R60 t', 'mg v R60'],
  ['mg v R10', 'mg v T90 t', 'mg v T-1', 'mg v', 'mg v2 N0', 'mg v2 t', 'md v2', 'md v2 q O1'],
  ['ma n2', 'ma n2 k O2 q', 'ma n2 N0 J5 v c t k O1', 'ma n2 v', 'ma n2 q', 'ma n2 v q', 'ma n2 c'],
  ['ma n2 D10 v', 'ma n2 MD D3 v', 'ma n2 MD D100 v', 'ma n2 M+ v', 'ma n2 M- v', 'ma n2 MI'],
  ['ma n2 T30 t v', 'ma n2 t', 'ma n2 C1 k O1', 'ma n2 C0 v', 'ma n3 N30 q', 'ma n3 N30 q'],
  ['ma n3 N0 J1 q v c', 'ma n4 N0 J18446744073709551615 v', 'ma n4 v', 'ma n4 D x', 'ma n4 Dx'],
  ['ms w 1', 'w', 'ma w', 'ma w q', 'ma w v k', 'ms w 0', '', 'ma w', 'mg w v', 'mg w s'],
  ['ma n2 Jx', 'ma n2 MX', 'ma n2 Mi', 'ma n2 v v', 'ma n2 Z', `ma ${LONG_KEY}`, 'ma', 'ma f l h'],
  ['ms QUJD 1 b', 'x', 'mg QUJD b k v', 'mg QUJD k b O1 q', 'md QUJD b k', 'mg QUJD b k'],
  [
    'ma QUJD b N0 v k',
    'ma QUJD k b O2',
    'ms QUJD 1 b',
    '1',
    'me QUJD b',
    'me QUJD',
    'md QUJD b q',
    'me QUJD b',
  ],
  ['ms QQ== 1 b k F3', 'x', 'mg QQ== b k f v', 'ms QQ 1 b', 'x', 'mg !! b', 'md ? b', 'ma ? b'],
  ['me m', 'me', 'me none', 'me none b', `me ${LONG_KEY}`, 'me m q', 'mn', 'mn x', 'mx m', 'm'],
  ['mg', 'mg ', 'ms', 'ms m', 'ms m v', 'ms m S1', 'md', 'mgg m', 'MG m', `mg ${LONG_KEY}`],
  [`md ${LONG_KEY}`, 'mg m v v', 'mg m !', 'mg m S', 'mg m \x7f', 'mg m \xff', 'mg m 1 1'],
  ['mg m T', 'mg m Tx', 'mg m N', 'mg m R', 'mg m C', 'mg m F', 'mg m D', 'mg m J', 'mg m M'],
  ['mg m Fx Tx', 'mg m Tx Fx', 'mg m Tx Mxx', 'mg m Tx v v', 'mg m Fx', 'mg m Fx q'],
  ['ms m 1 Tx', 'x', 'ms m 1 Fx', 'x', 'ms m 1 F-1', 'x', 'ms m 1 Cx', 'x', 'ms m 1 v v q', 'x'],
  ['ms m 1 Z', 'x', 'ms m x', 'ms m -1', 'ms m 2147483646', 'ms m 1x', 'ms m +1', 'x'],
  ['ms m 3', 'abcde', 'ms m 3 q', 'abcde', 'ms m 0', '', 'mg m v s'],
  ['mg m c f h k l q s t u v I O P L T0 N1 R1', 'mg m c f h k l q s t u v I O P L T0 N1 R1 C1'],
  ['ms m 1 c f h k l q t u v I O P L T0 N1', 'x', `md m ${[...'bcfhklqstuvIOPLx'].join(' ')} 1 2`],
  [`ms m ${LARGE.length}`, LARGE, `ms m ${LARGE.length} q k`, LARGE],
]

const SET_EXTRAS = '0000000500000000'
const COUNTER = '000000000000000100000000000000050000003c'
const COUNTER_ONLY = '00000000000000010000000000000005ffffffff'
const O = Opcode

interface Asked {
  extras?: string
  key?: string
  value?: string
  cas?: bigint
}

const BINARY: readonly (readonly [opcode: number, asked: Asked])[][] = [
  [
    [O.Set, { extras: SET_EXTRAS, key: 'a', value: 'xyz' }],
    [O.Get, { key: 'a' }],
    [O.GetQ, { key: 'a' }],
    [O.GetK, { key: 'a' }],
    [O.GetKQ, { key: 'a' }],
    [O.Gat, { key: 'a', extras: '00000000' }],
    [O.GatQ, { key: 'a', extras: '00000000' }],
    [O.GatK, { key: 'a', extras: '00000000' }],
    [O.GatKQ, { key: 'a', extras: '00000000' }],
    [O.Touch, { key: 'a', extras: '0000003c' }],
  ],
  [
    [O.Get, { key: 'none' }],
    [O.GetQ, { key: 'none' }],
    [O.GetK, { key: 'none' }],
    [O.GetKQ, { key: 'none' }],
    [O.Gat, { key: 'none', extras: '00000000' }],
    [O.GatQ, { key: 'none', extras: '00000000' }],
    [O.GatK, { key: 'none', extras: '00000000' }],
    [O.GatKQ, { key: 'none', extras: '00000000' }],
    [O.Touch, { key: 'none', extras: '0000003c' }],
  ],
  [
    [O.Add, { extras: SET_EXTRAS, key: 'a', value: '1' }],
    [O.AddQ, { extras: SET_EXTRAS, key: 'a', value: '1' }],
    [O.AddQ, { extras: SET_EXTRAS, key: 'b', value: '1' }],
    [O.Replace, { extras: SET_EXTRAS, key: 'none', value: '1' }],
    [O.ReplaceQ, { extras: SET_EXTRAS, key: 'none', value: '1' }],
    [O.ReplaceQ, { extras: SET_EXTRAS, key: 'b', value: '2' }],
    [O.Append, { key: 'b', value: 'x' }],
    [O.AppendQ, { key: 'b', value: 'x' }],
    [O.Prepend, { key: 'b', value: 'x' }],
    [O.PrependQ, { key: 'b', value: 'x' }],
    [O.Append, { key: 'none', value: 'x' }],
    [O.PrependQ, { key: 'none', value: 'x' }],
    [O.SetQ, { extras: SET_EXTRAS, key: 'c', value: '' }],
    [O.Get, { key: 'b' }],
    [O.Get, { key: 'c' }],
  ],
  [
    [O.Set, { extras: SET_EXTRAS, key: 'a', value: '1', cas: 9999n }],
    [O.SetQ, { extras: SET_EXTRAS, key: 'a', value: '1', cas: 9999n }],
    [O.Set, { extras: SET_EXTRAS, key: 'none', value: '1', cas: 9999n }],
    [O.Add, { extras: SET_EXTRAS, key: 'none', value: '1', cas: 9999n }],
    [O.Replace, { extras: SET_EXTRAS, key: 'a', value: '1', cas: 9999n }],
    [O.Append, { key: 'a', value: '1', cas: 9999n }],
    [O.Delete, { key: 'a', cas: 9999n }],
    [O.DeleteQ, { key: 'a', cas: 9999n }],
    [O.Delete, { key: 'b' }],
    [O.DeleteQ, { key: 'b' }],
    [O.Delete, { key: 'b' }],
    [O.DeleteQ, { key: 'c' }],
  ],
  [
    [O.Incr, { extras: COUNTER_ONLY, key: 'n' }],
    [O.DecrQ, { extras: COUNTER_ONLY, key: 'n' }],
    [O.Incr, { extras: COUNTER, key: 'n' }],
    [O.Incr, { extras: COUNTER, key: 'n' }],
    [O.IncrQ, { extras: COUNTER, key: 'n' }],
    [O.Decr, { extras: COUNTER, key: 'n' }],
    [O.DecrQ, { extras: COUNTER_ONLY, key: 'n' }],
    [O.IncrQ, { extras: COUNTER, key: 'n2' }],
    [O.Incr, { extras: COUNTER, key: 'n', cas: 9999n }],
    [O.Get, { key: 'n' }],
    [O.Incr, { extras: COUNTER, key: 'a' }],
    [O.IncrQ, { extras: COUNTER, key: 'a' }],
  ],
  [
    [O.Set, { extras: SET_EXTRAS, key: 'a', value: LARGE }],
    [O.SetQ, { extras: SET_EXTRAS, key: 'z', value: LARGE }],
    [O.Append, { key: 'z', value: LARGE }],
    [0xee, {}],
    [O.SaslMechanisms, {}],
    [O.Noop, {}],
    [O.Version, {}],
    [O.Set, { extras: '00000000ffffffff', key: 'late', value: 'x' }],
    [O.Get, { key: 'late' }],
  ],
  [[O.Get, {}]],
  [[O.Get, { key: LONG_KEY }]],
  [[O.Get, { key: 'a', extras: '00' }]],
  [[O.Get, { key: 'a', value: 'x' }]],
  [[O.Set, { key: 'a', value: 'x' }]],
  [[O.Append, { value: 'x' }]],
  [[O.Incr, { key: 'a', extras: SET_EXTRAS }]],
  [[O.Delete, { key: 'a', value: 'x' }]],
  [[O.Touch, { key: 'a' }]],
  [[O.Noop, { key: 'a' }]],
  [[O.Version, { key: 'a' }]],
  [[O.Stat, { extras: '00' }]],
  [[O.Flush, { key: 'a' }]],
  [[O.Quit, { key: 'a' }]],
  [[O.Quit, {}]],
  [[O.QuitQ, {}]],
]

let server: MemcachedProcess | undefined

before(async () => {
  if (memcachedInstalled) server = await MemcachedProcess.start()
})

after(() => server?.kill())

const options = { skip: !memcachedInstalled }
const backend = new MemoryBackend()

test('text and meta replies agree with memcached to the byte', options, async () => {
  for (const lines of TEXT_AND_META) {
    const raw = Buffer.from(`${lines.join('\r\n')}\r\nmn\r\nquit\r\n`, 'latin1')
    const theirs = settled(await ask(raw))
    const ours = settled(converse(backend, [raw]).toString('latin1'))
    assert.equal(ours, theirs, JSON.stringify(lines).slice(0, 400))
  }
})

test('binary replies agree with memcached to the byte', options, async () => {
  for (const requests of BINARY) {
    const asked = requests.map(([opcode, body], index) => encode(opcode, body, index))
    const raw = Buffer.concat([...asked, encode(O.Noop, {}, 1000), encode(O.Quit, {}, 1001)])
    const theirs = decode(Buffer.from(await ask(raw), 'latin1'))
    assert.deepEqual(decode(converse(backend, [Buffer.from(raw)])), theirs)
  }
})

test('replies do not depend on how the requests arrive', () => {
  const text = TEXT_AND_META.flat().filter((line) => line !== LARGE && !line.includes('2000000'))
  const requests = BINARY.slice(0, 5).flat()
  const streams = [
    Buffer.from(`${text.join('\r\n')}\r\n`, 'latin1'),
    Buffer.concat(requests.map(([opcode, body], index) => encode(opcode, body, index))),
  ]
  for (const whole of streams) {
    const expected = settled(converse(new MemoryBackend(), [Buffer.from(whole)]).toString('latin1'))
    const bytes = Array.from(whole, (byte) => Buffer.from([byte]))
    assert.ok(expected.length > 1000)
    assert.equal(settled(converse(new MemoryBackend(), bytes).toString('latin1')), expected)
  }
})

async function ask(raw: Buffer): Promise<string> {
  assert.ok(server !== undefined)
  return (await server.ask(raw)).toString('latin1')
}

/** Without what the clock or the server's memory decides. */
function settled(replies: string): string {
  return replies
    .replace(/ t\d+/g, ' tN')
    .replace(/ (l|la=)\d+/g, ' $1N')
    .replace(/ exp=(-?)\d+/g, (_, sign: string) => (sign === '' ? ' exp=N' : ' exp=-N'))
    .replace(/ size=\d+/g, ' size=N')
}

function encode(opcode: number, asked: Asked, opaque: number): Buffer {
  const extras = Buffer.from(asked.extras ?? '', 'hex')
  const key = Buffer.from(asked.key ?? '')
  const value = Buffer.from(asked.value ?? '')
  const header = Buffer.alloc(24)
  header.writeUInt8(0x80, 0)
  header.writeUInt8(opcode, 1)
  header.writeUInt16BE(key.length, 2)
  header.writeUInt8(extras.length, 4)
  header.writeUInt32BE(extras.length + key.length + value.length, 8)
  header.writeUInt32BE(opaque, 12)
  header.writeBigUInt64BE(asked.cas ?? 0n, 16)
  return Buffer.concat([header, extras, key, value])
}

/** Replies as lines, so that a difference can be read. */
function decode(bytes: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const bodyBytes = bytes.readUInt32BE(at + 8)
    const header = bytes.toString('hex', at, at + 24).replace(/(.{8})/g, '$1 ')
    lines.push(`${header}${bytes.toString('latin1', at + 24, at + 24 + bodyBytes)}`)
    at += 24 + bodyBytes
  }
  return lines
}
