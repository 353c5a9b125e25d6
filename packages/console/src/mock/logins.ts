/** Logins of the mock: cookies and tickets that any of its nodes takes. */
import { randomUUID } from 'node:crypto'
import type { Who } from '../rest/types.ts'
import { VERSION } from './answers/pool.ts'
import type { MockNode } from './model.ts'
import type { MockCluster } from './simulation.ts'

export const COOKIE = 'holdfast-ui'
const TICKET_SECONDS = 60
const IDLE_SECONDS = 1800

interface MockLogin {
  user: string
  role: 'admin' | 'reader'
}

export class MockLogins {
  readonly #cluster: MockCluster
  readonly #cookies = new Map<string, MockLogin>()
  readonly #tickets = new Map<string, MockLogin>()

  constructor(cluster: MockCluster) {
    this.#cluster = cluster
  }

  /** A cookie's value for these credentials, or null. */
  open(form: Readonly<Record<string, unknown>>): { cookie: string; login: MockLogin } | null {
    const { user, password, ticket } = form
    const login =
      typeof ticket === 'string' ? this.#tickets.get(ticket) : this.#check(user, password)
    if (!login) return null
    const cookie = randomUUID()
    this.#cookies.set(cookie, login)
    return { cookie, login }
  }

  close(cookie: string): void {
    this.#cookies.delete(cookie)
  }

  of(cookie: string): MockLogin | null {
    return this.#cookies.get(cookie) ?? null
  }

  ticketFor(login: MockLogin): { ticket: string; expiresInSeconds: number } {
    const ticket = randomUUID()
    this.#tickets.set(ticket, login)
    return { ticket, expiresInSeconds: TICKET_SECONDS }
  }

  /** Ends all logins, as time does. */
  expireAll(): void {
    this.#cookies.clear()
    this.#tickets.clear()
  }

  who(login: MockLogin | null, node: MockNode): Who {
    const { isProvisioned } = this.#cluster.state
    return {
      user: login?.user ?? null,
      role: isProvisioned ? (login?.role ?? 'none') : 'admin',
      provisioned: isProvisioned,
      expiresInSeconds: login ? IDLE_SECONDS : null,
      version: VERSION,
      node: node.hostname,
      otpNode: node.otpNode,
    }
  }

  #check(user: unknown, password: unknown): MockLogin | null {
    const { admin, reader } = this.#cluster.state
    if (user === admin.username && password === admin.password) return { user, role: 'admin' }
    const isReader = reader && user === reader.username && password === reader.password
    return isReader ? { user: reader.username, role: 'reader' } : null
  }
}
