/**
 * The sessions of a node's buckets: opens the session browser that the node was started with when
 * it is asked for the first time, and gives it the buckets. At most ASKED_AT_ONCE_MAX questions are
 * answered at a time.
 */
import { hostnameOf } from '../document/cluster-document.ts'
import type { StoreNode } from '../node.ts'
import { GATEWAY_USER } from '../rest/access.ts'
import { type PagedBucket, readItems, readPage } from './bucket-pages.ts'
import type {
  BucketAccess,
  OpenSessionBrowser,
  SessionBrowser,
  SessionSource,
} from './session-browser.ts'

/** Questions that are being answered. */
export const ASKED_AT_ONCE_MAX = 8

/** Raised when a node cannot look at sessions. */
export class SessionsUnavailableError extends Error {
  readonly code = 'HOLDFAST_SESSIONS_UNAVAILABLE'
}

type Host = Pick<StoreNode, 'document' | 'log' | 'selfMember'> & {
  heartbeats: Pick<StoreNode['heartbeats'], 'isLive'>
}

export class NodeSessions {
  readonly #node: Host
  readonly #open: OpenSessionBrowser | null
  #browser: Promise<SessionBrowser> | undefined
  #asked = 0

  constructor(node: Host, open: OpenSessionBrowser | null) {
    this.#node = node
    this.#open = open
  }

  /** Asks the browser. Throws {@link SessionsUnavailableError}. */
  async ask<T>(question: (browser: SessionBrowser) => Promise<T>): Promise<T> {
    const open = this.#open
    if (open === null) throw new SessionsUnavailableError('this node cannot look at sessions')
    if (this.#asked >= ASKED_AT_ONCE_MAX) {
      throw new SessionsUnavailableError(`${ASKED_AT_ONCE_MAX} questions about sessions wait here`)
    }
    this.#asked++
    try {
      return await question(await this.#opened(open))
    } finally {
      this.#asked--
    }
  }

  async #opened(open: OpenSessionBrowser): Promise<SessionBrowser> {
    this.#browser ??= open(this.#source())
    try {
      return await this.#browser
    } catch (error) {
      this.#browser = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    const browser = await this.#browser?.catch(() => undefined)
    await browser?.close()
  }

  #source(): SessionSource {
    return {
      bucket: (name) => this.#bucket(name),
      warn: (fields, message) => this.#node.log.warn(fields, message),
    }
  }

  #bucket(name: string): BucketAccess | null {
    const { document, selfMember } = this.#node
    const bucket = document.buckets.find((b) => b.name === name)
    if (bucket === undefined) return null
    const paged: PagedBucket = {
      document,
      bucket,
      self: selfMember.id,
      isLive: (member) => this.#node.heartbeats.isLive(member),
    }
    const path = `/pools/default/bucketsStreaming/${encodeURIComponent(name)}`
    return {
      uuid: bucket.uuid,
      url: `http://${hostnameOf(selfMember)}${path}`,
      username: GATEWAY_USER,
      password: document.secret,
      read: (keys) => readItems(paged, keys),
      page: (question) => readPage(paged, question),
    }
  }
}
