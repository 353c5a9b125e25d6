/**
 * One member's heartbeats to another: a line of JSON and the line that answers it, over one
 * connection to the other's REST port, opened by CONNECT when first used and again after a failure.
 * One heartbeat is under way at a time. It knows nothing of what they say.
 */
import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { http } from '@holdfast/client'
import type { Member } from '../document/cluster-document.ts'
import { HEARTBEAT_TARGET, readLines, writeLine } from './message-lines.ts'
import { refusalSchema } from './messages.ts'
import { PeerError } from './peer-error.ts'

/** Deadline of a heartbeat, with the connecting that it may need. */
export const HEARTBEAT_TIMEOUT_MS = 500

const STATUS_OK = 200

export class HeartbeatLink {
  readonly #host: string
  readonly #port: number
  readonly #onDisconnect: () => void
  #socket: Socket | null = null
  /** The connection was opened with it: another cluster has another one. */
  #secret = ''
  #waiting: PromiseWithResolvers<unknown> | null = null
  #opening: ClientRequest | null = null

  /** `onDisconnect` is called when an open connection breaks: often the first sign of a death. */
  constructor(member: Pick<Member, 'host' | 'restPort'>, onDisconnect: () => void) {
    this.#host = member.host
    this.#port = member.restPort
    this.#onDisconnect = onDisconnect
  }

  /** A connection is open: a death of the other end would be noticed. */
  get isOpen(): boolean {
    return this.#socket !== null
  }

  /** Sends a heartbeat; resolves with the answer. Rejects with {@link PeerError}. */
  async send(heartbeat: unknown, secret: string): Promise<unknown> {
    if (this.#waiting) throw new Error('bug: a heartbeat is under way')
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting = waiting
    const timer = setTimeout(() => this.#fail(new Error('no answer in time')), HEARTBEAT_TIMEOUT_MS)
    if (this.#secret !== secret) this.#drop()
    this.#secret = secret
    if (this.#socket) writeLine(this.#socket, heartbeat)
    else this.#open(heartbeat)
    try {
      return await waiting.promise
    } catch (cause) {
      if (cause instanceof PeerError) throw cause
      throw new PeerError(`heartbeat to ${this.#host}:${this.#port} failed`, { cause })
    } finally {
      clearTimeout(timer)
      this.#waiting = null
    }
  }

  close(): void {
    this.#fail(new Error('closed'))
  }

  #open(heartbeat: unknown): void {
    const opening = http.request({
      method: 'CONNECT',
      host: this.#host,
      port: this.#port,
      path: HEARTBEAT_TARGET,
      headers: { authorization: `Bearer ${this.#secret}` },
      agent: false,
    })
    this.#opening = opening
    opening.once('connect', (response, socket) => {
      const status = response.statusCode ?? 0
      if (this.#opening !== opening || status !== STATUS_OK) socket.destroy()
      if (this.#opening !== opening) return
      if (status === STATUS_OK) this.#opened(socket, heartbeat)
      else this.#fail(new PeerError(`${this.#host}:${this.#port} refuses heartbeats`, { status }))
    })
    // One that was given up is no failure of the attempt that follows it.
    opening.on('error', (error) => {
      if (this.#opening === opening) this.#fail(error)
    })
    opening.end()
  }

  #opened(socket: Socket, heartbeat: unknown): void {
    this.#opening = null
    this.#socket = socket
    socket.setNoDelay(true)
    readLines(socket, (line) => this.#take(JSON.parse(line)))
    let failure: unknown = new Error('the connection was closed')
    socket.on('error', (error) => {
      failure = error
    })
    socket.once('close', () => {
      if (this.#socket !== socket) return
      this.#socket = null
      this.#waiting?.reject(failure)
      this.#onDisconnect()
    })
    writeLine(socket, heartbeat)
  }

  #take(answer: unknown): void {
    const isRefusal = typeof answer === 'object' && answer !== null && 'refused' in answer
    const refusal = isRefusal ? refusalSchema.safeParse(answer).data : undefined
    if (refusal) this.#waiting?.reject(new PeerError('not heard', { status: refusal.refused }))
    else this.#waiting?.resolve(answer)
  }

  /** An answer that is late must not be taken for that of the next heartbeat. */
  #fail(error: unknown): void {
    this.#waiting?.reject(error)
    this.#drop()
  }

  #drop(): void {
    const opening = this.#opening
    const socket = this.#socket
    this.#opening = null
    this.#socket = null
    opening?.destroy()
    socket?.destroy()
  }
}
