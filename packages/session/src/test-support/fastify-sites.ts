/*
 * One Fastify application made twice, with @fastify/session and with ours, for conformance tests:
 * what a visitor sees must be equal. Ids and signatures differ by nature, so they are numbered in
 * the order in which they are met.
 */
import { createRequire } from 'node:module'
import fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import { fastifySession } from '../fastify/index.ts'

type PluginOptions = Record<string, unknown>
type AnyPlugin = FastifyPluginCallback<PluginOptions>

// Without their types, which declare the same members of a request as ours.
const load = createRequire(import.meta.url)
const peerSession: AnyPlugin = load('@fastify/session')
const cookiePlugin: AnyPlugin = load('@fastify/cookie')

export const SECRET = 'a secret of at least thirty-two characters'

/** Which plugin a site has: the original, or ours with and without @fastify/cookie beside it. */
export type SiteKind = 'original' | 'ours' | 'ours with @fastify/cookie'

export interface Answer {
  status: number
  /** JSON, or text. */
  body: unknown
  /** Set-Cookie headers, with ids and dates replaced. */
  cookies: string[]
}

export interface FastifySite {
  app: FastifyInstance
  /** A visitor that keeps cookies. */
  visit(url: string, headers?: Record<string, string>): Promise<Answer>
  /** Its cookies by name, URL-decoded. */
  jar: Map<string, string>
  /** Replaces ids by `<id 1>` and so on. */
  named(text: string): string
}

/** Makes a site; `secure: false` unless said otherwise, because tests speak plain HTTP. */
export type MakeSite = (
  options: PluginOptions,
  addRoutes?: (app: FastifyInstance) => void,
) => Promise<FastifySite>

/**
 * Gives `use` the maker of one kind of site and closes what it made. `keeping`: where sites of ours
 * without a `store` keep their sessions.
 */
export async function withSites<T>(
  kind: SiteKind,
  use: (make: MakeSite) => Promise<T>,
  keeping: PluginOptions = {},
): Promise<T> {
  const apps: FastifyInstance[] = []
  const make: MakeSite = async (options, addRoutes) => {
    const app = fastify({ trustProxy: true })
    apps.push(app)
    if (kind !== 'ours') await app.register(cookiePlugin)
    const plugin = kind === 'original' ? peerSession : (fastifySession as unknown as AnyPlugin)
    const kept = kind === 'original' || options.store !== undefined ? {} : keeping
    await app.register(plugin, { secret: SECRET, cookie: { secure: false }, ...kept, ...options })
    addRoutes?.(app)
    return siteOf(app)
  }
  try {
    return await use(make)
  } finally {
    // An app whose plugin was refused rejects here too; its error has been seen by then.
    await Promise.allSettled(apps.map((app) => app.close()))
  }
}

function siteOf(app: FastifyInstance): FastifySite {
  const jar = new Map<string, string>()
  const ids: string[] = []
  const named = (text: string): string =>
    decodeURIComponent(text)
      .replace(/([\w~-]{32})(\.[\w+/]{40,90})?/g, (_all, id: string, signature = '') => {
        if (!ids.includes(id)) ids.push(id)
        return `<id ${ids.indexOf(id) + 1}>${signature === '' ? '' : '.<signature>'}`
      })
      .replace(/Expires=(?!Thu, 01 Jan 1970)[^;]+/, 'Expires=<date>')
  const visit = async (url: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const cookie = [...jar]
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('; ')
    const sent = cookie === '' ? headers : { cookie, ...headers }
    const response = await app.inject({ url, headers: sent })
    const lines = [response.headers['set-cookie'] ?? []].flat()
    for (const line of lines) keep(jar, line)
    return {
      status: response.statusCode,
      body: bodyOf(response.body, named),
      cookies: lines.map(named),
    }
  }
  return { app, visit, jar, named }
}

function keep(jar: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
  if (line.includes('Expires=Thu, 01 Jan 1970')) jar.delete(name)
  else jar.set(name, decodeURIComponent(value))
}

function bodyOf(text: string, named: (text: string) => string): unknown {
  try {
    return JSON.parse(named(text))
  } catch {
    return named(text)
  }
}
