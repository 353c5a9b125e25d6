// Reads one binary request into the reused MemcachedRequest: first the header alone, by which it is
// accepted or refused before its body has arrived, then key, extras and value.
// binary-request-parser.ts finds the requests in the stream.
//
// Which bad request is answered and which also ends the connection is memcached 1.6.18's behaviour,
// compared against it in the tests of the replies. Deliberate differences: a body behind the key of
// touch, gat or stat is refused (memcached reads it as the next request), the body of an unknown
// opcode is skipped exactly, a wrong magic gets a reply before the connection is closed, and
// verbosity is known. The vBucket field and the data type are handed on as they are.
//
// With `vBuckets` it reads what clients send to a vBucket port: Couchbase's opcodes and requests
// with frames as well (binary-frames.ts).

import {
  BINARY_FLEXIBLE_REQUEST_MAGIC,
  BINARY_HEADER_BYTES,
  BINARY_REQUEST_MAGIC,
  type BinaryHeader,
  BinaryOffset,
  BinaryStatus,
  createBinaryHeader,
  NO_VIVIFY_EXPTIME,
  readBinaryHeader,
  readUint32,
} from './binary.ts'
import { readFrames } from './binary-frames.ts'
import { formOf, isReplication, type OpcodeForm } from './binary-request-opcodes.ts'
import { KEY_BYTES_MAX } from './limits.ts'
import {
  createRequest,
  Dialect,
  Extra,
  type MemcachedRequest,
  Op,
  refuseRequest,
} from './request.ts'

/** Longest body that is read only to be thrown away. */
const SWALLOW_BYTES_MAX: number = 256 * 1024 * 1024
/** Longest message of a SASL exchange; SCRAM's are some hundred bytes. */
const SASL_BYTES_MAX = 4096
/** Longest value of the other requests that are not about one item. */
const CONTROL_BYTES_MAX: number = 32 * 1024

/** Decodes binary requests into one reused request. */
export class BinaryRequestHeader {
  readonly request: MemcachedRequest = createRequest(1)

  readonly #valueBytesMax: number
  readonly #vBuckets: boolean
  readonly #header: BinaryHeader = createBinaryHeader()
  #form: OpcodeForm | undefined = undefined
  #frameBytes = 0

  constructor(valueBytesMax: number, vBuckets: boolean) {
    this.#valueBytesMax = valueBytesMax
    this.#vBuckets = vBuckets
    this.request.dialect = Dialect.Binary
  }

  /** Length of the body: of an accepted request to wait for, of a refused one to skip. */
  get bodyBytes(): number {
    return this.#header.bodyBytes
  }

  /** Whether a request may begin with this byte. */
  begins(magic: number | undefined): boolean {
    return magic === BINARY_REQUEST_MAGIC || this.#isFlexible(magic)
  }

  /** Judges the header at `start`; false when the request has become an invalid one. */
  accept(buf: Buffer, start: number): boolean {
    const { request } = this
    const header = this.#header
    request.buf = buf
    const magic = buf[start]
    if (!this.begins(magic)) {
      request.opcode = 0
      request.opaque = 0
      return this.#refuse(BinaryStatus.InvalidArguments, 'Invalid magic', true)
    }
    readBinaryHeader(buf, start, header)
    this.#frameBytes = 0
    if (this.#isFlexible(magic)) {
      this.#frameBytes = header.keyBytes >>> 8
      header.keyBytes &= 0xff
    }
    request.opcode = header.opcode
    request.opaque = header.opaque
    const valueBytes = header.bodyBytes - header.keyBytes - header.extrasBytes - this.#frameBytes
    if (valueBytes < 0) {
      return this.#refuse(BinaryStatus.UnknownCommand, 'Unknown command', true)
    }
    if (header.keyBytes > KEY_BYTES_MAX) return this.#refuseArguments()
    const form = formOf(header.opcode, this.#vBuckets)
    const beyondBounds = header.bodyBytes > SWALLOW_BYTES_MAX
    if (form === undefined) {
      if (this.#vBuckets && isReplication(header.opcode)) {
        return this.#refuse(BinaryStatus.NotSupported, 'Not supported', beyondBounds)
      }
      return this.#refuse(BinaryStatus.UnknownCommand, 'Unknown command', beyondBounds)
    }
    if (!fits(form, header, valueBytes)) return this.#refuseArguments()
    if (form.op === Op.SaslAuth || form.op === Op.SaslStep) {
      if (valueBytes > SASL_BYTES_MAX) return this.#refuseArguments()
    } else if (form.op > Op.SaslStep) {
      if (valueBytes > CONTROL_BYTES_MAX) return this.#refuseArguments()
    } else if (valueBytes > this.#valueBytesMax) {
      return this.#refuse(BinaryStatus.TooLarge, 'Too large.', beyondBounds)
    }
    this.#form = form
    return true
  }

  /** Reads the accepted request at `start`, whose body is complete. */
  read(buf: Buffer, start: number): void {
    const { request } = this
    const header = this.#header
    const form = this.#form
    if (form === undefined) throw new Error('bug: a binary request was read and not accepted')
    const extrasStart = start + BINARY_HEADER_BYTES + this.#frameBytes
    const keyStart = extrasStart + header.extrasBytes
    const valueStart = keyStart + header.keyBytes
    request.buf = buf
    request.op = form.op
    request.quiet = form.quiet
    request.extras = 0
    request.fatal = false
    request.flags = 0
    request.exptime = 0
    request.casHi = header.casHi
    request.casLo = header.casLo
    request.keyCount = header.keyBytes > 0 ? 1 : 0
    request.keyStarts[0] = keyStart
    request.keyEnds[0] = valueStart
    request.valueStart = form.hasValue ? valueStart : 0
    request.valueEnd = form.hasValue ? start + BINARY_HEADER_BYTES + header.bodyBytes : 0
    request.vBucket = header.vBucketOrStatus
    request.dataType = buf[start + BinaryOffset.DataType] ?? 0
    request.durabilityLevel = 0
    request.durabilityTimeoutMs = 0
    this.#readExtras(buf, extrasStart)
    if ((header.casHi | header.casLo) !== 0) this.#compare()
    if (this.#frameBytes > 0) this.#readFrames(buf, start + BINARY_HEADER_BYTES, extrasStart)
  }

  #isFlexible(magic: number | undefined): boolean {
    return this.#vBuckets && magic === BINARY_FLEXIBLE_REQUEST_MAGIC
  }

  /** A frame that is not understood must not be overlooked: the request is refused. */
  #readFrames(buf: Buffer, start: number, end: number): void {
    const { request } = this
    const status = readFrames(buf, start, end, request)
    if (status === BinaryStatus.Success) return
    refuseRequest(request, '')
    request.errorStatus = status
  }

  #readExtras(buf: Buffer, at: number): void {
    const { request } = this
    switch (request.op) {
      case Op.Set:
      case Op.Add:
      case Op.Replace:
        request.flags = readUint32(buf, at)
        request.exptime = readUint32(buf, at + 4)
        break
      case Op.Incr:
      case Op.Decr:
        this.#readCounter(buf, at)
        break
      case Op.Gats:
      case Op.Touch:
        request.exptime = readUint32(buf, at)
        break
      case Op.FlushAll:
        if (this.#header.extrasBytes > 0) request.exptime = readUint32(buf, at)
        break
      case Op.Verbosity:
        request.args = String(readUint32(buf, at))
        break
      case Op.GetLocked:
        if (this.#header.extrasBytes > 0) request.exptime = readUint32(buf, at)
        break
      case Op.GetMeta:
        request.args = this.#header.extrasBytes > 0 ? String(buf[at]) : ''
        break
      case Op.ClusterConfig:
        request.args = this.#header.extrasBytes > 0 ? twoNumbers(buf, at) : ''
        break
      case Op.Stats:
        request.args = buf.toString('latin1', request.keyStarts[0], request.keyEnds[0])
        request.keyCount = 0
        break
      default:
    }
  }

  #readCounter(buf: Buffer, at: number): void {
    const { request } = this
    request.delta = buf.readBigUInt64BE(at)
    const exptime = readUint32(buf, at + 16)
    if (exptime === NO_VIVIFY_EXPTIME) return
    request.extras = Extra.Vivify
    request.special.initial = buf.readBigUInt64BE(at + 8)
    request.special.vivifyExptime = exptime
  }

  /** A store with a CAS is a cas, be it set, add or replace, as in memcached. */
  #compare(): void {
    const { request } = this
    switch (request.op) {
      case Op.Set:
      case Op.Add:
      case Op.Replace:
        request.op = Op.Cas
        break
      case Op.Append:
      case Op.Prepend:
      case Op.Delete:
      case Op.Incr:
      case Op.Decr:
        request.extras |= Extra.Compare
        break
      default:
    }
  }

  #refuseArguments(): false {
    return this.#refuse(BinaryStatus.InvalidArguments, 'Invalid arguments', true)
  }

  #refuse(status: number, text: string, fatal: boolean): false {
    refuseRequest(this.request, text)
    this.request.errorStatus = status
    this.request.fatal = fatal
    if (fatal) this.#header.bodyBytes = 0
    return false
  }
}

function fits(form: OpcodeForm, header: BinaryHeader, valueBytes: number): boolean {
  const { keyBytes, extrasBytes } = header
  const extrasFit = extrasBytes === form.extrasBytes || (form.extrasOptional && extrasBytes === 0)
  if (!extrasFit) return false
  if (form.key !== 'optional' && keyBytes > 0 !== (form.key === 'needed')) return false
  return form.hasValue || valueBytes === 0
}

function twoNumbers(buf: Buffer, at: number): string {
  return `${buf.readBigInt64BE(at)} ${buf.readBigInt64BE(at + 8)}`
}
