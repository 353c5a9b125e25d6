// What a pool answers, in every dialect and over every protocol, beside what memcached itself says
// to the same bytes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BINARY_HEADER_BYTES,
  ByteWriter,
  Opcode,
  writeBinaryRequestHeader,
} from '@holdfast/protocol'
import { MemcachedPool, type MemcachedPoolOptions } from './memcached-pool.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

const turn = new Turn()
const set = (key: string, value: string, words = '0 0'): string =>
  `set ${key} ${words} ${value.length}\r\n${value}\r\n`

/** The same requests to a pool of one server and to another server directly. */
async function compare(
  options: Omit<MemcachedPoolOptions, 'turn' | 'servers'>,
  requests: readonly string[],
): Promise<void> {
  const [behind, direct] = await Promise.all([MemcachedProcess.start(), MemcachedProcess.start()])
  const pool = new MemcachedPool({ turn, servers: [behind.member], ...options })
  const upstream = new TextUpstream(pool, turn)
  try {
    for (const request of requests) await upstream.ask(request)
    const quit = upstream.output.charCodeAt(0) === 0x81 ? binary(Opcode.Quit, '') : 'quit\r\n'
    const raw = Buffer.from([...requests, quit].join(''), 'latin1')
    const answer = (await direct.ask(raw)).toString('latin1')
    const expected = quit === 'quit\r\n' ? answer : answer.slice(0, -BINARY_HEADER_BYTES)
    assert.equal(upstream.output, expected)
  } finally {
    upstream.close()
    await pool.stop()
    await Promise.all([behind.kill(), direct.kill()])
  }
}

const TEXT = [
  ...[set('a', 'abc', '4294967295 0'), 'get a\r\n', 'gets a none a\r\n', 'gat 100 a none\r\n'],
  ...['gats 0 a\r\n', 'touch a 50\r\n', 'touch none 1\r\n', 'delete a\r\n', 'delete a\r\n'],
  ...['add a 1 0 1\r\nx\r\n', 'add a 1 0 1\r\ny\r\n', 'replace none 0 0 1\r\nx\r\n', 'gets a\r\n'],
  ...[
    'append a 0 0 2\r\nyz\r\n',
    'prepend a 0 0 1\r\nw\r\n',
    'append none 0 0 1\r\nx\r\n',
    'get a\r\n',
  ],
  ...[
    'cas a 0 0 1 5\r\nc\r\n',
    'cas a 0 0 1 1\r\nc\r\n',
    'cas none 0 0 1 1\r\nc\r\n',
    'incr a 1\r\n',
  ],
  ...[
    set('n', '18446744073709551615'),
    'incr n 2\r\n',
    'decr n 10\r\n',
    'get n\r\n',
    'incr none 1\r\n',
  ],
  ...[set('gone', 'x', '0 -1'), 'get gone\r\n', set('big', 'x'.repeat(1_200_000)), 'get big\r\n'],
  ...[
    set('m', 'x'.repeat(900_000)),
    'get m n m\r\n',
    set('e', ''),
    'get e\r\n',
    'flush_all\r\n',
    'get n\r\n',
  ],
]

const META = [
  ...[
    'ms m 3 c F7 T100\r\nabc\r\n',
    'mg m v f c t s k O9\r\n',
    'mg m\r\n',
    'mg m h l t\r\n',
    'mg m s f\r\n',
  ],
  ...['mg none v k\r\n', 'mg none\r\n', 'mg none v q\r\n', 'mg m v q\r\n', 'ms m 1 C1 c\r\nx\r\n'],
  ...[
    'ms none 1 C1 c\r\nx\r\n',
    'ms m 2 ME c\r\nxy\r\n',
    'ms m 2 MA c k\r\nde\r\n',
    'ms m 1 MP q\r\n>\r\n',
  ],
  ...[
    'ms none 1 MR\r\nx\r\n',
    'mg m v c\r\n',
    'ma n N0 J5 v c t\r\n',
    'ma n v c D10\r\n',
    'ma n MD D100 v\r\n',
  ],
  ...[
    'ma n q\r\n',
    'ma m v\r\n',
    'ma none\r\n',
    'ma n T60 t\r\n',
    'ma n t T80\r\n',
    'ma n5 t N50\r\n',
    'md none q\r\n',
    'md none k O1\r\n',
  ],
  ...[
    'md m I T30\r\n',
    'mg m v c t\r\n',
    'mg m v c t\r\n',
    'ms m 1 C1 I c\r\nz\r\n',
    'mg m v\r\n',
    'md m C1\r\n',
  ],
  ...['mg lock N30 v t\r\n', 'mg lock v c\r\n', 'mg lock R100 v\r\n', 'md lock\r\n', 'md lock\r\n'],
  ...['ms a2V5IGtleQ== 2 b k c\r\nok\r\n', 'mg a2V5IGtleQ== b k v\r\n', 'md a2V5IGtleQ== b q\r\n'],
  ...[
    'mg n T70 t v\r\n',
    ...['mg n t T50 v\r\n', 'mg m2 t N9 v\r\n'],
    'mg n E9 v\r\n',
    'me none\r\n',
    'get n m\r\n',
    'gets n\r\n',
    'mg m u v\r\n',
  ],
]

test('text requests are answered as memcached itself answers them', async () => {
  await compare({}, TEXT)
})

test('text requests over meta commands are answered as memcached itself answers them', async () => {
  await compare({ protocol: 'meta' }, TEXT)
})

test('meta requests are answered as memcached itself answers them', async () => {
  // 1.6.18 does not know E; the rest of the table holds for what it knows.
  await compare({}, META)
  await compare({ protocol: 'meta' }, META)
})

/** One binary request; `extras` and `value` as latin1. */
function binary(
  opcode: number,
  key: string,
  { extras = '', value = '', casLo = 0 }: { extras?: string; value?: string; casLo?: number } = {},
): string {
  const writer = new ByteWriter()
  writeBinaryRequestHeader(writer, {
    opcode,
    keyBytes: key.length,
    extrasBytes: extras.length,
    vBucketOrStatus: 0,
    bodyBytes: extras.length + key.length + value.length,
    opaque: 0xabcdef01,
    casHi: 0,
    casLo,
  })
  writer.bytes(Buffer.from(extras + key + value, 'latin1'))
  return writer.take().toString('latin1')
}

test('binary requests are answered as memcached itself answers them, blanks in keys included', async () => {
  const store = { extras: '\0\0\0\x07\0\0\0\0', value: 'abc' }
  const count = { extras: `${'\0'.repeat(7)}\x05${'\0'.repeat(7)}\x09\0\0\0\0` }
  const noVivify = { extras: `${'\0'.repeat(7)}\x05${'\0'.repeat(8)}\xff\xff\xff\xff` }
  const expiry = { extras: '\0\0\0\x64' }
  await compare({}, [
    ...[binary(Opcode.Set, 'a', store), binary(Opcode.Get, 'a'), binary(Opcode.GetK, 'a')],
    ...[
      binary(Opcode.Set, 'a', { ...store, casLo: 1 }),
      binary(Opcode.Set, 'a', { ...store, casLo: 1 }),
    ],
    ...[binary(Opcode.Add, 'a', store), binary(Opcode.Add, 'b', store), binary(Opcode.Get, 'none')],
    ...[binary(Opcode.GetQ, 'none'), binary(Opcode.GetKQ, 'a'), binary(Opcode.SetQ, 'a', store)],
    ...[binary(Opcode.Replace, 'none', store), binary(Opcode.Append, 'a', { value: 'd' })],
    ...[binary(Opcode.Prepend, 'none', { value: 'd' }), binary(Opcode.Get, 'a')],
    ...[binary(Opcode.Incr, 'n', noVivify), binary(Opcode.Incr, 'n', count)],
    ...[
      binary(Opcode.Incr, 'n', count),
      binary(Opcode.Decr, 'n', count),
      binary(Opcode.Incr, 'a', count),
    ],
    ...[
      binary(Opcode.Touch, 'a', expiry),
      binary(Opcode.Gat, 'a', expiry),
      binary(Opcode.GatK, 'none', expiry),
    ],
    ...[
      binary(Opcode.Delete, 'b', { casLo: 99 }),
      binary(Opcode.Delete, 'b'),
      binary(Opcode.Delete, 'b'),
    ],
    ...[binary(Opcode.Set, 'key with\r\nblanks', store), binary(Opcode.GetK, 'key with\r\nblanks')],
  ])
})

test('requests over a binary downstream are answered as memcached itself answers them', async () => {
  await compare({ protocol: 'binary' }, TEXT)
})
