/**
 * One member's link to another: JSON over the other's REST port, every wait with a deadline.
 * It knows the difference between *refused* (the machine answers, nothing listens: the process is
 * gone) and *silent* (no answer in time).
 */
import { Client } from 'undici'
import type { Member } from '../document/cluster-document.ts'

/** Deadline of a heartbeat and other small messages. */
export const MESSAGE_TIMEOUT_MS = 500
/** Deadline of messages that wait for a disk or for another member. */
export const SLOW_MESSAGE_TIMEOUT_MS = 3000

/** Raised when a member cannot be reached or answers with an error. */
export class PeerError extends Error {
  readonly code = 'HOLDFAST_PEER'
  /** Nothing listens at the address. */
  readonly refused: boolean
  readonly status: number | null

  constructor(message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, { cause: options.cause })
    const cause = options.cause
    const causeCode = cause instanceof Error && 'code' in cause ? cause.code : ''
    this.refused = causeCode === 'ECONNREFUSED'
    this.status = options.status ?? null
  }
}

export class PeerLink {
  readonly address: string
  readonly #client: Client

  /** `onDisconnect` is called when an open connection breaks: often the first sign of a death. */
  constructor(member: Pick<Member, 'host' | 'restPort'>, onDisconnect: () => void = () => {}) {
    this.address = `${member.host}:${member.restPort}`
    this.#client = new Client(`http://${this.address}`, {
      connect: { timeout: MESSAGE_TIMEOUT_MS },
      keepAliveTimeout: 60_000,
      pipelining: 1,
    })
    this.#client.on('disconnect', onDisconnect)
  }

  async send(
    method: 'GET' | 'POST',
    path: string,
    options: { body?: unknown; secret?: string; authorization?: string; timeoutMs?: number } = {},
  ): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? MESSAGE_TIMEOUT_MS
    const authorization =
      options.authorization ?? (options.secret === undefined ? '' : `Bearer ${options.secret}`)
    try {
      const response = await this.#client.request({
        method,
        path,
        headers: {
          ...(authorization === '' ? {} : { authorization }),
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: options.body === undefined ? null : JSON.stringify(options.body),
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await response.body.text()
      if (response.statusCode !== 200) {
        throw new PeerError(`${method} ${path} at ${this.address}: ${text.slice(0, 300)}`, {
          status: response.statusCode,
        })
      }
      return text === '' ? null : JSON.parse(text)
    } catch (cause) {
      if (cause instanceof PeerError) throw cause
      throw new PeerError(`${method} ${path} at ${this.address} failed`, { cause })
    }
  }

  close(): void {
    this.#client.destroy().catch(() => {})
  }
}
