/**
 * Pools for tests of policies: embedded stores in folders of their own, each of which can be
 * reached directly, stopped, and emptied, and an upstream in front of a policy over them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Backend, EmbeddedStore, Turn } from '@holdfast/client'
import { TextUpstream } from '@holdfast/client/testing'
import { findRouteType } from '../route-types.ts'

const NAMES = ['a', 'b', 'c'] as const
type PoolName = (typeof NAMES)[number]

export class TestPools {
  readonly turn: Turn = new Turn()
  readonly #folder: string
  readonly #stores: Map<string, EmbeddedStore> = new Map()
  readonly #upstreams: TextUpstream[] = []

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Opens pools named a, b and c. */
  static async open(): Promise<TestPools> {
    const pools = new TestPools(await mkdtemp(join(tmpdir(), 'holdfast-routes-')))
    for (const name of NAMES) pools.#open(name)
    return pools
  }

  /** The store of a pool. */
  store(name: string): EmbeddedStore {
    const store = this.#stores.get(name)
    if (store === undefined) throw new Error(`no pool ${name}`)
    return store
  }

  /** A policy over the pools, as the configuration would make it. */
  route(options: { type: string } & Record<string, unknown>): Backend {
    const plan = findRouteType(options.type)?.plan(options)
    if (plan === undefined) throw new Error(`no policy ${options.type}`)
    return plan.build((name) => this.store(name))
  }

  /** An application in front of a backend. */
  client(backend: Backend, timeoutMs = 5000): TextUpstream {
    const upstream = new TextUpstream(backend, this.turn, timeoutMs)
    this.#upstreams.push(upstream)
    return upstream
  }

  /** Asks one pool directly. */
  async ask(name: PoolName, text: string): Promise<string> {
    return await this.client(this.store(name)).ask(text)
  }

  /** From now on the pool fails whatever it is asked. */
  async kill(name: PoolName): Promise<void> {
    await this.store(name).stop()
  }

  async close(): Promise<void> {
    for (const upstream of this.#upstreams) upstream.close()
    for (const store of this.#stores.values()) await store.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #open(name: string): void {
    const store = new EmbeddedStore({ folder: join(this.#folder, name), turn: this.turn })
    this.#stores.set(name, store)
  }
}
