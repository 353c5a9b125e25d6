import { BinaryReplyParser } from './binary-reply-parser.ts'
import { BinaryRequestParser } from './binary-request-parser.ts'
import {
  KEY_BYTES_MAX,
  LINE_BYTES_MAX,
  REPLY_LINE_BYTES_MAX,
  RESP_LINE_BYTES_MAX,
} from './limits.ts'
import { ProtocolError } from './protocol-error.ts'
import { RespKind, RespParser, type RespReply } from './resp.ts'
import {
  binaryReplies,
  binaryRequests,
  respReplies,
  vBucketRequests,
} from './testing/binary-grammar.ts'
import { describeRequest } from './testing/described-request.ts'
import { fuzz } from './testing/fuzz.ts'
import { damagedBytes } from './testing/mutate.ts'
import {
  type CutStream,
  checkStream,
  cutStreams,
  type StreamSubject,
} from './testing/stream-check.ts'
import { textReplies, textRequests } from './testing/text-grammar.ts'
import { TextReplyParser } from './text-reply-parser.ts'
import { TextRequestParser } from './text-request-parser.ts'

/** Small, so that inputs of some kilobytes get beyond it. */
const VALUE_BYTES_MAX = 2000
const REQUEST_HEAD_BYTES_MAX = 4096
/** What a reply holds beside its value: header, extras, key. */
const BODY_BEYOND_VALUE_BYTES = 64 * 1024

fuzz<CutStream>({
  name: 'text-request',
  inputs: cutStreams(damagedBytes(textRequests())),
  check: (stream) =>
    checkStream(stream, {
      open: () => requestSubject(new TextRequestParser({ valueBytesMax: VALUE_BYTES_MAX })),
      bufferedBytesMax: Math.max(LINE_BYTES_MAX, REQUEST_HEAD_BYTES_MAX + VALUE_BYTES_MAX),
    }),
})

fuzz<CutStream>({
  name: 'binary-request',
  inputs: cutStreams(damagedBytes(binaryRequests())),
  check: (stream) =>
    checkStream(stream, {
      open: () => requestSubject(new BinaryRequestParser({ valueBytesMax: VALUE_BYTES_MAX })),
      bufferedBytesMax: 24 + 255 + KEY_BYTES_MAX + Math.max(VALUE_BYTES_MAX, 4096),
    }),
})

fuzz<CutStream>({
  name: 'vbucket-request',
  inputs: cutStreams(damagedBytes(vBucketRequests())),
  check: (stream) =>
    checkStream(stream, {
      open: () => {
        const options = { valueBytesMax: VALUE_BYTES_MAX, vBuckets: true }
        return requestSubject(new BinaryRequestParser(options))
      },
      bufferedBytesMax: 24 + 255 + 255 + KEY_BYTES_MAX + 32 * 1024,
    }),
})

fuzz<CutStream>({
  name: 'text-reply',
  inputs: cutStreams(damagedBytes(textReplies())),
  check: (stream) =>
    checkStream(stream, {
      open: () => {
        const parser = new TextReplyParser({ valueBytesMax: VALUE_BYTES_MAX })
        return subject(parser, (chunk, tell) => {
          parser.push(chunk, (reply) => tell(JSON.stringify(reply, shown)))
        })
      },
      bufferedBytesMax: Math.max(REPLY_LINE_BYTES_MAX, VALUE_BYTES_MAX + 2),
      error: ProtocolError,
    }),
})

fuzz<CutStream>({
  name: 'binary-reply',
  inputs: cutStreams(damagedBytes(binaryReplies())),
  check: (stream) =>
    checkStream(stream, {
      open: () => {
        const parser = new BinaryReplyParser({ valueBytesMax: VALUE_BYTES_MAX })
        return subject(parser, (chunk, tell) => {
          parser.push(chunk, ({ buf, extrasStart, keyStart, valueStart, valueEnd, ...fields }) => {
            const parts = [
              buf.toString('hex', extrasStart, keyStart),
              buf.toString('hex', keyStart, valueStart),
              buf.toString('hex', valueStart, valueEnd),
            ]
            tell(JSON.stringify([fields, parts]))
          })
        })
      },
      bufferedBytesMax: 24 + VALUE_BYTES_MAX + BODY_BEYOND_VALUE_BYTES,
      error: ProtocolError,
    }),
})

fuzz<CutStream>({
  name: 'resp',
  inputs: cutStreams(damagedBytes(respReplies())),
  check: (stream) =>
    checkStream(stream, {
      open: () => {
        const parser = new RespParser({ bulkBytesMax: VALUE_BYTES_MAX })
        return subject(parser, (chunk, tell) => {
          parser.push(chunk, (reply) => tell(describeResp(reply)))
        })
      },
      bufferedBytesMax: RESP_LINE_BYTES_MAX + 3,
      error: ProtocolError,
    }),
})

type RequestParser = TextRequestParser | BinaryRequestParser

function requestSubject(parser: RequestParser): StreamSubject {
  return subject(parser, (chunk, tell) => {
    parser.push(chunk, (request) => tell(describeRequest(request)))
  })
}

function subject(
  parser: { readonly bufferedBytes: number },
  push: (chunk: Buffer, tell: (text: string) => void) => void,
): StreamSubject {
  const told: string[] = []
  return {
    told,
    get bufferedBytes() {
      return parser.bufferedBytes
    },
    push: (chunk) => push(chunk, (text) => told.push(text)),
  }
}

function describeResp(reply: RespReply): string {
  if (reply.kind === RespKind.Array) return `[${reply.items.map(describeResp).join(' ')}]`
  const text = reply.buf.toString('latin1', reply.start, reply.end)
  return `${reply.kind} ${reply.kind === RespKind.Int ? reply.int : ''} ${JSON.stringify(text)}`
}

function shown(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Map ? [...value] : value
}
