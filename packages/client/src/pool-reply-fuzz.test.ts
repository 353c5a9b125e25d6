import assert from 'node:assert/strict'
import { Dialect, Extra, Op, ProtocolError, TextRequestParser } from '@holdfast/protocol'
import {
  type CutStream,
  checkStream,
  cutStreams,
  damagedBytes,
  fuzz,
  metaReplies,
  type StreamSubject,
  textReplies,
} from '@holdfast/protocol/testing'
import fc from 'fast-check'
import { Operation, UPSTREAM_ORDER_SHARDS } from './operation.ts'
import { Outcome } from './outcome.ts'
import { InFlight, ReplyShape } from './pool-in-flight.ts'
import { PoolReplyParser } from './pool-reply-parser.ts'

const VALUE_BYTES_MAX = 2000
const REPLY_LINE_BYTES_MAX = 8192

interface Conversation {
  readonly requests: string
  readonly stream: CutStream
}

const TEXT_REQUESTS = [
  ...['get a\r\n', 'get a b\r\n', 'gets a b key a:b\r\n', 'get a a\r\n', 'delete a\r\n'],
  ...['set a 0 0 1\r\nx\r\n', 'cas a 0 0 1 1\r\nx\r\n', 'incr a 1\r\n', 'touch a 1\r\n'],
  ...['gat 5 a b\r\n', 'flush_all\r\n'],
]
const META_REQUESTS = [
  ...[
    'mg a v f c\r\n',
    'mg a\r\n',
    'mg a s t h l\r\n',
    'ms a 1\r\nx\r\n',
    'ma a v\r\n',
    'md a\r\n',
  ],
  ...['me a\r\n', 'mg a N30 R5 v\r\n'],
]

fuzz<Conversation>({
  name: 'pool-text-reply',
  inputs: conversations(TEXT_REQUESTS, textReplies()),
  check: checkConversation,
})

fuzz<Conversation>({
  name: 'pool-meta-reply',
  inputs: conversations(META_REQUESTS, metaReplies()),
  check: checkConversation,
})

function conversations(
  requests: readonly string[],
  reply: fc.Arbitrary<Buffer>,
): fc.Arbitrary<Conversation> {
  return fc.record({
    requests: fc
      .array(fc.constantFrom(...requests), { minLength: 1, maxLength: 6 })
      .map((lines) => lines.join('')),
    stream: cutStreams(damagedBytes(reply)),
  })
}

function checkConversation({ requests, stream }: Conversation): void {
  checkStream(stream, {
    open: () => new PoolSubject(requests),
    bufferedBytesMax: Math.max(REPLY_LINE_BYTES_MAX, REPLY_LINE_BYTES_MAX + VALUE_BYTES_MAX),
    error: ProtocolError,
  })
}

/** Operations in flight; tells how each came out, in the order in which they were settled. */
class PoolSubject implements StreamSubject {
  readonly told: string[] = []
  readonly #parser: PoolReplyParser
  readonly #upstream = {
    readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
    writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
    slotSettled: (slot: unknown) => {
      if (slot instanceof Operation) this.told.push(describe(slot))
    },
  }

  constructor(requests: string) {
    const inFlight = new InFlight()
    this.#parser = new PoolReplyParser({
      inFlight,
      valueBytesMax: VALUE_BYTES_MAX,
      onGreeting: (line) => this.told.push(line),
      onMetaSpoken: (spoken) => this.told.push(`meta ${spoken}`),
    })
    new TextRequestParser().push(Buffer.from(requests), (request) => {
      const isText = request.dialect === Dialect.Text
      const reads = request.op >= Op.Get && request.op <= Op.Gats
      const textShape = reads ? ReplyShape.Value : ReplyShape.Line
      for (let i = 0; i < Math.max(1, request.keyCount); i++) {
        const operation = new Operation(this.#upstream, Number.POSITIVE_INFINITY).take(request, i)
        inFlight.push(operation, isText ? textShape : ReplyShape.Meta)
      }
      if (isText && reads) inFlight.endGroup()
    })
  }

  get bufferedBytes(): number {
    return this.#parser.bufferedBytes
  }

  push(chunk: Buffer): void {
    this.#parser.push(chunk)
  }
}

function describe(operation: Operation): string {
  const { kind, outcome, line, resultFlags, resultCasHi, resultCasLo } = operation
  assert.ok(resultFlags >= 0 && resultFlags <= 0xffff_ffff, `flags ${resultFlags}`)
  assert.ok(Number.isSafeInteger(operation.resultTtlSeconds), 'seconds to live')
  assert.ok(operation.resultStart >= 0 && operation.resultEnd >= operation.resultStart, 'value')
  const raw = operation.resultBuf.toString('latin1', operation.rawStart, operation.rawEnd)
  if (outcome === Outcome.Hit && raw !== '') assert.match(raw, RAW_ITEM)
  const { resultBuf, resultStart, resultEnd } = operation
  // Where only the length was asked for, nothing else is told.
  const onlyLength = kind === Op.Debug || (operation.extras & Extra.NoValue) !== 0
  if (!onlyLength) assert.ok(resultEnd <= resultBuf.length, 'value within its buffer')
  const value = onlyLength ? resultEnd : resultBuf.toString('latin1', resultStart, resultEnd)
  const { resultTtlSeconds, resultAccessSeconds, resultMarks } = operation
  const numbers = [resultFlags, resultCasHi, resultCasLo, resultTtlSeconds, resultAccessSeconds]
  return JSON.stringify([kind, outcome, line, ...numbers, resultMarks, value, raw])
}

/** What an application is given as it came has to be what memcached would say. */
const RAW_ITEM = /^VALUE [^\0-\x20]{1,250} \d{1,10} \d{1,10}(?: \d{1,20})?\r\n.*\r\n$/s
