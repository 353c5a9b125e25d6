/*
 * The binary protocol on one connection. The greeting is a noop, or a SASL login where credentials
 * are given (binary-login.ts). Opaques count up, so a reply that is out of step is noticed.
 */
import {
  type BinaryReply,
  BinaryReplyParser,
  BinaryStatus,
  ByteWriter,
  binaryExptime,
  createBinaryCommand,
  keyBytes,
  NO_VIVIFY_EXPTIME,
  Opcode,
  ProtocolError,
  readUint32,
  writeBinaryCommand,
  writeBinaryCounter,
  writeBinaryExpiry,
  writeBinaryStore,
} from '@holdfast/protocol'
import { writeBinaryNamed } from './binary-commands.ts'
import { BinaryLogin, type BinaryLoginOwner } from './binary-login.ts'
import type {
  MemcachedAnswer,
  MemcachedCommand,
  MemcachedCommandName,
  MemcachedCredentials,
  MemcachedWire,
  MemcachedWireOwner,
} from './memcached-command.ts'

export interface BinaryWireOptions {
  credentials: MemcachedCredentials | undefined
  valueBytesMax: number | undefined
}

const OPCODES: Readonly<Record<MemcachedCommandName, number>> = {
  get: Opcode.Get,
  gets: Opcode.Get,
  gat: Opcode.Gat,
  gats: Opcode.Gat,
  set: Opcode.Set,
  add: Opcode.Add,
  replace: Opcode.Replace,
  cas: Opcode.Set,
  delete: Opcode.Delete,
  touch: Opcode.Touch,
  incr: Opcode.Incr,
  version: Opcode.Version,
}

export class BinaryWire implements MemcachedWire, BinaryLoginOwner {
  readonly #owner: MemcachedWireOwner
  readonly #parser: BinaryReplyParser
  readonly #writer: ByteWriter = new ByteWriter()
  readonly #command = createBinaryCommand()
  #login: BinaryLogin | undefined
  #asked = 0
  #answered = 0

  constructor(options: BinaryWireOptions, owner: MemcachedWireOwner) {
    this.#owner = owner
    const { valueBytesMax, credentials } = options
    this.#parser = new BinaryReplyParser(valueBytesMax === undefined ? {} : { valueBytesMax })
    this.#login = new BinaryLogin({ credentials, bucket: undefined }, this)
  }

  begin(): void {
    this.#login?.begin()
  }

  read(chunk: Buffer): void {
    this.#parser.push(chunk, (reply) => this.#take(reply))
  }

  write(command: MemcachedCommand): Buffer {
    const key = command.name === 'version' ? EMPTY : keyBytes(command.key)
    const binary = this.#command
    binary.opcode = OPCODES[command.name]
    binary.opaque = this.#asked >>> 0
    binary.casHi = 0
    binary.casLo = 0
    binary.buf = Buffer.concat([key, command.value])
    binary.keyStart = 0
    binary.keyEnd = key.length
    binary.valueStart = key.length
    binary.valueEnd = binary.buf.length
    this.#writeCommand(command)
    this.#asked++
    binary.buf = EMPTY
    return this.#writer.take()
  }

  loginSends(opcode: number, name: string, message: string): void {
    writeBinaryNamed(this.#writer, opcode, name, message)
    this.#owner.send(this.#writer.take())
  }

  loginDone(): void {
    this.#login = undefined
    this.#owner.wireReady()
  }

  loginFailed(reason: string): void {
    this.#owner.wireRefused(reason)
  }

  #writeCommand(command: MemcachedCommand): void {
    const binary = this.#command
    const exptime = binaryExptime(command.exptime)
    switch (command.name) {
      case 'cas': {
        const cas = BigInt(command.cas)
        if (cas === 0n) throw new TypeError('cas is 0, which is no version of an item')
        binary.casHi = Number(BigInt.asUintN(32, cas >> 32n))
        binary.casLo = Number(BigInt.asUintN(32, cas))
        writeBinaryStore(this.#writer, binary, command.flags, exptime)
        return
      }
      case 'set':
      case 'add':
      case 'replace':
        writeBinaryStore(this.#writer, binary, command.flags, exptime)
        return
      case 'gat':
      case 'gats':
      case 'touch':
        writeBinaryExpiry(this.#writer, binary, exptime)
        return
      case 'incr': {
        const counter = { delta: command.delta, initial: 0n }
        writeBinaryCounter(this.#writer, binary, counter, NO_VIVIFY_EXPTIME)
        return
      }
      default:
        writeBinaryCommand(this.#writer, binary)
    }
  }

  #take(reply: BinaryReply): void {
    if (this.#login !== undefined) {
      this.#login.take(reply)
      return
    }
    const command = this.#owner.oldest()
    if (command === undefined || reply.opaque !== this.#answered >>> 0) {
      throw new ProtocolError('a reply that nothing asked for')
    }
    this.#answered++
    this.#owner.answered(answerOf(command, reply))
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

function answerOf(command: MemcachedCommand, reply: BinaryReply): MemcachedAnswer {
  if (reply.status === BinaryStatus.Success) return success(command, reply)
  const writes = STORES.has(command.name)
  switch (reply.status) {
    case BinaryStatus.KeyNotFound:
      return writes ? { type: 'wrote', outcome: 'NOT_FOUND', cas: undefined } : { type: 'missed' }
    case BinaryStatus.KeyExists:
      return { type: 'wrote', outcome: 'EXISTS', cas: undefined }
    case BinaryStatus.NotStored:
      return {
        type: 'wrote',
        outcome: command.name === 'add' ? 'EXISTS' : 'NOT_FOUND',
        cas: undefined,
      }
    default:
      return failure(reply)
  }
}

const STORES: ReadonlySet<string> = new Set(['set', 'add', 'replace', 'cas'])

function success(command: MemcachedCommand, reply: BinaryReply): MemcachedAnswer {
  const value = reply.buf.subarray(reply.valueStart, reply.valueEnd)
  switch (command.name) {
    case 'get':
    case 'gets':
    case 'gat':
    case 'gats': {
      const flags =
        reply.keyStart - reply.extrasStart >= 4 ? readUint32(reply.buf, reply.extrasStart) : 0
      return { type: 'found', value, flags, cas: casOf(reply) }
    }
    case 'set':
    case 'add':
    case 'replace':
    case 'cas':
      return { type: 'wrote', outcome: 'STORED', cas: casOf(reply) }
    case 'incr':
      return { type: 'counted', value: value.length === 8 ? value.readBigUInt64BE() : 0n }
    case 'version':
      return { type: 'version', version: value.toString() }
    case 'delete':
    case 'touch':
      return { type: 'done' }
  }
}

function casOf({ casHi, casLo }: BinaryReply): string | undefined {
  const cas = (BigInt(casHi) << 32n) | BigInt(casLo)
  return cas === 0n ? undefined : String(cas)
}

const CLIENT_ERRORS: ReadonlySet<number> = new Set([
  BinaryStatus.InvalidArguments,
  BinaryStatus.NotNumeric,
  BinaryStatus.AuthError,
])

function failure(reply: BinaryReply): MemcachedAnswer {
  const text = reply.buf.toString('utf8', reply.valueStart, reply.valueEnd)
  const message = text === '' ? `status 0x${reply.status.toString(16)}` : text
  const kind = CLIENT_ERRORS.has(reply.status) ? 'CLIENT_ERROR' : 'SERVER_ERROR'
  return { type: 'error', kind, message }
}
