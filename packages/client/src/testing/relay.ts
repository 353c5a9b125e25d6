/**
 * A TCP relay for tests: stands between a client and a server and can lose replies, cut
 * connections or refuse new ones.
 */
import { once } from 'node:events'
import net from 'node:net'

export class Relay {
  /** Replies of the server are dropped while true. */
  losesReplies = false
  /** Bytes of requests passed on. */
  requestBytes = 0
  readonly #server: net.Server
  readonly #sockets: Set<net.Socket> = new Set()
  readonly #targetPort: number

  constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = net.createServer((socket) => this.#relay(socket))
  }

  get address(): string {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : ''
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #relay(client: net.Socket): void {
    const server = net.connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true })
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.on('data', (chunk) => {
      this.requestBytes += chunk.length
      server.write(chunk)
    })
    server.on('data', (chunk) => {
      if (!this.losesReplies) client.write(chunk)
    })
  }
}
