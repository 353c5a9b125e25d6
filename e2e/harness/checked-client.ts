// A client that goes on pipelining sets and gets on one connection and checks every reply: one for
// each request, in order, with the value that was set last or an error. What a set that failed has
// done is not known, so its value may be seen from then on.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  type CheckedDialect,
  type CheckedReply,
  type CheckedRequest,
  DIALECTS,
  type DialectName,
} from './checked-dialects.ts'
import { until } from './until.ts'

const DEPTH = 6
const PUMP_MS = 2
const DRAIN_TIMEOUT_MS = 40_000

export interface CheckedClientOptions {
  readonly port: number
  readonly dialect: DialectName
  /** Keys that no other client uses. */
  readonly keys: readonly string[]
  /** Whether a key may be gone although it was set, and an old value be back. */
  readonly mayForget?: (key: string) => boolean
}

/** An operation that was answered with an error. */
export interface FailedOperation {
  readonly key: string
  readonly line: string
  readonly sentAtMs: number
  readonly tookMs: number
}

interface Outstanding extends CheckedRequest {
  readonly sentAtMs: number
}

interface KnownKey {
  /** The value that was acknowledged last. */
  stored: string | undefined
  /** When it was answered without an error last. */
  goodAtMs: number
  readonly perhaps: Set<string>
}

export class CheckedClient {
  readonly failed: FailedOperation[] = []
  readonly wrong: string[] = []
  answers = 0
  slowestMs = 0
  closed = false
  readonly localPort: number
  readonly #socket: Socket
  readonly #dialect: CheckedDialect
  readonly #options: CheckedClientOptions
  readonly #known = new Map<string, KnownKey>()
  readonly #outstanding: Outstanding[] = []
  #received: Buffer = Buffer.alloc(0)
  #sent = 0
  #timer: NodeJS.Timeout | undefined
  #fenced = false

  private constructor(socket: Socket, options: CheckedClientOptions) {
    this.#socket = socket
    this.localPort = socket.localPort ?? 0
    this.#options = options
    this.#dialect = DIALECTS[options.dialect]
    for (const key of options.keys) {
      this.#known.set(key, { stored: undefined, goodAtMs: 0, perhaps: new Set() })
    }
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      clearInterval(this.#timer)
    })
  }

  /** Connects and starts. */
  static async start(options: CheckedClientOptions): Promise<CheckedClient> {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const client = new CheckedClient(socket, options)
    client.#timer = setInterval(() => client.#pump(), PUMP_MS)
    return client
  }

  /** Requests without a reply. */
  get owed(): number {
    return this.#outstanding.length
  }

  /** Whether each of its keys, or of `keys`, was answered without an error since then. */
  isWellSince(atMs: number, keys: readonly string[] = this.#options.keys): boolean {
    return keys.every((key) => (this.#known.get(key)?.goodAtMs ?? Infinity) >= atMs)
  }

  /** Stops asking, waits for what is owed, and proves that nothing more comes than was asked for. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    if (!this.closed) {
      await until('every request is answered', DRAIN_TIMEOUT_MS, () => this.owed === 0)
      const [request, reply] = this.#dialect.fence
      this.#fenced = true
      this.#socket.write(request)
      await until('the last reply is here', DRAIN_TIMEOUT_MS, () => {
        return this.#received.length >= reply.length || this.closed
      })
      if (!this.#received.equals(reply)) {
        this.wrong.push(`at the end: ${JSON.stringify(this.#received.toString('latin1'))}`)
      }
    }
    this.#socket.destroy()
  }

  #pump(): void {
    const { keys } = this.#options
    const requests: Buffer[] = []
    while (this.#outstanding.length < DEPTH) {
      const opaque = ++this.#sent
      // Each key is set and read in turn; reads often follow a write of the same pipeline.
      const key = keys[(opaque >> 1) % keys.length] ?? ''
      const value = (opaque & 1) === 0 ? `${key}#${opaque}` : undefined
      const request = { key, value, opaque, sentAtMs: performance.now() }
      this.#outstanding.push(request)
      requests.push(this.#dialect.write(request))
    }
    if (requests.length > 0) this.#socket.write(Buffer.concat(requests))
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    try {
      while (this.#received.length > 0 && !this.#fenced) {
        const [request] = this.#outstanding
        if (request === undefined) throw new Error('a reply that nothing asked for')
        const reply = this.#dialect.read(this.#received, request)
        if (reply === undefined) return
        this.#outstanding.shift()
        this.#received = this.#received.subarray(reply.end)
        this.#judge(request, reply)
      }
    } catch (error) {
      this.wrong.push(error instanceof Error ? error.message : String(error))
      this.#socket.destroy()
    }
  }

  #judge(request: Outstanding, { kind, text }: CheckedReply): void {
    const { key, value, sentAtMs } = request
    const known = this.#known.get(key)
    if (known === undefined) throw new Error(`bug: ${key} is not ours`)
    const nowMs = performance.now()
    const tookMs = nowMs - sentAtMs
    this.answers++
    this.slowestMs = Math.max(this.slowestMs, tookMs)
    if (kind === 'error') {
      if (value !== undefined) known.perhaps.add(value)
      this.failed.push({ key, line: text, sentAtMs, tookMs })
      return
    }
    known.goodAtMs = sentAtMs
    if (kind === 'stored') known.stored = value
    else if (!this.#isRight(request, known, kind === 'hit' ? text : undefined)) {
      this.wrong.push(`${key} is ${text}, not ${known.stored}`)
    }
  }

  #isRight({ key, opaque }: Outstanding, known: KnownKey, seen: string | undefined): boolean {
    if (seen === known.stored || (seen !== undefined && known.perhaps.has(seen))) return true
    if (this.#options.mayForget?.(key) !== true) return false
    // An old value, but one of this very key.
    return seen === undefined || (seen.startsWith(`${key}#`) && Number(seen.split('#')[1]) < opaque)
  }
}
