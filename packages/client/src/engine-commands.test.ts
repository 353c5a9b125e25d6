import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ByteWriter, RespParser, TextRequestParser } from '@holdfast/protocol'
import { TAG_PREFIXES, TAGS, vbucketOf } from '@holdfast/topology'
import { writeFence, writeOperation, writeWait } from './engine-commands.ts'
import { decideFromReply, holdsBack } from './engine-replies.ts'
import { Operation, type Upstream } from './operation.ts'
import { Outcome } from './outcome.ts'

const UPSTREAM: Upstream = {
  readsOutstanding: new Int32Array(1),
  writesOutstanding: new Int32Array(1),
  slotSettled: () => {},
}
const STAMP = '\x01\x02\x03\x04\x05\x06\x07\x08'
const STORED_STAMP = '\x81\x02\x03\x04\x05\x06\x07\x08'
const TAG = `{${TAGS[183]}}`

function operationOf(text: string, ttlMs = -1): Operation {
  const made: Operation[] = []
  new TextRequestParser().push(Buffer.from(text, 'latin1'), (request) => {
    made.push(new Operation(UPSTREAM, 0).take(request, 0))
  })
  const [operation] = made
  assert.ok(operation, text)
  operation.vBucket = vbucketOf(operation.buf, operation.keyStart, operation.keyEnd)
  operation.ttlMs = ttlMs
  operation.stampHi = 0x01020304
  operation.stampLo = 0x05060708
  return operation
}

function commands(write: (writer: ByteWriter) => void): string[][] {
  const writer = new ByteWriter()
  write(writer)
  const found: string[][] = []
  new RespParser().push(writer.take(), (reply) => {
    found.push(reply.items.map((item) => item.buf.toString('latin1', item.start, item.end)))
  })
  return found
}

function commandOf(operation: Operation): string[] {
  const found = commands((writer) => writeOperation(writer, operation, { valueBytesMax: 99 }))
  assert.equal(found.length, 1)
  return found[0] ?? []
}

describe('an operation as an engine command', () => {
  const item = `\x00\x00\x00\x07${STORED_STAMP}xyz`
  const rows: [request: string, ttlMs: number, command: string[]][] = [
    ['get a', -1, ['GET', `${TAG}a`]],
    ['set a 7 0 3\r\nxyz', -1, ['SET', `${TAG}a`, item]],
    ['set a 7 9 3\r\nxyz', 9000, ['SET', `${TAG}a`, item, 'PX', '9000']],
    ['set a 7 -1 3\r\nxyz', 0, ['DEL', `${TAG}a`]],
    ['add a 7 0 3\r\nxyz', -1, ['SET', `${TAG}a`, item, 'NX']],
    ['add a 7 9 3\r\nxyz', 9000, ['SET', `${TAG}a`, item, 'NX', 'PX', '9000']],
    ['add a 7 -1 3\r\nxyz', 0, ['EXISTS', `${TAG}a`]],
    ['replace a 7 9 3\r\nxyz', 9000, ['SET', `${TAG}a`, item, 'XX', 'PX', '9000']],
    ['replace a 7 -1 3\r\nxyz', 0, ['DEL', `${TAG}a`]],
    ['gat 0 a', -1, ['GETEX', `${TAG}a`, 'PERSIST']],
    ['gat 5 a', 5000, ['GETEX', `${TAG}a`, 'PX', '5000']],
    ['gats -1 a', 0, ['GETDEL', `${TAG}a`]],
    ['touch a 0', -1, ['GETEX', `${TAG}a`, 'PERSIST']],
    ['touch a 5', 5000, ['PEXPIRE', `${TAG}a`, '5000']],
    ['touch a -1', 0, ['DEL', `${TAG}a`]],
    ['delete a', -1, ['DEL', `${TAG}a`]],
    [
      'incr a 18446744073709551615',
      -1,
      ['FCALL', 'holdfast_incr', '1', `${TAG}a`, STAMP, '18446744073709551615', ''],
    ],
    ['decr a 1', -1, ['FCALL', 'holdfast_decr', '1', `${TAG}a`, STAMP, '1', '']],
    [
      'append a 0 0 2\r\nxy',
      -1,
      ['FCALL', 'holdfast_append', '1', `${TAG}a`, STAMP, 'xy', '99', ''],
    ],
    [
      'prepend a 0 0 2\r\nxy',
      -1,
      ['FCALL', 'holdfast_prepend', '1', `${TAG}a`, STAMP, 'xy', '99', ''],
    ],
    [
      'cas a 7 0 3 258\r\nxyz',
      -1,
      ['FCALL', 'holdfast_cas', '1', `${TAG}a`, '\0\0\0\0\0\0\x01\x02', item, '-1', ''],
    ],
    ['flush_all', -1, ['FLUSHALL']],
  ]
  for (const [request, ttlMs, command] of rows) {
    test(request.replace(/\r\n.*/, ''), () => {
      assert.deepEqual(commandOf(operationOf(`${request}\r\n`, ttlMs)), command)
    })
  }

  test('a replayed add looks for its own stamp', () => {
    const operation = operationOf('add a 7 9 3\r\nxyz\r\n', 9000)
    operation.attempts = 1
    assert.deepEqual(commandOf(operation), ['FCALL', 'holdfast_add', '1', `${TAG}a`, item, '9000'])
  })

  test('the fence writes and removes a key that no client can have', () => {
    assert.deepEqual(
      commands((writer) => writeFence(writer, TAG_PREFIXES[183] ?? Buffer.alloc(0))),
      [
        ['SET', TAG, '0'],
        ['DEL', TAG],
      ],
    )
    assert.deepEqual(
      commands((writer) => writeWait(writer, 2, 100)),
      [['WAIT', '2', '100']],
    )
  })
})

describe("an engine's reply as an outcome", () => {
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`
  const rows: [request: string, reply: string, outcome: Outcome, line?: string][] = [
    ['get a', bulk(`\0\0\0\0${STORED_STAMP}x`), Outcome.Hit],
    ['get a', '$-1\r\n', Outcome.Miss],
    ['get a', bulk('foreign'), Outcome.Hit],
    ['set a 0 0 1\r\nx', '+OK\r\n', Outcome.Stored],
    ['set a 0 0 1\r\nx', ':0\r\n', Outcome.Stored],
    ['add a 0 0 1\r\nx', '$-1\r\n', Outcome.NotStored],
    ['replace a 0 0 1\r\nx', '$-1\r\n', Outcome.NotStored],
    ['cas a 0 0 1 5\r\nx', ':1\r\n', Outcome.Stored],
    ['cas a 0 0 1 5\r\nx', ':0\r\n', Outcome.Exists],
    ['cas a 0 0 1 5\r\nx', ':-1\r\n', Outcome.NotFound],
    ['append a 0 0 1\r\nx', ':-1\r\n', Outcome.NotStored],
    ['append a 0 0 1\r\nx', ':-3\r\n', Outcome.Failed, 'SERVER_ERROR object too large for cache'],
    ['incr a 1', bulk('12'), Outcome.Counted],
    ['incr a 1', ':-1\r\n', Outcome.NotFound],
    [
      'incr a 1',
      ':-2\r\n',
      Outcome.Refused,
      'CLIENT_ERROR cannot increment or decrement non-numeric value',
    ],
    ['delete a', ':1\r\n', Outcome.Deleted],
    ['delete a', ':0\r\n', Outcome.NotFound],
    ['touch a 0', bulk('x'), Outcome.Touched],
    ['touch a 5', ':0\r\n', Outcome.NotFound],
    ['flush_all', '+OK\r\n', Outcome.Ok],
    [
      'set a 0 0 1\r\nx',
      '-OOM command not allowed\r\n',
      Outcome.Failed,
      'SERVER_ERROR out of memory storing object',
    ],
    [
      'get a',
      '-WRONGTYPE Operation against\r\n',
      Outcome.Failed,
      'SERVER_ERROR engine: WRONGTYPE Operation against',
    ],
  ]
  for (const [request, reply, outcome, line] of rows) {
    test(`${request.replace(/\r\n.*/, '')}: ${JSON.stringify(reply.slice(0, 30))}`, () => {
      const operation = operationOf(`${request}\r\n`)
      new RespParser().push(Buffer.from(reply, 'latin1'), (parsed) => {
        assert.equal(decideFromReply(operation, parsed), true)
      })
      assert.equal(operation.outcome, outcome)
      assert.equal(operation.line, line ?? '')
    })
  }

  test('what says "not here, not now" holds the operation back', () => {
    for (const text of [
      'MOVED 3 127.0.0.1:1',
      'READONLY You cannot write against a read only replica.',
      'CLUSTERDOWN Hash slot not served',
      'LOADING Redis is loading the dataset in memory',
      'NOREPLICAS Not enough good replicas to write.',
      'UNBLOCKED force unblock from blocking operation',
      'ERR Function not found',
    ]) {
      assert.equal(holdsBack(text), true, text)
    }
    for (const text of ['OOM', 'ERR syntax error', 'WRONGTYPE', 'NOPERM this user']) {
      assert.equal(holdsBack(text), false, text)
    }
  })

  test('a delete that once removed the item stays a delete', () => {
    const operation = operationOf('delete a\r\n')
    for (const reply of [':1\r\n', ':0\r\n']) {
      new RespParser().push(Buffer.from(reply), (parsed) => decideFromReply(operation, parsed))
      assert.equal(operation.outcome, Outcome.Deleted)
    }
  })
})
