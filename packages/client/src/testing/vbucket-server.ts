/**
 * A vBucket server for tests, in the role of a Membase data port: real TCP, the binary protocol,
 * a state per vBucket that can be switched, SASL (PLAIN and SCRAM), NOT_MY_VBUCKET with or without
 * a map, silence, and death. `moveVBucket` is a rebalance's last step: the items and the active
 * state go to another server at once.
 */
import { once } from 'node:events'
import net from 'node:net'
import { SaslJudge } from './sasl-judge.ts'
import { type ItemReply, VBucketItems } from './vbucket-items.ts'

export interface VBucketServerOptions {
  vBuckets?: number
  /** Name and password; without, the server knows no SASL at all. */
  users?: ReadonlyMap<string, string>
  mechanisms?: string
  /** Knows SELECT_BUCKET, as Couchbase does. */
  buckets?: readonly string[]
}

interface Frame {
  opcode: number
  vBucket: number
  opaque: number
  cas: bigint
  key: string
  extras: Buffer
  value: Buffer
}

const NOT_MY_VBUCKET = 0x07
const NO_SUCH_KEY = 0x01
const AUTH_ERROR = 0x20
const AUTH_CONTINUE = 0x21
const UNKNOWN = 0x81

export class VBucketServer {
  readonly vBuckets: number
  /** Body of NOT_MY_VBUCKET. */
  refusalMap: () => string = () => ''
  /** Overrides the status of keyed requests. */
  statusOf: (opcode: number, key: string) => number | undefined = () => undefined
  /** Takes requests and answers none. */
  silent = false
  /** Requests are read, and carried out later. */
  slowMsMax = 0
  /** Answers with other opaques. */
  garbles = false
  logins: string[] = []
  selected: string[] = []
  refusals = 0
  keyedRequests = 0
  readonly #options: VBucketServerOptions
  readonly #active: Set<number> = new Set()
  readonly #items: Map<number, VBucketItems> = new Map()
  readonly #sockets: Set<net.Socket> = new Set()
  /** Connections with requests to carry out after `release`. */
  readonly #waiting: Set<() => void> = new Set()
  #holds = false
  #server: net.Server | undefined = undefined
  #port = 0

  constructor(options: VBucketServerOptions = {}) {
    this.#options = options
    this.vBuckets = options.vBuckets ?? 64
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Listens, on the port it had before if there was one. */
  async start(): Promise<this> {
    this.#server = net.createServer((socket) => this.#serve(socket))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
    return this
  }

  activate(vBuckets: Iterable<number>): this {
    for (const vBucket of vBuckets) this.#active.add(vBucket)
    return this
  }

  /** Gives up a vBucket without handing it to anybody. */
  deactivate(vBucket: number): void {
    this.#active.delete(vBucket)
  }

  moveVBucket(vBucket: number, to: VBucketServer): void {
    this.#active.delete(vBucket)
    to.#active.add(vBucket)
    to.#items.set(vBucket, this.itemsOf(vBucket))
    this.#items.delete(vBucket)
  }

  itemsOf(vBucket: number): VBucketItems {
    let items = this.#items.get(vBucket)
    if (items === undefined) {
      items = new VBucketItems()
      this.#items.set(vBucket, items)
    }
    return items
  }

  /** Reads requests and carries none out until `release`. */
  hold(): void {
    this.#holds = true
  }

  /** Connections that are held. */
  get waiting(): number {
    return this.#waiting.size
  }

  release(): void {
    this.#holds = false
    for (const work of [...this.#waiting]) work()
  }

  /** Ends all connections and goes on listening. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Ends all connections in good order. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.end()
  }

  /** Dies: connections are cut, new ones refused. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    this.cut()
    await closed
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket)
    const { users, mechanisms } = this.#options
    const judge = new SaslJudge(users ?? new Map(), mechanisms ?? 'PLAIN')
    let bytes = Buffer.alloc(0)
    const work = (): void => {
      this.#waiting.delete(work)
      const replies: Buffer[] = []
      for (;;) {
        const frameBytes = bytes.length < 24 ? 24 : 24 + bytes.readUInt32BE(8)
        if (bytes.length < frameBytes) break
        const frame = frameOf(bytes)
        bytes = bytes.subarray(frameBytes)
        const reply = this.#answer(frame, judge)
        if (this.garbles) frame.opaque += 7
        replies.push(replyTo(frame, reply))
      }
      if (!this.silent && replies.length > 0) socket.write(Buffer.concat(replies))
    }
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      if (this.#holds) this.#waiting.add(work)
      else if (this.slowMsMax > 0) setTimeout(work, Math.random() * this.slowMsMax)
      else work()
    })
  }

  #answer(frame: Frame, judge: SaslJudge): ItemReply {
    const { opcode } = frame
    if (opcode >= 0x20 && opcode <= 0x22) return this.#login(frame, judge)
    if (opcode === 0x89) return this.#select(frame.key)
    if (opcode === 0x0a) return { status: 0 }
    if (this.#options.users !== undefined && !judge.passed) return { status: AUTH_ERROR }
    const status = this.statusOf(opcode, frame.key)
    if (status !== undefined) return { status }
    if (opcode === 0x08) {
      for (const items of this.#items.values()) items.clear()
      return { status: 0 }
    }
    this.keyedRequests++
    if (!this.#active.has(frame.vBucket)) {
      this.refusals++
      return { status: NOT_MY_VBUCKET, value: Buffer.from(this.refusalMap()) }
    }
    return this.itemsOf(frame.vBucket).carryOut(frame)
  }

  #login(frame: Frame, judge: SaslJudge): ItemReply {
    if (this.#options.users === undefined) return { status: UNKNOWN }
    if (frame.opcode === 0x20) return { status: 0, value: Buffer.from(judge.mechanisms) }
    const step = judge.take(frame.key, frame.value.toString('utf8'))
    if (step.verdict === 'passed') this.logins.push(`${frame.key} ${judge.name}`)
    const statuses = { passed: 0, refused: AUTH_ERROR, challenge: AUTH_CONTINUE }
    return { status: statuses[step.verdict], value: Buffer.from(step.message) }
  }

  #select(bucket: string): ItemReply {
    if (this.#options.buckets === undefined) return { status: UNKNOWN }
    if (!this.#options.buckets.includes(bucket)) return { status: NO_SUCH_KEY }
    this.selected.push(bucket)
    return { status: 0 }
  }
}

function frameOf(bytes: Buffer): Frame {
  const keyStart = 24 + (bytes[4] ?? 0)
  const valueStart = keyStart + bytes.readUInt16BE(2)
  return {
    opcode: bytes[1] ?? 0,
    vBucket: bytes.readUInt16BE(6),
    opaque: bytes.readUInt32BE(12),
    cas: bytes.readBigUInt64BE(16),
    extras: bytes.subarray(24, keyStart),
    key: bytes.toString('latin1', keyStart, valueStart),
    value: bytes.subarray(valueStart, 24 + bytes.readUInt32BE(8)),
  }
}

function replyTo(frame: Frame, reply: ItemReply): Buffer {
  const extras = reply.extras ?? Buffer.alloc(0)
  const value = reply.value ?? Buffer.alloc(0)
  const header = Buffer.alloc(24)
  header[0] = 0x81
  header[1] = frame.opcode
  header[4] = extras.length
  header.writeUInt16BE(reply.status, 6)
  header.writeUInt32BE(extras.length + value.length, 8)
  header.writeUInt32BE(frame.opaque, 12)
  header.writeBigUInt64BE(reply.cas ?? 0n, 16)
  return Buffer.concat([header, extras, value])
}
