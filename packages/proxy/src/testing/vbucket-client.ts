/**
 * A raw client of a vBucket port for tests: requests by vBucket, with frames if any, replies and
 * what the server says unasked, taken apart.
 */
import { once } from 'node:events'
import net from 'node:net'
import { vbucketOf } from '@holdfast/topology'

const ANSWER_TIMEOUT_MS = 30_000
const HEADER_BYTES = 24
const SERVER_REQUEST_MAGIC = 0x82

/** What a request says beside its opcode. */
export interface VBucketFields {
  key?: string
  /** Hexadecimal. */
  extras?: string
  value?: string | Buffer
  cas?: bigint
  /** Instead of the key's. */
  vBucket?: number
  dataType?: number
  /** Hexadecimal; makes it a request with frames. */
  frames?: string
}

export interface VBucketReply {
  magic: number
  opcode: number
  status: number
  key: string
  extras: Buffer
  value: Buffer
  text: string
  cas: bigint
}

/** The bytes of a request. */
export function vBucketRequest(opcode: number, fields: VBucketFields = {}): Buffer {
  const frames = Buffer.from(fields.frames ?? '', 'hex')
  const extras = Buffer.from(fields.extras ?? '', 'hex')
  const key = Buffer.from(fields.key ?? '')
  const value = Buffer.from(fields.value ?? '')
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = fields.frames === undefined ? 0x80 : 0x08
  header[1] = opcode
  header.writeUInt16BE(
    fields.frames === undefined ? key.length : (frames.length << 8) | key.length,
    2,
  )
  header[4] = extras.length
  header[5] = fields.dataType ?? 0
  header.writeUInt16BE(fields.vBucket ?? vbucketOf(key), 6)
  header.writeUInt32BE(frames.length + extras.length + key.length + value.length, 8)
  header.writeBigUInt64BE(fields.cas ?? 0n, 16)
  return Buffer.concat([header, frames, extras, key, value])
}

export class VBucketClient {
  /** What the server said unasked. */
  readonly told: VBucketReply[] = []
  closed = false
  readonly #socket: net.Socket
  readonly #replies: VBucketReply[] = []
  #received: Buffer = Buffer.alloc(0)
  #changed: () => void = () => {}

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#cut()
      this.#changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  static async connect(address: string): Promise<VBucketClient> {
    const colon = address.lastIndexOf(':')
    const port = Number(address.slice(colon + 1))
    const socket = net.connect({ host: address.slice(0, colon), port, noDelay: true })
    await once(socket, 'connect')
    return new VBucketClient(socket)
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  async ask(opcode: number, fields: VBucketFields = {}): Promise<VBucketReply> {
    this.send(vBucketRequest(opcode, fields))
    return await this.take()
  }

  async take(): Promise<VBucketReply> {
    await this.#until(() => this.#replies.length > 0 || this.closed)
    const reply = this.#replies.shift()
    if (reply === undefined) throw new Error('closed without a reply')
    return reply
  }

  /** Resolves when the server has said something unasked. */
  async hear(): Promise<VBucketReply> {
    await this.#until(() => this.told.length > 0 || this.closed)
    const told = this.told.shift()
    if (told === undefined) throw new Error('closed without a word')
    return told
  }

  async ended(): Promise<void> {
    await this.#until(() => this.closed)
  }

  close(): void {
    this.#socket.destroy()
  }

  #cut(): void {
    for (;;) {
      const buf = this.#received
      if (buf.length < HEADER_BYTES) return
      const end = HEADER_BYTES + buf.readUInt32BE(8)
      if (buf.length < end) return
      this.#received = buf.subarray(end)
      const keyStart = HEADER_BYTES + (buf[4] ?? 0)
      const valueStart = keyStart + buf.readUInt16BE(2)
      const value = buf.subarray(valueStart, end)
      const reply = {
        magic: buf[0] ?? 0,
        opcode: buf[1] ?? 0,
        status: buf.readUInt16BE(6),
        extras: buf.subarray(HEADER_BYTES, keyStart),
        key: buf.toString('utf8', keyStart, valueStart),
        value,
        text: value.toString('utf8'),
        cas: buf.readBigUInt64BE(16),
      }
      if (reply.magic === SERVER_REQUEST_MAGIC) this.told.push(reply)
      else this.#replies.push(reply)
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    while (!isSo()) {
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0) throw new Error('nothing came')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#changed = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
