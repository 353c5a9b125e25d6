/**
 * The other end of heartbeat-link.ts: members open a connection by CONNECT, with the secret of the
 * cluster, and send heartbeats over it, each of which is answered. It owns the connections.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { HEARTBEAT_TARGET, readLines, writeLine } from '../membership/message-lines.ts'
import { type HeartbeatAnswer, heartbeatSchema, type Refusal } from '../membership/messages.ts'
import type { StoreNode } from '../node.ts'
import { sameSecret } from './credentials.ts'

/** A member that says nothing for this long has another connection, or none. */
const SILENT_MS_MAX = 10_000
const STATUS_CONFLICT = 409

export class HeartbeatListener {
  readonly #node: StoreNode
  readonly #sockets = new Set<Duplex>()

  constructor(node: StoreNode, server: Server) {
    this.#node = node
    server.on('connect', (request: IncomingMessage, socket: Duplex) => this.#take(request, socket))
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #take(request: IncomingMessage, socket: Duplex): void {
    socket.on('error', () => {})
    const { secret } = this.#node.document
    const given = /^Bearer\s+(\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (request.url !== HEARTBEAT_TARGET || !sameSecret(given, secret)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
      return
    }
    this.#sockets.add(socket)
    request.socket.setTimeout(SILENT_MS_MAX, () => socket.destroy())
    request.socket.setNoDelay(true)
    socket.once('close', () => this.#sockets.delete(socket))
    readLines(socket, (line) => {
      // This node has joined another cluster since.
      if (this.#node.document.secret !== secret) socket.destroy()
      else writeLine(socket, this.#answer(line))
    })
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
  }

  #answer(line: string): HeartbeatAnswer | Refusal {
    const heartbeat = heartbeatSchema.parse(JSON.parse(line))
    if (heartbeat.cluster !== this.#node.document.uuid) return { refused: STATUS_CONFLICT }
    return this.#node.heartbeats.receive(heartbeat) ?? { refused: STATUS_CONFLICT }
  }
}
