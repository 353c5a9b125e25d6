/**
 * The socket layer: everything above talks to `ByteSocket`, everything below is `node:net`.
 *
 * The interface is small so that a faster layer can take its place without a change above it. A
 * chunk that is read belongs to the handler from then on and is never written over; a chunk that is
 * written belongs to the socket. There is one `closed` call per socket, whatever ended it.
 */
import net from 'node:net'
import { TLSSocket } from 'node:tls'
import { keepBytes, READ_BUFFER } from './read-slab.ts'

/** What a socket tells its owner. */
export interface ByteSocketHandler {
  socketOpened(): void
  socketRead(chunk: Buffer): void
  /** The peer will send nothing more; what is still written to it may arrive. */
  socketEnded(): void
  /** What was written has left the process. */
  socketDrained(): void
  /** Exactly once; `reason` is empty when the peer ended an orderly conversation. */
  socketClosed(reason: string): void
}

/** An open or opening byte stream. */
export interface ByteSocket {
  /** Bytes written that the system has not taken yet. */
  readonly backlogBytes: number
  write(chunk: Buffer): void
  pauseReading(): void
  resumeReading(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

/** Where to connect. */
export interface ConnectTarget {
  host: string
  port: number
  connectTimeoutMs: number
}

/** Opens a connection; failures arrive as `socketClosed`. */
export function connectSocket(target: ConnectTarget, handler: ByteSocketHandler): ByteSocket {
  const { host, port, connectTimeoutMs } = target
  const onread = {
    buffer: READ_BUFFER,
    callback: (count: number) => {
      handler.socketRead(keepBytes(READ_BUFFER, 0, count))
      return true
    },
  }
  const options = { host, port, noDelay: true, keepAlive: true, allowHalfOpen: true, onread }
  const socket = net.connect(options)
  const opened = new NetSocket(socket, handler)
  const timer = setTimeout(() => {
    socket.destroy(new Error(`connect to ${host}:${port} timed out after ${connectTimeoutMs} ms`))
  }, connectTimeoutMs)
  socket.once('connect', () => {
    clearTimeout(timer)
    handler.socketOpened()
  })
  socket.once('close', () => clearTimeout(timer))
  return opened
}

/** Takes over an accepted connection; the server must allow half-open sockets. */
export function adoptSocket(accepted: net.Socket, handler: ByteSocketHandler): ByteSocket {
  const socket = readingIntoSharedBuffer(accepted, handler)
  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  const adopted = new NetSocket(socket, handler)
  if (socket === accepted) {
    socket.on('data', (chunk: Buffer) => handler.socketRead(chunk))
  }
  return adopted
}

/**
 * The public API can give a socket a read buffer only when it is made, and a server makes its
 * sockets itself. So the handle is moved to a socket of our own; where that is not possible (TLS,
 * or a runtime without the property) the accepted socket stays and reads as usual.
 */
function readingIntoSharedBuffer(accepted: net.Socket, handler: ByteSocketHandler): net.Socket {
  const holder = accepted as net.Socket & { _handle?: net.BoundSocket | null }
  const handle = holder._handle
  if (handle === undefined || handle === null || accepted instanceof TLSSocket) return accepted
  if (!('useUserBuffer' in handle)) return accepted
  holder._handle = null
  return new net.Socket({
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: READ_BUFFER,
      callback: (count: number) => {
        handler.socketRead(keepBytes(READ_BUFFER, 0, count))
        return true
      },
    },
  })
}

class NetSocket implements ByteSocket {
  readonly #socket: net.Socket

  constructor(socket: net.Socket, handler: ByteSocketHandler) {
    this.#socket = socket
    let reason = ''
    socket.on('end', () => handler.socketEnded())
    socket.on('drain', () => handler.socketDrained())
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.on('close', () => handler.socketClosed(reason))
  }

  get backlogBytes(): number {
    return this.#socket.writableLength
  }

  write(chunk: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(chunk)
  }

  pauseReading(): void {
    this.#socket.pause()
  }

  resumeReading(): void {
    this.#socket.resume()
  }

  end(): void {
    // Not `end`: a peer that never closes its side would keep a half-open socket for ever.
    this.#socket.destroySoon()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
