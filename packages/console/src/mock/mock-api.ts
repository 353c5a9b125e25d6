/**
 * The mock over HTTP: logins, the table of routes, the stream of events, and the words that steer
 * it (`POST /mock/control`). One handler for the development server and for page tests. A node that
 * is dead answers nothing: its connections are cut.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answer, type MockAnswer, type MockRequest } from './answer.ts'
import { control } from './control.ts'
import { COOKIE, MockLogins } from './logins.ts'
import type { MockNode } from './model.ts'
import { mockRoutes } from './routes.ts'
import { MockCluster } from './simulation.ts'

const TICK_MS = 500
const LOOK_MS = 250
const BODY_BYTES_MAX = 1024 * 1024
const ROOTS =
  /^\/(events|health|whoami|ui(login|logout|ticket)|mock|pools|nodes|node|controller|settings|logs|alerts|proxies|sessions|logClientError)(\/|\?|$)/

export interface MockApiOptions {
  hostnames: readonly string[]
  fresh?: boolean
}

export class MockApi {
  readonly cluster: MockCluster
  readonly logins: MockLogins
  readonly #streams = new Set<{ response: ServerResponse; node: string }>()
  readonly #timer: NodeJS.Timeout

  constructor(options: MockApiOptions) {
    this.cluster = new MockCluster(options)
    this.logins = new MockLogins(this.cluster)
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const { response } of this.#streams) response.destroy()
  }

  /** Answers what is for the REST of the node at `hostname`; false for what is not. */
  handle(hostname: string, request: IncomingMessage, response: ServerResponse): boolean {
    const node = this.#nodeAt(hostname)
    if (!node.isAlive && !request.url?.startsWith('/mock')) {
      request.socket.destroy()
      return true
    }
    if (!ROOTS.test(request.url ?? '')) return false
    void this.#answer(node, request, response)
    return true
  }

  /** A node that was removed goes on alone; here it still serves its page. */
  #nodeAt(hostname: string): MockNode {
    const { nodes } = this.cluster.state
    const node = nodes.find((n) => n.hostname === hostname) ?? nodes[0]
    if (!node) throw new Error('the mock has no nodes')
    return node
  }

  #tick(): void {
    this.cluster.tick()
    for (const { response, node } of this.#streams) {
      if (!this.#nodeAt(node).isAlive) response.destroy()
    }
  }

  async #answer(node: MockNode, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://mock')
    const body = await readBody(request)
    const cookie = cookieOf(request)
    const login = request.headers['ns-server-ui'] === 'yes' ? this.logins.of(cookie) : null
    const { role } = this.logins.who(login, node)
    const asked = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      ...{ body, role, node },
      user: login?.user ?? null,
    }
    if (url.pathname === '/events') {
      if (role === 'none') return reply(response, { status: 401, body: '' })
      return this.#stream({ asked, cookie, paths: url.searchParams.getAll('watch') }, response)
    }
    const special = this.#special(asked, cookie, response)
    reply(response, special ?? answer(mockRoutes, asked, this.cluster))
  }

  /** Logins and the words that steer; null for what the table answers. */
  #special(
    asked: Omit<MockRequest, 'params'>,
    cookie: string,
    response: ServerResponse,
  ): MockAnswer | null {
    const login = this.logins.of(cookie)
    switch (`${asked.method} ${asked.path}`) {
      case 'GET /whoami':
        return { status: 200, body: this.logins.who(login, asked.node) }
      case 'POST /uilogin': {
        const opened = this.logins.open(asked.body)
        if (!opened) {
          const errors = { password: 'User name or password is wrong.' }
          return { status: 401, body: { errors } }
        }
        response.setHeader('set-cookie', cookieLine(opened.cookie))
        return { status: 200, body: { ...opened.login, expiresInSeconds: 1800 } }
      }
      case 'POST /uilogout':
        this.logins.close(cookie)
        response.setHeader('set-cookie', `${cookieLine('')}; Max-Age=0`)
        return { status: 200, body: '' }
      case 'POST /uiticket':
        return login
          ? { status: 200, body: this.logins.ticketFor(login) }
          : { status: 401, body: '' }
      case 'POST /mock/control':
        return { status: 200, body: control(this, asked.body) }
      default:
        return null
    }
  }

  #stream(
    of: { asked: Omit<MockRequest, 'params'>; cookie: string; paths: string[] },
    response: ServerResponse,
  ): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const entry = { response, node: of.asked.node.hostname }
    this.#streams.add(entry)
    const last = new Map<string, string>()
    let id = 0
    const look = (): void => {
      if (of.asked.user !== null && !this.logins.of(of.cookie)) {
        response.end('event: expired\ndata: {}\n\n')
        return
      }
      response.write(':\n')
      for (const path of of.paths) {
        const text = JSON.stringify({ path, ...this.#look(of.asked, path) })
        if (last.get(path) === text) continue
        last.set(path, text)
        response.write(`event: watch\nid: ${++id}\ndata: ${text}\n\n`)
      }
    }
    const timer = setInterval(look, LOOK_MS)
    response.on('close', () => {
      clearInterval(timer)
      this.#streams.delete(entry)
    })
    look()
  }

  #look(asked: Omit<MockRequest, 'params'>, path: string): MockAnswer {
    const url = new URL(path, 'http://mock')
    const query = Object.fromEntries(url.searchParams)
    const request = { ...asked, method: 'GET', path: url.pathname, query, body: {} }
    return answer(mockRoutes, request, this.cluster)
  }
}

function reply(response: ServerResponse, { status, body }: MockAnswer): void {
  const isText = typeof body === 'string' && body === ''
  response.writeHead(status, {
    'content-type': isText ? 'text/plain' : 'application/json',
    'access-control-allow-origin': '*',
  })
  response.end(isText ? '' : JSON.stringify(body))
}

function cookieLine(value: string): string {
  return `${COOKIE}=${value}; HttpOnly; SameSite=Strict; Path=/`
}

function cookieOf(request: IncomingMessage): string {
  const found = new RegExp(`${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '')
  return found?.[1] ?? ''
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > BODY_BYTES_MAX) return {}
  }
  if (text.startsWith('{')) return JSON.parse(text) as Record<string, unknown>
  return Object.fromEntries(new URLSearchParams(text))
}
