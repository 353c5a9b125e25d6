/*
 * One Koa application made twice, with koa-session and with ours, for conformance tests: what a
 * visitor sees must be equal. Ids, signatures and dates differ by nature, so they are replaced.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { session } from '../koa/index.ts'

type Options = Record<string, unknown>
/** Of either package. */
type MakeSession = (options: Options, app: Koa) => Koa.Middleware & { close?: () => Promise<void> }

// Without its types, which declare the same members of a context as ours.
const original: MakeSession = createRequire(import.meta.url)('koa-session').createSession

export type KoaSiteKind = 'original' | 'ours'

/** What a handler works with: every member may be there. */
export interface AnyContext {
  session: (Options & { save(): Promise<void>; regenerate(): Promise<void> }) | null
  sessionOptions: Options
  path: string
  body: unknown
  res: Koa.Context['res']
  respond?: boolean
  cookies: Koa.Context['cookies']
}

export interface KoaAnswer {
  status: number
  body: unknown
  cookies: string[]
}

export interface KoaSite {
  app: Koa
  visit(path: string): Promise<KoaAnswer>
  jar: Map<string, string>
}

export type MakeKoaSite = (
  options: Options,
  handler: (context: AnyContext) => unknown,
) => Promise<KoaSite>

/** Both packages behind one call. */
export function makeSession(kind: KoaSiteKind): MakeSession {
  return kind === 'original' ? original : (session as unknown as MakeSession)
}

/**
 * Gives `use` the maker of one kind of site, and closes what it made. `keeping`: what takes the
 * place of stores that may be any.
 */
export async function withKoaSites<T>(
  kind: KoaSiteKind,
  use: (make: MakeKoaSite) => Promise<T>,
  keeping?: Options,
): Promise<T> {
  const servers: Server[] = []
  const sessions: ReturnType<MakeSession>[] = []
  const make: MakeKoaSite = async (options, handler) => {
    const app = new Koa()
    app.keys = ['holdfast-koa-key']
    app.silent = true
    const { store, ...others } = options
    const isReplaced = keeping !== undefined && Reflect.get(Object(store), 'isReplaceable') === true
    const middleware = makeSession(kind)(isReplaced ? { ...others, ...keeping } : options, app)
    sessions.push(middleware)
    app.use(middleware)
    app.use((context) => handler(context as unknown as AnyContext) as Promise<void>)
    const server = createServer(app.callback()).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return siteOf(app, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  try {
    return await use(make)
  } finally {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
    await Promise.all(sessions.map((middleware) => middleware.close?.()))
  }
}

function siteOf(app: Koa, url: string): KoaSite {
  const jar = new Map<string, string>()
  const visit = async (path: string): Promise<KoaAnswer> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url + path, { headers: cookie === '' ? {} : { cookie } })
    const lines = response.headers.getSetCookie()
    for (const line of lines) keep(jar, line)
    const text = await response.text()
    return { status: response.status, body: parsed(neutral(text)), cookies: lines.map(shown) }
  }
  return { app, visit, jar }
}

function keep(jar: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
  if (value === '') jar.delete(name)
  else jar.set(name, value)
}

/** A Set-Cookie header; data that the cookie holds is shown as what it says. */
function shown(line: string): string {
  const [pair = '', ...attributes] = line.split('; ')
  const [name = '', value = ''] = pair.split(/=(.*)/s)
  const rest = attributes.join('; ').replace(/expires=(?!Thu, 01 Jan 1970)[^;]+/, 'expires=<date>')
  if (name.endsWith('.sig')) return `${name}=<signature>; ${rest}`
  return `${name}=${neutral(contentOf(value))}; ${rest}`
}

function contentOf(value: string): string {
  const text = Buffer.from(value, 'base64').toString()
  return typeof parsed(text) === 'object' ? text : value
}

function neutral(text: string): string {
  return text
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|(?<!\w)\w{32}(?![\w-])/g, '<id>')
    .replace(/\d{13}/g, '1111')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
