/**
 * An application with sessions, and who visits it: a server that sets the attributes of a POST and
 * shows some of them, within the process of a test.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSessions, type NodeSessionOptions } from '@holdfast/session/node-http'

/** What the application makes of an attribute `cart`. */
export const CART: { items: string[]; since: Date } = { items: ['a', 'b'], since: new Date(0) }
const SHOWN = ['name', 'other', 'user']

export interface Application {
  url: string
  close(): Promise<void>
}

/** Deadlines are long: a test's machine may be busy. */
export async function startApplication(
  options: Partial<NodeSessionOptions> & { memcachedNodes: string },
): Promise<Application> {
  const sessions = createSessions<Record<string, unknown>>({
    secret: 'a secret of the application',
    operationTimeout: 20_000,
    storeWait: 10_000,
    sessionBackupAsync: false,
    sessionBackupTimeout: 20_000,
    ...options,
  })
  const server = createServer(
    sessions.listener(async (request, response, session) => {
      let text = ''
      for await (const chunk of request) text += String(chunk)
      const given: Record<string, unknown> = text === '' ? {} : JSON.parse(text)
      for (const [name, value] of Object.entries(given)) {
        session.set(name, name === 'cart' ? CART : value)
      }
      const shown = (text === '' ? SHOWN : []).flatMap((name) => {
        const value = session.get(name)
        return value === undefined ? [] : [[name, value]]
      })
      response.end(JSON.stringify(Object.fromEntries(shown)))
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await sessions.close()
    },
  }
}

/** One visitor of an application, with the cookie that it has. */
export class Visitor {
  readonly #url: string
  #cookie = ''

  constructor(url: string) {
    this.#url = url
  }

  /** The session's id as the application has it. */
  get id(): string {
    const signed = decodeURIComponent(this.cookieValue).slice('s:'.length)
    return signed.slice(0, signed.lastIndexOf('.'))
  }

  /** The part of it that the store knows. */
  get sid(): string {
    return this.id.replace(/\..*$/, '')
  }

  get cookieValue(): string {
    return this.#cookie.slice(this.#cookie.indexOf('=') + 1)
  }

  async set(attributes: object): Promise<void> {
    await this.#visit('POST', JSON.stringify(attributes))
  }

  async read(): Promise<object> {
    return JSON.parse(await this.#visit('GET'))
  }

  async #visit(method: string, body?: string): Promise<string> {
    const headers = { cookie: this.#cookie }
    const response = await fetch(this.#url, { method, headers, ...(body ? { body } : {}) })
    const [cookie] = response.headers.getSetCookie()
    if (cookie !== undefined) this.#cookie = cookie.replace(/;.*$/, '')
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return text
  }
}
