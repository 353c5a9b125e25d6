/**
 * The portable socket layer, over `node:net`. Sockets read into one buffer that they share
 * (read-slab.ts) where the runtime lets them.
 */
import net from 'node:net'
import { TLSSocket } from 'node:tls'
import type { SendSlab } from '@holdfast/protocol'
import { keepBytes, READ_BUFFER, readInto, slabToRead } from './read-slab.ts'
import type { ByteSocket, ByteSocketHandler } from './socket.ts'

/** Written behind a chunk, to learn when it has left. */
const NOTHING: Buffer = Buffer.alloc(0)

export class NetSocket implements ByteSocket {
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

  write(chunk: Buffer, slab?: SendSlab): void {
    const socket = this.#socket
    if (socket.destroyed) return
    socket.write(chunk)
    if (slab === undefined || socket.writableLength === 0) return
    // A callback with each write would cost more than this one, which only what is late needs.
    slab.hold()
    socket.write(NOTHING, () => slab.letGo())
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

/** The `onread` option of a socket that reads into the shared buffer. */
export function sharedRead(handler: ByteSocketHandler): net.OnReadOpts {
  if (handler.readsForTurn === true) return turnRead(handler)
  return {
    buffer: READ_BUFFER,
    callback: (count: number) => {
      handler.socketRead(keepBytes(READ_BUFFER, 0, count))
      return true
    },
  }
}

/** Reads that need no copy: into memory that is used again when nobody holds a part of it. */
function turnRead(handler: ByteSocketHandler): net.OnReadOpts {
  let slab = slabToRead(undefined)
  return {
    buffer: () => {
      slab = slabToRead(slab)
      return slab.memory
    },
    callback: (count: number) => {
      handler.socketRead(readInto(slab, count))
      return true
    },
  }
}

/** The runtime's handle below a socket, as far as it is known. */
export interface SocketHandle {
  readonly fd?: number
  readonly useUserBuffer?: unknown
}

/** The handle of a plain socket; TLS has none that carries its bytes. */
export function handleOf(socket: net.Socket): SocketHandle | undefined {
  if (socket instanceof TLSSocket) return undefined
  return (socket as net.Socket & { _handle?: SocketHandle | null })._handle ?? undefined
}

/**
 * The public API can give a socket a read buffer only when it is made, and a server makes its
 * sockets itself. So the handle is moved to a socket of our own; where that is not possible (TLS,
 * or a runtime without the property) the accepted socket is returned and reads as usual.
 */
export function withSharedReads(accepted: net.Socket, handler: ByteSocketHandler): net.Socket {
  const handle = handleOf(accepted)
  if (handle?.useUserBuffer === undefined) return accepted
  Object.assign(accepted, { _handle: null })
  const options: object = { handle, allowHalfOpen: true, onread: sharedRead(handler) }
  return new net.Socket(options)
}
