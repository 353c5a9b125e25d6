// A plain memcached text client, as a person with telnet would be: one connection, one command at
// a time.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const REPLY_TIMEOUT_MS = 10_000

export class TextClient {
  readonly #socket: Socket
  #received = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      this.#received += text
    })
  }

  static async open(port: number): Promise<TextClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new TextClient(socket)
  }

  /** Sends one command and resolves with its reply up to and without `end`. */
  async ask(command: string, end = '\r\n'): Promise<string> {
    const signal = AbortSignal.timeout(REPLY_TIMEOUT_MS)
    this.#socket.write(command)
    while (!this.#received.includes(end)) {
      if (this.#socket.destroyed) throw new Error('the connection is closed')
      await once(this.#socket, 'data', { signal })
    }
    const length = this.#received.indexOf(end)
    const reply = this.#received.slice(0, length)
    this.#received = this.#received.slice(length + end.length)
    return reply
  }

  async set(key: string, value: string): Promise<string> {
    return await this.ask(`set ${key} 0 0 ${Buffer.byteLength(value)}\r\n${value}\r\n`)
  }

  /** The value, or undefined when the key is not there. */
  async get(key: string): Promise<string | undefined> {
    const reply = await this.ask(`get ${key}\r\n`, 'END\r\n')
    return reply === '' ? undefined : reply.split('\r\n')[1]
  }

  close(): void {
    this.#socket.destroy()
  }
}
