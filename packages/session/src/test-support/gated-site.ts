/*
 * A site whose handlers wait at a gate, so that a test decides which requests overlap, and whose
 * warnings are kept.
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@holdfast/client/testing'
import type { ErrorRequestHandler, Express, Request, RequestHandler } from 'express'
import type { SessionOptions } from '../options.ts'
import { startSite, type TestSite } from './test-site.ts'

export interface GatedSite extends TestSite {
  gate: Gate
  /** Messages of the logger's warnings. */
  warnings: string[]
}

export type GatedOptions = Omit<Partial<SessionOptions>, 'secret'>

/** Non-sticky unless the options say otherwise. */
export async function startGatedSite(address: string, options: GatedOptions): Promise<GatedSite> {
  const warnings: string[] = []
  const ignore = (): void => undefined
  const warn = (_fields: object, message: string): unknown => warnings.push(message)
  const gate = new Gate()
  const site = await startSite(
    {
      memcachedNodes: address,
      sticky: false,
      logger: { debug: ignore, info: ignore, warn, error: ignore },
      // It is asked before a request waits for a lock.
      readOnlyRequests: (request) => gate.sees(request),
      ...options,
    },
    (app) => addRoutes(app, gate),
  )
  return { ...site, gate, warnings }
}

export class Gate {
  /** Requests that have come to the server, be they through the gate or wait for a lock. */
  seen = 0
  /** What the requests at the gate were sent with as `k`, in order of arrival. */
  readonly values: unknown[] = []
  /** Codes of the errors that requests ended with. */
  readonly errors: unknown[] = []
  #isOpen = false
  readonly #opened = new EventTarget()

  open(): void {
    this.#isOpen = true
    this.#opened.dispatchEvent(new Event('open'))
  }

  shut(): void {
    this.#isOpen = false
    this.values.length = 0
  }

  /** So many requests have come to the gate. */
  arrived(count: number, timeoutMs?: number): Promise<void> {
    return until(`${count} requests at the gate`, () => this.values.length >= count, timeoutMs)
  }

  async pass(request: Request): Promise<void> {
    this.values.push(request.query.k)
    if (!this.#isOpen) await once(this.#opened, 'open')
  }

  sees(request: unknown): boolean {
    const url = typeof request === 'object' && request !== null ? Reflect.get(request, 'url') : ''
    if (String(url).includes('gate')) this.seen += 1
    return false
  }
}

function addRoutes(app: Express, gate: Gate): void {
  const atGate: RequestHandler = async (req, res) => {
    await gate.pass(req)
    for (const [name, value] of Object.entries(req.query)) {
      if (name !== 'x') req.session[name] = value
    }
    res.json({ ...req.session })
  }
  app.get('/gate', atGate)
  app.get('/other-gate', atGate)
  app.get('/slow-count', async (req, res) => {
    const count = Number(req.session.count ?? 0)
    await delay(5)
    req.session.count = count + 1
    res.json({ count: req.session.count })
  })
  app.get('/save', async (req, res) => {
    req.session.saved = true
    await req.session.save()
    res.json({ ...req.session })
  })
  app.get('/fail', () => {
    throw new Error('on purpose')
  })
  const note: ErrorRequestHandler = (error, _req, _res, next) => {
    gate.errors.push(Reflect.get(error, 'code'))
    next(error)
  }
  app.use(note)
}
