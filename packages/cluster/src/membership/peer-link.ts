/**
 * One member's link to another: JSON over the other's REST port, every wait with a deadline. It
 * knows the difference between *refused* (the machine answers, nothing listens: the process is
 * gone) and *silent* (no answer in time). Heartbeats have a connection of their own.
 */
import type { Agent } from 'node:http'
import { http } from '@holdfast/client'
import type { Member } from '../document/cluster-document.ts'
import { PeerError } from './peer-error.ts'

/** Deadline of small messages. */
export const MESSAGE_TIMEOUT_MS = 500
/** Deadline of messages that wait for a disk or for another member. */
export const SLOW_MESSAGE_TIMEOUT_MS = 3000
/** Longest answer that is read. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024
const STATUS_OK = 200
const ERROR_TEXT_LENGTH_MAX = 300

/** What is sent besides method and path. */
export interface PeerMessage {
  body?: unknown
  secret?: string
  authorization?: string
  timeoutMs?: number
}

export class PeerLink {
  readonly address: string
  readonly #host: string
  readonly #port: number
  readonly #agent: Agent

  constructor(member: Pick<Member, 'host' | 'restPort'>, connectionsMax = 1) {
    this.address = `${member.host}:${member.restPort}`
    this.#host = member.host
    this.#port = member.restPort
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connectionsMax })
  }

  /** Resolves with the parsed answer, null for an empty one. Rejects with {@link PeerError}. */
  async send(method: 'GET' | 'POST', path: string, message: PeerMessage = {}): Promise<unknown> {
    try {
      const { status, text } = await this.#exchange(method, path, message)
      if (status === STATUS_OK) return text === '' ? null : JSON.parse(text)
      const said = text.slice(0, ERROR_TEXT_LENGTH_MAX)
      throw new PeerError(`${method} ${path} at ${this.address}: ${said}`, { status })
    } catch (cause) {
      if (cause instanceof PeerError) throw cause
      throw new PeerError(`${method} ${path} at ${this.address} failed`, { cause })
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #exchange(
    method: string,
    path: string,
    { body, secret, authorization, timeoutMs = MESSAGE_TIMEOUT_MS }: PeerMessage,
  ): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const login = authorization ?? (secret === undefined ? undefined : `Bearer ${secret}`)
    const asking = http.request({
      method,
      path,
      host: this.#host,
      port: this.#port,
      agent: this.#agent,
      headers: {
        ...(login === undefined ? {} : { authorization: login }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })
    asking.on('error', reject)
    asking.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > ANSWER_BYTES_MAX) asking.destroy(new Error('the answer is too long'))
      })
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    const timer = setTimeout(() => asking.destroy(new Error('no answer in time')), timeoutMs)
    asking.end(body === undefined ? undefined : JSON.stringify(body))
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }
}
