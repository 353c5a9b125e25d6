/*
 * The stage of one test of original-behaviours/: memcached servers, and application servers
 * ("hosts") in front of them in one mode of the matrix. Whatever was started is gone when the test
 * ends.
 *
 * A mode is sticky or not, with one of the original's lock modes. In sticky mode locks have no
 * effect, so `MODES` has sticky sessions once; `MODES_WITH_STICKY_LOCKS` has them with each.
 */
import type { TestContext } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { Express, Request, Response } from 'express'
import type { SessionOptions } from '../options.ts'
import type { SessionManager } from '../session-manager.ts'
import { Gate } from './gated-site.ts'
import { startSite, type TestSite } from './test-site.ts'

export interface Mode {
  readonly name: string
  readonly sticky: boolean
  readonly lockingMode: string
  /** Requests run one after the other unless something else is known of them. */
  readonly locks: boolean
}

const LOCKING_MODES = ['none', 'all', 'auto', 'uriPattern:.*'] as const

export const NON_STICKY_MODES: readonly Mode[] = LOCKING_MODES.map((lockingMode) => ({
  name: `non-sticky, ${lockingMode}`,
  sticky: false,
  lockingMode,
  locks: lockingMode !== 'none',
}))

export const STICKY_MODES: readonly Mode[] = LOCKING_MODES.map((lockingMode) => ({
  name: `sticky, ${lockingMode}`,
  sticky: true,
  lockingMode,
  locks: false,
}))

export const MODES: readonly Mode[] = [...STICKY_MODES.slice(0, 1), ...NON_STICKY_MODES]
export const MODES_WITH_STICKY_LOCKS: readonly Mode[] = [...STICKY_MODES, ...NON_STICKY_MODES]
export const LOCKING_NON_STICKY_MODES: readonly Mode[] = NON_STICKY_MODES.filter(
  ({ locks }) => locks,
)

/** The limits that applications have, for tests in which a node is away. */
export const IMPATIENT = {
  storeWait: 250,
  operationTimeout: 2500,
  sessionBackupTimeout: 2500,
} as const

export type HostOptions = Omit<Partial<SessionOptions>, 'secret'>

/** One application server. */
export interface Host extends TestSite {
  readonly manager: SessionManager
  readonly gate: Gate
  /** Messages of the logger's warnings. */
  readonly warnings: string[]
}

export class BehaviourStage {
  readonly stores: readonly MemcachedProcess[]
  readonly #mode: Mode
  readonly #open = new Set<TestSite>()
  #hosts = 0

  private constructor(mode: Mode, stores: readonly MemcachedProcess[]) {
    this.#mode = mode
    this.stores = stores
  }

  static async open(t: TestContext, mode: Mode, storeCount = 1): Promise<BehaviourStage> {
    const starting = Array.from({ length: storeCount }, () => MemcachedProcess.start())
    const stage = new BehaviourStage(mode, await Promise.all(starting))
    t.after(() => stage.#strike())
    return stage
  }

  /** The only store, or the first. */
  get store(): MemcachedProcess {
    return this.storeAt(0)
  }

  storeAt(place: number): MemcachedProcess {
    const store = this.stores[place]
    if (store === undefined) throw new Error(`bug: there is no store ${place}`)
    return store
  }

  /** The store of a node id `n1`, `n2`, ... or of a session id with such an end. */
  storeOf(id: string): MemcachedProcess {
    const [, digit] = /n(\d)(?:\.\w+)?$/.exec(id) ?? []
    return this.storeAt(Number(digit) - 1)
  }

  /** As `memcachedNodes` wants them: one bare address, or several with ids. */
  get nodes(): string {
    if (this.stores.length === 1) return this.store.address
    return this.stores.map(({ address }, place) => `n${place + 1}:${address}`).join(',')
  }

  /** Starts an application server; sticky ones get the routes app1, app2, ... in turn. */
  async host(options: HostOptions = {}): Promise<Host> {
    const { sticky, lockingMode } = this.#mode
    this.#hosts += 1
    const warnings: string[] = []
    const ignore = (): void => undefined
    const warn = (_fields: object, message: string): unknown => warnings.push(message)
    const gate = new Gate()
    const site = await startSite(
      {
        memcachedNodes: this.nodes,
        sticky,
        lockingMode,
        sessionBackupAsync: false,
        logger: { debug: ignore, info: ignore, warn, error: ignore },
        ...(sticky
          ? { jvmRoute: `app${this.#hosts}` }
          : { readOnlyRequests: (request) => gate.sees(request) }),
        ...options,
      },
      (app) => addRoutes(app, gate),
    )
    this.#open.add(site)
    const { sessionManager: manager } = site.sessions
    return { ...site, close: () => this.#close(site), manager, gate, warnings }
  }

  async #close(site: TestSite): Promise<void> {
    if (this.#open.delete(site)) await site.close()
  }

  async #strike(): Promise<void> {
    await Promise.all([...this.#open].map((site) => this.#close(site)))
    await Promise.all(this.stores.map((store) => store.kill()))
  }
}

/** Resolves when no request of this host holds a lock: it goes back after the response is out. */
export function unlocked(host: Host): Promise<void> {
  const { counts } = host.manager.settings.observer
  return until('locks are given back', () => counts.locksHeld === 0)
}

function addRoutes(app: Express, gate: Gate): void {
  const set = (req: Request, res: Response): void => {
    Object.assign(req.session, req.query)
    res.json({ ...req.session, id: req.session.id })
  }
  app.post('/set', set)
  app.all('/gate', async (req, res) => {
    await gate.pass(req)
    set(req, res)
  })
  app.get('/remove', (req, res) => {
    delete req.session[String(req.query.name)]
    res.send('removed')
  })
  app.all('/increment', async (req, res) => {
    await req.session.update((attributes) => {
      attributes.count = Number(attributes.count ?? 0) + 1
    })
    res.json({ count: req.session.count })
  })
  app.post('/login', async (req, res) => {
    await req.session.regenerate({ keep: ['wanted'] })
    req.session.user = req.query.user
    res.json({ ...req.session })
  })
  app.get('/large', (req, res) => {
    req.session.large = 'x'.repeat(Number(req.query.bytes))
    res.send('large')
  })
}
