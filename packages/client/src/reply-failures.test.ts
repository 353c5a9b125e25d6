// What memcached cannot be made to say: failures, and what quiet and noreply leave out of them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryRequestParser, ByteWriter, TextRequestParser } from '@holdfast/protocol'
import { Operation, UPSTREAM_ORDER_SHARDS, type Upstream } from './operation.ts'
import { Outcome } from './outcome.ts'

const UPSTREAM: Upstream = {
  readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  slotSettled() {},
}

function operationOf(raw: Buffer): Operation {
  const operation = new Operation(UPSTREAM, 0)
  const parser = raw[0] === 0x80 ? new BinaryRequestParser() : new TextRequestParser()
  parser.push(raw, (request) => operation.take(request, 0))
  return operation
}

function replyTo(raw: Buffer, outcome: Outcome, line = ''): Buffer {
  const operation = operationOf(raw)
  operation.decide(outcome, line)
  operation.settle()
  const writer = new ByteWriter()
  operation.writeReply(writer)
  return Buffer.from(writer.take())
}

/** SETQ or GETQ of `k`, opaque 0xabcd. */
function binary(opcode: number): Buffer {
  const extras = opcode === 0x11 ? 8 : 0
  const header = Buffer.alloc(24 + extras + 1)
  header[0] = 0x80
  header[1] = opcode
  header[3] = 1
  header[4] = extras
  header[11] = extras + 1
  header.writeUInt32BE(0xabcd, 12)
  header.write('k', 24 + extras)
  return header
}

test('a failure reaches a binary client as status and text, whatever the opcode leaves out', () => {
  const cases: [line: string, status: number, text: string][] = [
    ['SERVER_ERROR object too large for cache', 0x03, 'Too large.'],
    ['SERVER_ERROR out of memory storing object', 0x82, 'Out of memory'],
    [
      'CLIENT_ERROR cannot increment or decrement non-numeric value',
      0x06,
      'Non-numeric server-side value for incr or decr',
    ],
    ['SERVER_ERROR unauthorized, null bucket', 0x20, 'Auth failure.'],
    ['SERVER_ERROR proxy downstream timeout', 0x85, 'proxy downstream timeout'],
    ['SERVER_ERROR proxy hold queue full', 0x85, 'proxy hold queue full'],
    ['SERVER_ERROR temporary failure', 0x86, 'temporary failure'],
    ['SERVER_ERROR degraded: write refused', 0x86, 'degraded: write refused'],
    ['SERVER_ERROR proxy downstream closed', 0x84, 'proxy downstream closed'],
    ['CLIENT_ERROR no', 0x04, 'no'],
  ]
  for (const opcode of [0x00, 0x09, 0x11]) {
    for (const [line, status, text] of cases) {
      const reply = replyTo(binary(opcode), Outcome.Failed, line)
      assert.equal(reply.readUInt16BE(6), status, line)
      assert.equal(reply[0], 0x81)
      assert.equal(reply[1], opcode)
      assert.equal(reply.readUInt32BE(12), 0xabcd)
      assert.equal(reply.readUInt32BE(8), text.length)
      assert.equal(reply.toString('latin1', 24), text)
    }
  }
})

test('a failure reaches text and meta clients as its line, in quiet mode too', () => {
  const line = 'SERVER_ERROR proxy downstream timeout'
  for (const raw of ['get k', 'mg k v q', 'md k q O1', 'ma k q', 'me k', 'touch k 1']) {
    assert.equal(replyTo(Buffer.from(`${raw}\r\n`), Outcome.Failed, line).toString(), `${line}\r\n`)
  }
})

test('noreply gets nothing, not even a failure', () => {
  for (const raw of [
    'delete k noreply\r\n',
    'set k 0 0 1 noreply\r\nx\r\n',
    'incr k 1 noreply\r\n',
  ]) {
    assert.equal(replyTo(Buffer.from(raw), Outcome.Failed, 'SERVER_ERROR x').length, 0)
    assert.equal(replyTo(Buffer.from(raw), Outcome.Stored).length, 0)
  }
})

test('an ms that asks for the size learns it where it is known', () => {
  const stored = (line: string) =>
    replyTo(Buffer.from(`${line}\r\nabc\r\n`), Outcome.Stored).toString()
  assert.equal(stored('ms k 3 s k'), 'HD s3 kk\r\n')
  assert.equal(stored('ms k 3 MA s'), 'HD\r\n')
  assert.equal(replyTo(Buffer.from('ms k 3 s C1\r\nabc\r\n'), Outcome.Exists).toString(), 'EX\r\n')
})
