/**
 * A raw client of the binary protocol for tests: builds requests of any shape, also wrong ones, and
 * takes replies apart.
 */
import { once } from 'node:events'
import net from 'node:net'
import { BINARY_HEADER_BYTES, BINARY_RESPONSE_MAGIC, Opcode } from '@holdfast/protocol'

const ANSWER_TIMEOUT_MS = 30_000
const FENCE_OPAQUE = 0xfe_ce_fe_ce

/** What a request says beside its opcode; strings are bytes. */
export interface BinaryFields {
  key?: string | Buffer
  /** Hexadecimal. */
  extras?: string
  value?: string | Buffer
  cas?: bigint
  opaque?: number
}

export interface BinaryReply {
  opcode: number
  status: number
  key: string
  extras: Buffer
  value: string
  cas: bigint
  opaque: number
}

/** The bytes of a request. */
export function binaryRequest(opcode: number, fields: BinaryFields = {}): Buffer {
  const extras = Buffer.from(fields.extras ?? '', 'hex')
  const key = bytesOf(fields.key)
  const value = bytesOf(fields.value)
  const header = Buffer.alloc(BINARY_HEADER_BYTES)
  header[0] = 0x80
  header[1] = opcode
  header.writeUInt16BE(key.length, 2)
  header[4] = extras.length
  header.writeUInt32BE(extras.length + key.length + value.length, 8)
  header.writeUInt32BE(fields.opaque ?? 0, 12)
  header.writeBigUInt64BE(fields.cas ?? 0n, 16)
  return Buffer.concat([header, extras, key, value])
}

export class BinaryClient {
  closed = false
  readonly #socket: net.Socket
  #received: Buffer = Buffer.alloc(0)
  #changed: () => void = () => {}

  /** Takes over an open socket. */
  constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  /** Connects to `host:port`. */
  static async connect(address: string): Promise<BinaryClient> {
    const colon = address.lastIndexOf(':')
    const port = Number(address.slice(colon + 1))
    const socket = net.connect({ host: address.slice(0, colon), port, noDelay: true })
    await once(socket, 'connect')
    return new BinaryClient(socket)
  }

  send(...requests: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(requests))
  }

  /** Sends, and takes one reply. */
  async ask(opcode: number, fields: BinaryFields = {}): Promise<BinaryReply> {
    this.send(binaryRequest(opcode, fields))
    const reply = await this.take()
    if (reply === undefined) throw new Error('closed without a reply')
    return reply
  }

  /** The next reply; undefined when the connection closed. */
  async take(): Promise<BinaryReply | undefined> {
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    for (;;) {
      const reply = this.#cut()
      if (reply !== undefined || this.closed) return reply
      if (performance.now() > deadlineMs) throw new Error('no reply')
      await this.#more(deadlineMs - performance.now())
    }
  }

  /** Sends, and takes all replies until that to a no-op behind it, or until the connection closes. */
  async askAll(requests: Buffer): Promise<BinaryReply[]> {
    this.send(requests, binaryRequest(Opcode.Noop, { opaque: FENCE_OPAQUE }))
    const replies: BinaryReply[] = []
    for (;;) {
      const reply = await this.take()
      if (reply === undefined) return replies
      if (reply.opcode === Opcode.Noop && reply.opaque === FENCE_OPAQUE) return replies
      replies.push(reply)
    }
  }

  /** Resolves when the peer closed the connection. */
  async ended(): Promise<void> {
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    while (!this.closed) {
      if (performance.now() > deadlineMs) throw new Error('the connection stays open')
      await this.#more(deadlineMs - performance.now())
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  #cut(): BinaryReply | undefined {
    const buf = this.#received
    if (buf.length < BINARY_HEADER_BYTES) return undefined
    if (buf[0] !== BINARY_RESPONSE_MAGIC) throw new Error(`no binary reply: ${buf.toString('hex')}`)
    const end = BINARY_HEADER_BYTES + buf.readUInt32BE(8)
    if (buf.length < end) return undefined
    const keyStart = BINARY_HEADER_BYTES + (buf[4] ?? 0)
    const valueStart = keyStart + buf.readUInt16BE(2)
    this.#received = buf.subarray(end)
    return {
      opcode: buf[1] ?? 0,
      status: buf.readUInt16BE(6),
      extras: buf.subarray(BINARY_HEADER_BYTES, keyStart),
      key: buf.toString('latin1', keyStart, valueStart),
      value: buf.toString('latin1', valueStart, end),
      opaque: buf.readUInt32BE(12),
      cas: buf.readBigUInt64BE(16),
    }
  }

  #more(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#changed = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function bytesOf(text: string | Buffer | undefined): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : (text ?? Buffer.alloc(0))
}
