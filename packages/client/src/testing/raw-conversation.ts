// A server side connection without sockets: raw bytes in, raw reply bytes out, by the parsers and
// reply writers of every dialect over a backend that answers at once. What a proxy answers itself
// is answered as memcached would.

import {
  BINARY_REQUEST_MAGIC,
  BinaryRequestParser,
  BinaryStatus,
  ByteWriter,
  Dialect,
  type MemcachedRequest,
  Op,
  TextRequestParser,
  writeBinaryStatus,
} from '@holdfast/protocol'
import { submitRequest } from '../accept.ts'
import type { Backend } from '../backend.ts'
import { UPSTREAM_ORDER_SHARDS, type Upstream } from '../operation.ts'

/** memcached's item limit, less what its own item needs. */
const VALUE_BYTES_MAX = 1_000_000
const VERSION = '1.6.18'

const UPSTREAM: Upstream = {
  readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  slotSettled() {},
}

/** The replies to all requests in `chunks`, up to a quit or a fatal error. */
export function converse(backend: Backend, chunks: readonly Buffer[]): Buffer {
  const isBinary = chunks[0]?.[0] === BINARY_REQUEST_MAGIC
  const options = { valueBytesMax: VALUE_BYTES_MAX }
  const parser = isBinary ? new BinaryRequestParser(options) : new TextRequestParser(options)
  const writer = new ByteWriter()
  for (const chunk of chunks) {
    parser.push(chunk, (request) => {
      if (request.keyCount > 0 || request.op === Op.FlushAll) {
        submitRequest(backend, request, UPSTREAM, Number.POSITIVE_INFINITY).writeReply(writer)
      } else if (request.dialect === Dialect.Binary) {
        answerBinary(request, writer)
      } else if (!request.noreply || request.fatal) {
        writer.ascii(textAnswer(request))
      }
    })
  }
  return Buffer.from(writer.take())
}

function answerBinary(request: MemcachedRequest, writer: ByteWriter): void {
  switch (request.op) {
    case Op.Invalid:
      writeBinaryStatus(writer, request, request.errorStatus, request.error)
      break
    case Op.Noop:
    case Op.Quit:
      if (!request.quiet) writeBinaryStatus(writer, request, BinaryStatus.Success)
      break
    case Op.Version:
      writeBinaryStatus(writer, request, BinaryStatus.Success, VERSION)
      break
    default:
      writeBinaryStatus(writer, request, BinaryStatus.UnknownCommand)
  }
}

function textAnswer(request: MemcachedRequest): string {
  switch (request.op) {
    case Op.Invalid:
      return `${request.error}\r\n`
    case Op.Noop:
      return 'MN\r\n'
    case Op.Version:
      return `VERSION ${VERSION}\r\n`
    case Op.Quit:
      return ''
    default:
      return 'OK\r\n'
  }
}
