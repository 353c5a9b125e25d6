/**
 * The socket layer: everything above talks to `ByteSocket`, everything below is `node:net`, or an
 * io_uring (uring/) where that was chosen and is possible.
 *
 * The interface is small so that the layers can take each other's place without a change above. A
 * chunk that is read belongs to the handler from then on and is never written over; a chunk that is
 * written belongs to the socket until it is sent. There is one `closed` call per socket, whatever
 * ended it.
 */
import net from 'node:net'
import tls from 'node:tls'
import type { SendSlab } from '@holdfast/protocol'
import { NetSocket, sharedRead, withSharedReads } from './net-socket.ts'
import { connectForRing } from './uring/connecting-socket.ts'
import { openSocketLoop, type SocketLoop } from './uring/socket-loop.ts'

/** What a socket tells its owner. */
export interface ByteSocketHandler {
  /** What `socketRead` is given may be written over after the call (`keepForTurn`). */
  readonly readsForTurn?: boolean
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
  /** Holds `slab`, where the chunk lies in one that is used again, for as long as it needs it. */
  write(chunk: Buffer, slab?: SendSlab): void
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
  /** Over TLS, with these settings. */
  tls?: tls.ConnectionOptions | undefined
}

/** The layers that there are. */
export const SOCKET_LAYERS = ['portable', 'uring'] as const
export type SocketLayer = (typeof SOCKET_LAYERS)[number]

let loop: SocketLoop | undefined

/**
 * Chooses the layer of this thread's sockets; call it before any is opened.
 *
 * @returns why the layer is not possible here, in which case the portable one stays; else ''
 */
export function chooseSocketLayer(layer: SocketLayer): string {
  if (layer === 'portable' || loop !== undefined) return ''
  const opened = openSocketLoop()
  if (typeof opened === 'string') return opened
  loop = opened
  return ''
}

/** Runs the callback once, when what there is to read at this moment has been read. */
export function afterReads(callback: () => void): void {
  if (loop === undefined) setImmediate(callback)
  else loop.afterReads(callback)
}

/** Opens a connection; failures arrive as `socketClosed`. */
export function connectSocket(target: ConnectTarget, handler: ByteSocketHandler): ByteSocket {
  const { host, port, connectTimeoutMs } = target
  const overTls = target.tls !== undefined
  if (loop !== undefined && !overTls) return connectForRing(loop, target, handler)
  const options = { host, port, noDelay: true, keepAlive: true, allowHalfOpen: true }
  const socket = overTls
    ? tls.connect({ ...options, ...target.tls })
    : net.connect({ ...options, onread: sharedRead(handler) })
  const opened = new NetSocket(socket, handler)
  if (overTls) socket.on('data', (chunk: Buffer) => handler.socketRead(chunk))
  let waits = true
  const giveUp = (): void => {
    if (!waits) return
    socket.destroy(new Error(`connect to ${host}:${port} timed out after ${connectTimeoutMs} ms`))
  }
  // A process that stood still runs its timers first: the connection may be there already.
  const timer = setTimeout(() => setImmediate(giveUp), connectTimeoutMs)
  socket.once(overTls ? 'secureConnect' : 'connect', () => {
    waits = false
    clearTimeout(timer)
    handler.socketOpened()
  })
  socket.once('close', () => clearTimeout(timer))
  return opened
}

/** Takes over an accepted connection; the server must allow half-open sockets. */
export function adoptSocket(accepted: net.Socket, handler: ByteSocketHandler): ByteSocket {
  accepted.setNoDelay(true)
  accepted.setKeepAlive(true)
  const onRing = loop?.adoptAccepted(accepted, handler)
  if (onRing !== undefined) return onRing
  const socket = withSharedReads(accepted, handler)
  const adopted = new NetSocket(socket, handler)
  if (socket === accepted) socket.on('data', (chunk: Buffer) => handler.socketRead(chunk))
  return adopted
}
