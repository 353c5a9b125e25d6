/**
 * A raw text client for tests: sends bytes, waits until the replies end as expected or until
 * nothing more can come.
 */
import { once } from 'node:events'
import net from 'node:net'

const ANSWER_TIMEOUT_MS = 30_000
const TAIL_CHARS = 8192

export class TextClient {
  closed = false
  #chunks: string[] = []
  /** The end of what was received, long enough for any ending asked for. */
  #tail = ''
  readonly #socket: net.Socket
  #changed: () => void = () => {}

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1')
      this.#chunks.push(text)
      this.#tail = (this.#tail + text).slice(-TAIL_CHARS)
      this.#changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  /** Everything received and not taken. */
  get received(): string {
    return this.#chunks.join('')
  }

  /** Connects to `host:port`. */
  static async connect(address: string): Promise<TextClient> {
    const colon = address.lastIndexOf(':')
    const socket = net.connect({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      noDelay: true,
    })
    const client = new TextClient(socket)
    await once(socket, 'connect')
    return client
  }

  send(text: string): void {
    this.#socket.write(Buffer.from(text, 'latin1'))
  }

  /** Sends, then takes what was received once it ends with `ending`. */
  async ask(text: string, ending = '\r\n'): Promise<string> {
    this.send(text)
    return await this.take(ending)
  }

  /** Takes what was received once it ends with `ending`, or the connection closed. */
  async take(ending = '\r\n'): Promise<string> {
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    while (!this.closed && !this.#tail.endsWith(ending)) {
      if (performance.now() > deadlineMs) {
        throw new Error(`no ${JSON.stringify(ending)}, got ${JSON.stringify(this.received)}`)
      }
      await this.#more(deadlineMs - performance.now())
    }
    const taken = this.received
    this.#chunks = []
    this.#tail = ''
    return taken
  }

  /** Resolves when the peer closed the connection. */
  async ended(): Promise<void> {
    const deadlineMs = performance.now() + ANSWER_TIMEOUT_MS
    while (!this.closed) {
      if (performance.now() > deadlineMs) throw new Error('the connection stays open')
      await this.#more(deadlineMs - performance.now())
    }
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.destroy()
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
