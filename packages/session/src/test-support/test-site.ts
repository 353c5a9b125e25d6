/*
 * An Express application with the session middleware, and a browser that keeps cookies, for tests.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import express, { type Express } from 'express'
import { type EngineSessionMiddleware, type SessionOptions, session } from '../express/index.ts'

export interface TestSite {
  url: string
  sessions: EngineSessionMiddleware
  close: () => Promise<void>
}

export const SECRET = 'test-secret'

/** On a busy machine nothing is away that only takes its time; for tests of something else. */
export const PATIENT = {
  storeWait: 10_000,
  operationTimeout: 20_000,
  sessionBackupTimeout: 20_000,
} as const

/** For tests with a store that is frozen: what is not away has answered by then. */
export const AWAY_AFTER_MS = 1500

/** How long a condition may take to come true on a busy machine. */
const EVENTUALLY_MS = 30_000

/** Patient where the options do not say otherwise. Routes of `addRoutes` come after the usual ones. */
export async function startSite(
  options: Omit<SessionOptions, 'secret'> & { secret?: string },
  addRoutes?: (app: Express) => void,
): Promise<TestSite> {
  const sessions = session({ secret: SECRET, ...PATIENT, ...options })
  const app = express()
  app.use(sessions)
  addUsualRoutes(app)
  addRoutes?.(app)
  app.use(answerError)
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
      await sessions.close()
    },
  }
}

function addUsualRoutes(app: Express): void {
  app.get('/none', (_req, res) => {
    res.send('no session touched')
  })
  app.get('/read', (req, res) => {
    res.json({ ...req.session, id: req.session.id })
  })
  app.get('/count', (req, res) => {
    req.session.count = Number(req.session.count ?? 0) + 1
    res.json({ count: req.session.count, id: req.session.id })
  })
  app.get('/set', (req, res) => {
    for (const [name, value] of Object.entries(req.query)) req.session[name] = value
    res.json({ id: req.session.id })
  })
  // Loads, waits, then writes: parallel ones overlap.
  app.get('/slow-set', async (req, res) => {
    await delay(30)
    for (const [name, value] of Object.entries(req.query)) req.session[name] = value
    res.json({ id: req.session.id })
  })
  app.get('/redirect', (req, res) => {
    req.session.step = req.query.step
    res.redirect('/read')
  })
  app.get('/logout', (req, res, next) => {
    req.session.destroy((error) => (error === undefined ? res.send('bye') : next(error)))
  })
  app.get('/regenerate', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error !== undefined) return next(error)
      req.session.fresh = true
      return res.json({ id: req.session.id })
    })
  })
}

function answerError(
  error: Error & { status?: number; code?: string },
  _req: express.Request,
  res: express.Response,
  next: express.NextFunction,
): void {
  if (res.headersSent) next(error)
  else res.status(error.status ?? 500).json({ code: error.code, message: error.message })
}

export interface Page {
  status: number
  headers: Headers
  text: string
  /** The body as JSON, or {}. */
  json: Record<string, unknown>
}

/** Keeps cookies by name; does not follow redirects. */
export class Browser {
  readonly cookies: Map<string, string> = new Map()

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** The session id in the cookie, without its signature. */
  get sessionId(): string {
    const value = decodeURIComponent(this.cookies.get('connect.sid') ?? '')
    return value.slice(2, value.lastIndexOf('.'))
  }

  async get(url: string, init: RequestInit = {}): Promise<Page> {
    const headers = new Headers(init.headers)
    if (this.cookies.size > 0) headers.set('cookie', this.cookieHeader)
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.cookies.set(name, value)
    }
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parsed(text) }
  }
}

/** Waits until the condition holds; fails after `EVENTUALLY_MS`. */
export async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = performance.now() + EVENTUALLY_MS
  while (!(await condition())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`condition did not come true in ${EVENTUALLY_MS} ms`)
    }
    await delay(10)
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? { ...json } : {}
  } catch {
    return {}
  }
}
