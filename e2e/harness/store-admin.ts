// A person's REST requests to a local store, and looks behind them: which node leads, which engines
// a node should run. Requests go to the first node that is up.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  addressOf,
  type LocalStore,
  STORE_PASSWORD,
  STORE_USER,
  type StoreNode,
} from '../../packages/holdfast/src/picture/local-store.ts'

const TIMEOUT_MS = 20_000
const AUTHORIZATION = `Basic ${Buffer.from(`${STORE_USER}:${STORE_PASSWORD}`).toString('base64')}`

export interface Answer {
  readonly status: number
  readonly text: string
}

interface PoolNode {
  readonly hostname: string
  readonly otpNode: string
  readonly clusterMembership: string
}

/** What a node keeps on disk, as far as it is looked at here. */
interface StoredDocument {
  readonly document: {
    readonly members: readonly { readonly id: number; readonly restPort: number }[]
    readonly buckets: readonly {
      readonly shards: readonly {
        readonly primary: number | null
        readonly replicas: readonly number[]
        readonly instances: readonly { readonly member: number; readonly port: number }[]
      }[]
    }[]
  }
}

export class StoreAdmin {
  readonly #store: LocalStore

  constructor(store: LocalStore) {
    this.#store = store
  }

  async get(path: string, at: StoreNode = this.#anyUp()): Promise<unknown> {
    const { status, text } = await this.#send('GET', path, at)
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`)
    return JSON.parse(text)
  }

  post(path: string, form: Record<string, string>, at = this.#anyUp()): Promise<Answer> {
    return this.#send('POST', path, at, form)
  }

  /** As post; a refusal is an error. */
  async change(path: string, form: Record<string, string>, at = this.#anyUp()): Promise<void> {
    const { status, text } = await this.post(path, form, at)
    if (status !== 200) throw new Error(`POST ${path}: ${status} ${text}`)
  }

  async nodes(at: StoreNode = this.#anyUp()): Promise<PoolNode[]> {
    return ((await this.get('/pools/default', at)) as { nodes: PoolNode[] }).nodes
  }

  /** Starts one more node and adds it to the cluster. */
  async addNode(): Promise<StoreNode> {
    const node = await this.#store.addNode()
    const at = this.#store.nodes[0]
    await this.change('/controller/addNode', { hostname: addressOf(node) }, at)
    return node
  }

  async otpNode(node: StoreNode): Promise<string> {
    const found = (await this.nodes()).find((n) => n.hostname === addressOf(node))
    if (found === undefined) throw new Error(`node ${node.number} is no member`)
    return found.otpNode
  }

  async membership(node: StoreNode): Promise<string | undefined> {
    return (await this.nodes()).find((n) => n.hostname === addressOf(node))?.clusterMembership
  }

  async startRebalance(...ejected: StoreNode[]): Promise<void> {
    const knownNodes = (await this.nodes()).map((n) => n.otpNode).join(',')
    const out = await Promise.all(ejected.map((node) => this.otpNode(node)))
    await this.change('/controller/rebalance', { knownNodes, ejectedNodes: out.join(',') })
  }

  /** `status` and progress by otpNode. */
  async progress(): Promise<Record<string, string | { progress: number }>> {
    const raw = await this.get('/pools/default/rebalanceProgress')
    return raw as Record<string, string | { progress: number }>
  }

  async isRebalancing(): Promise<boolean> {
    return (await this.progress()).status === 'running'
  }

  /** The node that leads; undefined while nobody does. */
  async leader(): Promise<StoreNode | undefined> {
    const { text } = await this.#send('GET', '/health', this.#anyUp())
    const { leader } = JSON.parse(text) as { leader: number | null }
    const port = this.#document().members.find((m) => m.id === leader)?.restPort
    return this.#store.nodes.find(({ ports }) => ports.rest === port)
  }

  /** Ports of the engines that a node should run, by its role in the document. */
  enginesOn(node: StoreNode): { primaries: number[]; replicas: number[]; all: number[] } {
    const { members, buckets } = this.#document()
    const id = members.find((m) => m.restPort === node.ports.rest)?.id
    const found = { primaries: [] as number[], replicas: [] as number[], all: [] as number[] }
    for (const shard of buckets.flatMap((bucket) => bucket.shards)) {
      const port = shard.instances.find((i) => i.member === id)?.port
      if (port === undefined || id === undefined) continue
      found.all.push(port)
      if (shard.primary === id) found.primaries.push(port)
      if (shard.replicas.includes(id)) found.replicas.push(port)
    }
    return found
  }

  #document(): StoredDocument['document'] {
    const { dataFolder } = this.#anyUp()
    const text = readFileSync(join(dataFolder, 'cluster.json'), 'utf8')
    return (JSON.parse(text) as StoredDocument).document
  }

  #anyUp(): StoreNode {
    const node = this.#store.nodes.find(({ number }) => this.#store.isUp(number))
    if (node === undefined) throw new Error('no node is up')
    return node
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    at: StoreNode,
    form?: Record<string, string>,
  ): Promise<Answer> {
    const response = await fetch(`http://${addressOf(at)}${path}`, {
      method,
      headers: { authorization: AUTHORIZATION },
      body: form === undefined ? null : new URLSearchParams(form),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return { status: response.status, text: await response.text() }
  }
}
