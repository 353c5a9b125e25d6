/*
 * What the conformance cases of the Fastify plugin are made of: usual routes, visits that report
 * what they saw, and a store that tells what it was asked.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { MakeSite } from './fastify-sites.ts'

export interface FastifyCase {
  /** A sentence: what holds. */
  name: string
  observe: (make: MakeSite) => Promise<unknown>
  /** How ours differs, and why. */
  differs?: string
}

export type Data = Record<string, unknown>
export type AnySession = FastifyRequest['session'] & Data

export const sessionOf = (request: FastifyRequest): AnySession => request.session as AnySession

/** Routes that most cases use. */
export function usualRoutes(app: FastifyInstance): void {
  app.get('/none', async () => 'none')
  app.get('/read', async (request) => ({ ...sessionOf(request), cookie: undefined }))
  app.get('/id', async (request) => request.session.sessionId)
  app.get('/set/:name/:value', async (request) => {
    const { name, value } = request.params as { name: string; value: string }
    sessionOf(request)[name] = value
    return 'set'
  })
  app.get('/destroy', async (request) => {
    await request.session.destroy()
    return { session: request.session }
  })
  app.get('/fail', async (request) => {
    sessionOf(request).failed = true
    throw new Error('handler failed')
  })
}

export const messageOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work()
    return 'no error'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Visits the URLs one after the other. */
export const visits =
  (options: Data, ...urls: string[]): FastifyCase['observe'] =>
  async (make) => {
    const site = await make(options, usualRoutes)
    const answers: unknown[] = []
    for (const url of urls) answers.push(await site.visit(url))
    return answers
  }

/** One route that reports what it sees. */
export const route =
  (
    options: Data,
    handler: (request: FastifyRequest, session: AnySession) => unknown,
    ...more: string[]
  ): FastifyCase['observe'] =>
  async (make) => {
    const site = await make(options, (app) => {
      usualRoutes(app)
      app.get('/', async (request) => ({ seen: await handler(request, sessionOf(request)) }))
    })
    const answers: unknown[] = [await site.visit('/set/user/ann'), await site.visit('/')]
    for (const url of more) answers.push(await site.visit(url))
    return answers
  }

export const NOT_STORED: Data = { saveUninitialized: false, rolling: false }
export const HTTPS: Record<string, string> = { 'x-forwarded-proto': 'https' }

/** A store in express-session's form that keeps JSON and tells what it was asked. */
export function recordingStore(): {
  texts: Map<string, string>
  calls: [string, string][]
} & Record<'get' | 'set' | 'destroy' | 'touch', (...args: never[]) => void> {
  const texts = new Map<string, string>()
  const calls: [string, string][] = []
  return {
    texts,
    calls,
    get: (id: string, callback: (error: unknown, session?: unknown) => void) => {
      calls.push(['get', id])
      const text = texts.get(id)
      setImmediate(() => callback(null, text === undefined ? undefined : JSON.parse(text)))
    },
    set: (id: string, session: object, callback: () => void) => {
      calls.push(['set', id])
      texts.set(id, JSON.stringify(session))
      setImmediate(callback)
    },
    destroy: (id: string, callback: () => void) => {
      calls.push(['destroy', id])
      texts.delete(id)
      setImmediate(callback)
    },
    touch: (id: string, _session: object, callback: () => void) => {
      calls.push(['touch', id])
      setImmediate(callback)
    },
  }
}
