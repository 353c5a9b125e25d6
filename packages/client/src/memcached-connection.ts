/*
 * One pipelined connection to a memcached server: writes requests, and hands each reply to the
 * oldest request that has none, because memcached answers in order.
 *
 * It owns the socket and the FIFO of waiting requests. There is one close path, and it settles
 * every waiting request. It knows no deadlines of single requests: a caller that stops waiting
 * leaves its place in the FIFO, as its reply still comes. A peer that owes replies and sends
 * nothing for `silenceTimeoutMs` is taken for dead. An idle connection does not keep the process
 * alive.
 */
import { connect, type Socket } from 'node:net'
import { type TextReply, TextReplyParser } from '@holdfast/protocol'
import { ConnectFailedError, ConnectionLostError } from './memcached-errors.ts'

export interface ConnectionOptions {
  host: string
  port: number
  connectTimeoutMs: number
  silenceTimeoutMs: number
  onClose: () => void
}

interface Waiting {
  resolve: (reply: TextReply) => void
  reject: (error: Error) => void
}

/** Rejects with ConnectFailedError. */
export function openMemcachedConnection(options: ConnectionOptions): Promise<MemcachedConnection> {
  const address = `${options.host}:${options.port}`
  return new Promise((resolve, reject) => {
    const socket = connect({ host: options.host, port: options.port, noDelay: true })
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection after ${options.connectTimeoutMs} ms`))
    }, options.connectTimeoutMs)
    const failed = (error?: Error): void => {
      clearTimeout(timer)
      reject(new ConnectFailedError(address, error))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed)
      resolve(new MemcachedConnection(socket, address, options))
    })
  })
}

export class MemcachedConnection {
  readonly #socket: Socket
  readonly #address: string
  readonly #options: ConnectionOptions
  readonly #parser = new TextReplyParser()
  readonly #waiting: Waiting[] = []
  #silence: NodeJS.Timeout | undefined
  #corked = false
  #closed = false

  constructor(socket: Socket, address: string, options: ConnectionOptions) {
    this.#socket = socket
    this.#address = address
    this.#options = options
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.close(error))
    socket.on('close', () => this.close(new Error('closed by the server')))
    socket.unref()
  }

  /** Requests that have been sent and not answered. */
  get pending(): number {
    return this.#waiting.length
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Sends one request; resolves with its reply or rejects with ConnectionLostError. */
  send(request: Buffer): Promise<TextReply> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new ConnectionLostError(this.#address, undefined))
        return
      }
      if (this.#waiting.push({ resolve, reject }) === 1) this.#expectReply()
      this.#corkForThisTurn()
      this.#socket.write(request)
    })
  }

  close(cause: Error): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#silence)
    this.#socket.destroy()
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new ConnectionLostError(this.#address, cause))
    }
    this.#options.onClose()
  }

  #receive(chunk: Buffer): void {
    try {
      this.#parser.push(chunk, (reply) => this.#settleOldest(reply))
    } catch (error) {
      this.close(error instanceof Error ? error : new Error('reply not understood'))
      return
    }
    if (this.#closed) return
    if (this.#waiting.length > 0) this.#silence?.refresh()
    else this.#rest()
  }

  #settleOldest(reply: TextReply): void {
    const oldest = this.#waiting.shift()
    if (oldest === undefined) this.close(new Error('a reply came that nobody asked for'))
    else oldest.resolve(reply)
  }

  #expectReply(): void {
    this.#socket.ref()
    const { silenceTimeoutMs } = this.#options
    this.#silence = setTimeout(
      () => this.close(new Error(`no reply for ${silenceTimeoutMs} ms`)),
      silenceTimeoutMs,
    )
  }

  #rest(): void {
    clearTimeout(this.#silence)
    this.#silence = undefined
    this.#socket.unref()
  }

  /** All requests of one turn of the event loop leave in one write. */
  #corkForThisTurn(): void {
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#corked = false
      this.#socket.uncork()
    })
  }
}
