/*
 * A behaviour that express-session documents or shows, as something that can be run against any
 * make of it: an application, requests, and what is seen from outside.
 *
 * What is seen is made comparable: session ids become `id1`, `id2` in the order in which they
 * appear, ends of cookies become seconds from now (what a machine takes its time for may part two
 * runs: `withEndsOf` leaves that out), and the calls to the store are listed.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { SessionStoreLike } from '../../express/store-like.ts'
import type { Middleware, SessionMaker } from './peers.ts'

export interface Scenario {
  /** The option or the part of the API that it is about. */
  topic: string
  /** A sentence of behaviour. */
  name: string
  /** Besides `secret`, `resave: false` and `saveUninitialized: false`. */
  options?: Record<string, unknown>
  /** Comes before the session middleware. */
  before?: (app: Express) => void
  routes?: (app: Express) => void
  run: (site: Site) => Promise<unknown>
  /**
   * Why we differ, where we do: over an express-session store, over the Holdfast engine in both
   * modes, in its sticky mode only.
   */
  differs?: { store?: string; engine?: string; sticky?: string }
  /** It is about what express-session does with its store, or cannot be asked of the engine. */
  storeOnly?: boolean
}

export interface Seen {
  status: number
  body: unknown
  /** Set-Cookie headers. */
  set: string[]
}

/** A running application with one browser. */
export interface Site {
  session: SessionMaker
  /** The middleware in use. */
  make: (options: Record<string, unknown>) => Middleware
  /** Undefined over the engine. */
  store: SessionStoreLike | undefined
  /** Calls to the store since the last look. */
  calls: () => string[]
  get: (path: string, headers?: Record<string, string>) => Promise<Seen>
  url: string
  jar: Map<string, string>
}

/** What a scenario runs on. */
export interface Make {
  session: SessionMaker
  /** Undefined: the Holdfast engine. */
  store: SessionStoreLike | undefined
  engine?: Record<string, unknown>
}

/** Some mistakes leave express-session without an answer. */
const ANSWER_TIMEOUT_MS = 5000
/** Cookies of the scenarios end after a minute or an hour, or have ended long ago. */
const ENDS_APART_SECONDS_MAX = 30
export const SECRET = 'conformance-secret'

/** Runs it and returns what was seen; an error that the scenario does not catch is seen, too. */
export async function runScenario(scenario: Scenario, made: Make): Promise<unknown> {
  const calls: string[] = []
  const store = made.store === undefined ? undefined : listening(made.store, calls)
  const make = (options: Record<string, unknown>): Middleware => {
    const defaults = { secret: SECRET, resave: false, saveUninitialized: false }
    const given = { ...defaults, ...(store === undefined ? made.engine : { store }), ...options }
    return made.session(given)
  }
  const app = express()
  app.set('env', 'test')
  const server = createServer(app)
  try {
    scenario.before?.(app)
    app.use(make(scenario.options ?? {}))
    scenario.routes?.(app)
    usualRoutes(app)
    app.use(answerError)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const site = { session: made.session, make, store, calls: () => calls.splice(0), url }
    return await scenario.run({ ...site, ...browser(url) })
  } catch (error) {
    return { thrown: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

function usualRoutes(app: Express): void {
  app.get('/none', (_req, res) => void res.send('none'))
  app.get('/read', (req, res) => {
    const { cookie: _cookie, ...attributes } = req.session
    res.json({ ...attributes, id: req.sessionID })
  })
  app.get('/set', (req, res) => {
    Object.assign(req.session, req.query)
    res.json({ id: req.sessionID })
  })
}

function answerError(
  error: Error & { status?: number },
  _req: Request,
  res: Response,
  next: NextFunction,
): void {
  if (res.headersSent) next(error)
  else res.status(error.status ?? 500).json({ error: error.message })
}

/** Keeps cookies, and gives ids their short names. */
function browser(url: string): Pick<Site, 'get' | 'jar'> {
  const jar = new Map<string, string>()
  const ids: string[] = []
  const shortId = (id: string): string => {
    if (!ids.includes(id)) ids.push(id)
    return `id${ids.indexOf(id) + 1}`
  }
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Seen> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const sent = new Headers(cookie === '' ? headers : { cookie, ...headers })
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const response = await fetch(url + path, { headers: sent, redirect: 'manual', signal }).catch(
      () => undefined,
    )
    if (response === undefined) return { status: 0, body: 'no answer', set: [] }
    const set = response.headers.getSetCookie()
    for (const line of set) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    const text = await response.text()
    return {
      status: response.status,
      body: withShortIds(parsed(text), shortId),
      set: set.map((line) => comparable(line, shortId)),
    }
  }
  return { get, jar }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function withShortIds(body: unknown, shortId: (id: string) => string): unknown {
  if (typeof body !== 'object' || body === null || !('id' in body)) return body
  return { ...body, id: typeof body.id === 'string' ? shortId(body.id) : body.id }
}

function comparable(line: string, shortId: (id: string) => string): string {
  return line
    .replace(/=s%3A([^;]*)/, (_all, value: string) => {
      const text = decodeURIComponent(value)
      return `=${shortId(text.slice(0, text.lastIndexOf('.')))}`
    })
    .replace(/Expires=([^;]*)/, (_all, date: string) => {
      return `Expires=${Math.round((Date.parse(date) - Date.now()) / 1000)}s`
    })
}

/**
 * What was seen, with the ends of its cookies as `other` has them wherever the two are no further
 * apart than a busy machine may bring them.
 */
export function withEndsOf(other: unknown, seen: unknown): unknown {
  if (typeof seen === 'string') return typeof other === 'string' ? withEnd(other, seen) : seen
  if (typeof seen !== 'object' || seen === null) return seen
  if (typeof other !== 'object' || other === null) return seen
  const near = (key: string, value: unknown): unknown => withEndsOf(Reflect.get(other, key), value)
  if (Array.isArray(seen)) return seen.map((value, place) => near(String(place), value))
  return Object.fromEntries(Object.entries(seen).map(([key, value]) => [key, near(key, value)]))
}

function withEnd(other: string, seen: string): string {
  const [theirs, ours] = [other, seen].map((line) => /Expires=(-?\d+)s/.exec(line)?.[1])
  if (theirs === undefined || ours === undefined) return seen
  if (Math.abs(Number(theirs) - Number(ours)) > ENDS_APART_SECONDS_MAX) return seen
  return seen.replace(`Expires=${ours}s`, `Expires=${theirs}s`)
}

/** Lists the calls to the store. */
function listening(store: SessionStoreLike, calls: string[]): SessionStoreLike {
  for (const name of ['get', 'set', 'touch', 'destroy'] as const) {
    const original: unknown = Reflect.get(store, name)
    if (typeof original !== 'function') continue
    Reflect.set(store, name, (...args: unknown[]): unknown => {
      calls.push(name)
      return Reflect.apply(original, store, args)
    })
  }
  return store
}
