import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteByByte, cut, cutBytes, protocolNoise } from './chunking.test.ts'
import { REPLY_BYTES_MAX } from './limits.ts'
import { ProtocolError } from './protocol-error.ts'
import { type TextReply, TextReplyParser } from './text-reply-parser.ts'

function parse(chunks: readonly Buffer[]): TextReply[] {
  const parser = new TextReplyParser({ valueBytesMax: 1000 })
  const seen: TextReply[] = []
  for (const chunk of chunks) parser.push(chunk, (reply) => seen.push(reply))
  return seen
}

const bytes = (text: string): Buffer => Buffer.from(text)

const CASES: readonly [input: string, expected: TextReply][] = [
  ['END\r\n', { type: 'values', items: [] }],
  [
    'VALUE k 5 3\r\nabc\r\nEND\r\n',
    { type: 'values', items: [{ key: 'k', flags: 5, value: bytes('abc') }] },
  ],
  [
    'VALUE ä 4294967295 0 18446744073709551615\r\n\r\nVALUE b 0 7 2\r\nEND\r\nxy\r\nEND\r\n',
    {
      type: 'values',
      items: [
        { key: 'ä', flags: 4294967295, value: bytes(''), cas: '18446744073709551615' },
        { key: 'b', flags: 0, value: bytes('END\r\nxy'), cas: '2' },
      ],
    },
  ],
  ['STORED\r\n', { type: 'status', status: 'STORED' }],
  ['NOT_STORED\r\n', { type: 'status', status: 'NOT_STORED' }],
  ['EXISTS\r\n', { type: 'status', status: 'EXISTS' }],
  ['NOT_FOUND\r\n', { type: 'status', status: 'NOT_FOUND' }],
  ['DELETED\r\n', { type: 'status', status: 'DELETED' }],
  ['TOUCHED\r\n', { type: 'status', status: 'TOUCHED' }],
  ['OK\r\n', { type: 'status', status: 'OK' }],
  ['18446744073709551615\r\n', { type: 'number', value: 18446744073709551615n }],
  ['9  \r\n', { type: 'number', value: 9n }],
  ['VERSION 1.6.18\r\n', { type: 'version', version: '1.6.18' }],
  [
    'STAT pid 1\r\nSTAT empty \r\nSTAT a b c\r\nEND\r\n',
    {
      type: 'stats',
      stats: new Map([
        ['pid', '1'],
        ['empty', ''],
        ['a', 'b c'],
      ]),
    },
  ],
  ['ERROR\r\n', { type: 'error', kind: 'ERROR', message: '' }],
  ['CLIENT_ERROR bad\r\n', { type: 'error', kind: 'CLIENT_ERROR', message: 'bad' }],
  ['SERVER_ERROR no room \r\n', { type: 'error', kind: 'SERVER_ERROR', message: 'no room' }],
  ['SERVER_ERROR \n', { type: 'error', kind: 'SERVER_ERROR', message: '' }],
  [
    'VALUE k 0 1\r\na\r\nSERVER_ERROR broken off\r\n',
    { type: 'error', kind: 'SERVER_ERROR', message: 'broken off' },
  ],
]

test('every reply is read alike whole, byte by byte and glued to the next one', () => {
  for (const [input, expected] of CASES) {
    assert.deepEqual(parse([bytes(input)]), [expected], input)
    assert.deepEqual(parse(byteByByte(bytes(input))), [expected], input)
    for (const [next, nextExpected] of CASES) {
      assert.deepEqual(parse([bytes(input + next)]), [expected, nextExpected], input + next)
    }
  }
})

test('any split of many replies gives what the whole gives', () => {
  const streams = fc.tuple(
    fc.array(fc.constantFrom(...CASES), { maxLength: 10 }),
    fc.array(fc.nat(), { maxLength: 10 }),
  )
  fc.assert(
    fc.property(streams, ([cases, places]) => {
      const chunks = cut(bytes(cases.map(([input]) => input).join('')), places)
      assert.deepEqual(
        parse(chunks),
        cases.map(([, expected]) => expected),
      )
    }),
  )
})

test('noise is read or refused with a ProtocolError', () => {
  const words = ['VALUE ', 'k ', '0 ', '3', '\r\n', 'abc', 'END\r\n', 'STAT a b\r\n', 'OK\r\n', '7']
  fc.assert(
    fc.property(cutBytes(protocolNoise(words)), ({ chunks }) => {
      try {
        assert.ok(Array.isArray(parse(chunks)))
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
      }
    }),
    { numRuns: 500 },
  )
})

test('what is no reply throws a ProtocolError', () => {
  const inputs = [
    '\r\n',
    'HELLO\r\n',
    'VALUE k 0\r\n',
    'VALUE k x 1\r\n',
    'VALUE k 0 1001\r\n',
    'x'.repeat(9000),
    'VALUE k 0 1\r\nab\r\n',
    'VALUE k 0 1 2 3\r\n',
    'VALUE  0 1\r\n',
    'VALUE k 4294967296 1\r\n',
    'VALUE k 0 1\r\na\r\nSTORED\r\n',
    'STAT a b\r\nVALUE k 0 1\r\n',
    `VALUE ${'k'.repeat(800)} 0 1\r\n`,
  ]
  for (const input of inputs) {
    assert.throws(() => parse([bytes(input)]), ProtocolError, JSON.stringify(input.slice(0, 30)))
    assert.throws(() => parse(byteByByte(bytes(input))), ProtocolError)
  }
})

test('the values of one reply are bounded together, those of several are not', () => {
  const parser = new TextReplyParser({ valueBytesMax: REPLY_BYTES_MAX })
  const push = (text: string): void => parser.push(bytes(text), () => {})
  const announced = `VALUE k 0 ${REPLY_BYTES_MAX}\r\n`
  push('VALUE k 0 1\r\na\r\nEND\r\nVALUE k 0 1\r\na\r\n')
  assert.throws(() => push(announced), ProtocolError)
  new TextReplyParser({ valueBytesMax: REPLY_BYTES_MAX }).push(bytes(announced), () =>
    assert.fail(),
  )
})

test('a refused line is not quoted in the message, it may hold a session', () => {
  assert.throws(
    () => parse([bytes('secret-value\r\n')]),
    (error: unknown) => error instanceof ProtocolError && !error.message.includes('secret'),
  )
})
