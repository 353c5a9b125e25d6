import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { Gather, Operation, Outcome, UPSTREAM_ORDER_SHARDS, type Upstream } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { pino } from 'pino'
import { SlowLog, type SlowLogOptions } from './slow-log.ts'

const upstream: Upstream = {
  readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  slotSettled: () => {},
}

function slowLog(options: Partial<SlowLogOptions> = {}): { log: SlowLog; lines: string[] } {
  const lines: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  return { log: new SlowLog({ slowMs: 250, logger: pino(stream), ...options }), lines }
}

function operation(key: string, outcome: Outcome, line = ''): Operation {
  const made = new Operation(upstream, 0)
  made.kind = Op.Get
  made.buf = Buffer.from(key)
  made.keyEnd = made.buf.length
  made.decide(outcome, line)
  made.resultEnd = 5
  return made
}

test('a line says what was slow, with a hash in the place of the key', () => {
  const { log, lines } = slowLog()
  log.see(operation('session-secret', Outcome.Hit), 312.34, 'default')
  assert.equal(lines.length, 1)
  assert.ok(!lines[0]?.includes('session-secret'))
  const { bucket, ms, command, keyHash, bytesOut, outcome, msg } = JSON.parse(lines[0] ?? '')
  const hash = createHash('sha256').update('session-secret').digest('hex').slice(0, 12)
  assert.deepEqual(
    { bucket, ms, command, keyHash, bytesOut, outcome, msg },
    {
      bucket: 'default',
      ms: 312.3,
      command: 'Get',
      keyHash: hash,
      bytesOut: 5,
      outcome: 'Hit',
      msg: 'slow request',
    },
  )
})

test('keys are written where that is asked for', () => {
  const { log, lines } = slowLog({ keys: true })
  log.see(operation('k1', Outcome.Miss), 300, 'b')
  assert.equal(JSON.parse(lines[0] ?? '').key, 'k1')
})

test('of a request for several keys the line is about the one that failed', () => {
  const { log, lines } = slowLog({ keys: true })
  const gather = new Gather(upstream, 0)
  gather.begin([
    operation('k1', Outcome.Hit),
    operation('k2', Outcome.Failed, 'SERVER_ERROR proxy downstream timeout'),
  ])
  log.see(gather, 300, 'b')
  const { key, keyCount, line } = JSON.parse(lines[0] ?? '')
  assert.deepEqual([key, keyCount, line], ['k2', 2, 'SERVER_ERROR proxy downstream timeout'])
})

test('beyond some lines a second requests are only counted', () => {
  const { log, lines } = slowLog()
  for (let i = 0; i < 1000; i++) log.see(operation('k', Outcome.Miss), 300, 'b')
  const { seen, suppressed } = log.counts()
  assert.equal(seen, 1000)
  assert.equal(lines.length + suppressed, 1000)
  assert.ok(suppressed > 900)
})

test('a threshold of 0 turns it off', () => {
  assert.equal(slowLog({ slowMs: 0 }).log.thresholdMs, Number.POSITIVE_INFINITY)
})
