/**
 * A socket that `node:net` connects, with its name resolution and its errors, and the ring takes
 * over once it is connected.
 */
import net from 'node:net'
import type { SendSlab } from '@holdfast/protocol'
import type { ByteSocket, ByteSocketHandler, ConnectTarget } from '../socket.ts'
import type { SocketLoop } from './socket-loop.ts'

/** Connects; failures arrive as `socketClosed`. */
export function connectForRing(
  loop: SocketLoop,
  target: ConnectTarget,
  handler: ByteSocketHandler,
): ByteSocket {
  return new ConnectingSocket(loop, target, handler)
}

class ConnectingSocket implements ByteSocket {
  #connected: ByteSocket | undefined = undefined
  #early: Buffer[] = []
  #wantsToRead = true
  readonly #socket: net.Socket

  constructor(loop: SocketLoop, target: ConnectTarget, handler: ByteSocketHandler) {
    const { host, port, connectTimeoutMs } = target
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true, allowHalfOpen: true })
    this.#socket = socket
    socket.pause()
    const giveUp = (): void => {
      if (!socket.connecting) return
      socket.destroy(new Error(`connect to ${host}:${port} timed out after ${connectTimeoutMs} ms`))
    }
    // A process that stood still runs its timers first: the connection may be there already.
    const timer = setTimeout(() => setImmediate(giveUp), connectTimeoutMs)
    let reason = ''
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.once('close', () => {
      clearTimeout(timer)
      if (this.#connected === undefined) handler.socketClosed(reason)
    })
    socket.once('connect', () => {
      const connected = loop.adoptAccepted(socket, handler)
      if (connected === undefined) {
        socket.destroy(new Error('the runtime does not tell the descriptor of a socket'))
        return
      }
      this.#connected = connected
      if (!this.#wantsToRead) connected.pauseReading()
      handler.socketOpened()
      for (const chunk of this.#early) connected.write(chunk)
      this.#early = []
    })
  }

  get backlogBytes(): number {
    return this.#connected?.backlogBytes ?? this.#early.reduce((sum, { length }) => sum + length, 0)
  }

  write(chunk: Buffer, slab?: SendSlab): void {
    if (this.#connected !== undefined) this.#connected.write(chunk, slab)
    else if (!this.#socket.destroyed) this.#early.push(Buffer.from(chunk))
  }

  pauseReading(): void {
    this.#wantsToRead = false
    this.#connected?.pauseReading()
  }

  resumeReading(): void {
    this.#wantsToRead = true
    this.#connected?.resumeReading()
  }

  end(): void {
    if (this.#connected !== undefined) this.#connected.end()
    else this.#socket.destroy()
  }

  destroy(): void {
    if (this.#connected !== undefined) this.#connected.destroy()
    else this.#socket.destroy()
  }
}
