/**
 * A cluster of nodes within this process, on loopback ports, with real engines in folders of a
 * temporary directory: for tests of what engines and files do to a bucket. Made by the same
 * requests that a person's tools send.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeEnginePort, freePort, until } from '@holdfast/client/testing'
import { TAGS } from '@holdfast/topology'
import { type Logger, pino } from 'pino'
import { type Bucket, otpNodeOf, wantedReplicas } from '../document/cluster-document.ts'
import { EngineControl } from '../engines/engine-control.ts'
import { engineKey } from '../engines/wanted-engines.ts'
import type { EngineStatus } from '../membership/messages.ts'
import { StoreNode } from '../node.ts'
import type { NodeOptions } from '../options.ts'

const HOST = '127.0.0.1'
const ENGINE_PORTS = 20
const WAIT_MS = 60_000
const USERNAME = 'Administrator'
const PASSWORD = 'password'

interface LocalNode {
  options: NodeOptions
  node: StoreNode | null
}

/** An engine of a bucket, as a test wants to get at it. */
export interface LocalEngine {
  member: number
  folder: string
  pid: number
  control: EngineControl
}

export class LocalCluster {
  readonly folder: string
  /** `BUCKET SHARD MEMBER TROUBLE` of every trouble that was logged, over or not. */
  readonly troublesTold: string[] = []
  readonly #nodes: LocalNode[] = []
  readonly #controls = new Map<string, EngineControl>()

  readonly #enginePortFrom: number

  private constructor(folder: string, enginePortFrom: number) {
    this.folder = folder
    this.#enginePortFrom = enginePortFrom
  }

  /** Starts that many nodes as one cluster, without a bucket. Member ids count from 1. */
  static async start(count: number): Promise<LocalCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-local-'))
    const cluster = new LocalCluster(folder, await freeEnginePort())
    try {
      for (let id = 1; id <= count; id++) await cluster.#addNode(id)
      await cluster.#form()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Ends all nodes, and none less because another does not end well, and removes their folders. */
  async stop(): Promise<void> {
    await this.stopNodes()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }

  /** Ends all nodes with their engines; their folders stay. */
  async stopNodes(): Promise<void> {
    for (const control of this.#controls.values()) control.close()
    const stops = this.#nodes.map((_, index) => this.stopNode(index + 1))
    for (const outcome of await Promise.allSettled(stops)) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
  }

  node(id: number): StoreNode {
    const node = this.#nodes[id - 1]?.node
    assert.ok(node, `node ${id} is not up`)
    return node
  }

  folderOf(id: number): string {
    return join(this.folder, `node-${id}`)
  }

  /** Stops a node with its engines. */
  async stopNode(id: number): Promise<void> {
    const entry = this.#nodes[id - 1]
    const node = entry?.node
    if (entry) entry.node = null
    await node?.stop()
  }

  async startNode(id: number): Promise<void> {
    const entry = this.#nodes[id - 1]
    if (entry) entry.node = await StoreNode.start(entry.options, this.#logOf(id))
  }

  async request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    form: Record<string, string> = {},
    via = 1,
  ): Promise<Response> {
    const { port } = this.#nodes[via - 1]?.options ?? {}
    const authorization = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`
    return fetch(`http://${HOST}:${port}${path}`, {
      method,
      headers: { authorization },
      ...(method === 'POST' ? { body: new URLSearchParams(form) } : {}),
    })
  }

  /** Sends what must be taken; while there is no leader, which a busy machine loses, again. */
  async order(
    method: 'POST' | 'DELETE',
    path: string,
    form?: Record<string, string>,
  ): Promise<void> {
    let answer: Response | undefined
    await this.until(`an answer to ${path}`, async () => {
      answer = await this.request(method, path, form)
      return answer.status !== 503
    })
    assert.ok(answer?.ok, `${path}: ${answer?.status} ${await answer?.text()}`)
  }

  post(path: string, form: Record<string, string> = {}): Promise<void> {
    return this.order('POST', path, form)
  }

  /** Makes a bucket; resolves when every wanted copy is in sync. */
  async makeBucket(form: Record<string, string>): Promise<Bucket> {
    await this.post('/pools/default/buckets', form)
    await this.untilWhole(form.name ?? '')
    return this.bucket(form.name ?? '')
  }

  bucket(name: string): Bucket {
    const bucket = this.#live?.document.buckets.find((b) => b.name === name)
    assert.ok(bucket, `no bucket ${name}`)
    return bucket
  }

  get #live(): StoreNode | null {
    return this.#nodes.find(({ node }) => node !== null)?.node ?? null
  }

  /** As it is by the document; as it was given when it has been deleted. */
  #known(of: Bucket): Bucket {
    return this.#live?.document.buckets.find((b) => b.uuid === of.uuid) ?? of
  }

  async untilWhole(name: string): Promise<void> {
    await this.until(`bucket ${name} is whole`, async () => {
      const live = this.#live
      const bucket = live?.document.buckets.find((b) => b.name === name)
      if (!live || !bucket) return false
      const wanted = wantedReplicas(live.document, bucket)
      const isPlaced = bucket.shards.every((s) => s.created && s.replicas.length >= wanted)
      return isPlaced && (await this.#takesWrites(bucket))
    })
  }

  /** What the member's manager says of its engine. */
  status(member: number, bucket: Bucket, shard: number): EngineStatus | undefined {
    const { engines } = this.node(member).supervisor.status()
    return engines.find((e) => e.bucket === bucket.uuid && e.shard === shard)
  }

  async engine(member: number, of: Bucket, shard: number): Promise<LocalEngine> {
    const bucket = this.#known(of)
    const port = bucket.shards[shard]?.instances.find((i) => i.member === member)?.port
    assert.ok(port, `member ${member} has no copy of shard ${shard}`)
    const data = this.folderOf(member)
    const pidFile = join(data, 'run', `engine-${bucket.name}-${shard}.pid`)
    const key = `${port} ${bucket.engineAdminPassword}`
    const known = this.#controls.get(key)
    const password = bucket.engineAdminPassword
    const control = known ?? new EngineControl({ host: HOST, port, password })
    this.#controls.set(key, control)
    return {
      member,
      control,
      folder: join(data, 'engines', engineKey(bucket.uuid, shard)),
      pid: Number(await readFile(pidFile, 'utf8')),
    }
  }

  /** The engine that the document calls primary. */
  async primary(bucket: Bucket, shard: number): Promise<LocalEngine> {
    const member = this.bucket(bucket.name).shards[shard]?.primary
    assert.ok(member, `shard ${shard} has no primary`)
    return this.engine(member, bucket, shard)
  }

  async until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, async () => check(), WAIT_MS)
  }

  #logOf(member: number): Logger {
    const write = (line: string): void => {
      const told: { trouble?: string; bucket?: string; shard?: number } = JSON.parse(line)
      const { bucket, shard, trouble } = told
      if (trouble) this.troublesTold.push(`${bucket} ${shard} ${member} ${trouble}`)
      if (process.env.HOLDFAST_TEST_LOG) process.stderr.write(line)
    }
    return pino({ level: 'info' }, { write })
  }

  /** An engine that has just been started refuses writes for up to two seconds. */
  async #takesWrites(bucket: Bucket): Promise<boolean> {
    try {
      for (const shard of bucket.shards.keys()) {
        const { control } = await this.primary(bucket, shard)
        if (!(await control.text('CLUSTER', 'INFO')).includes('cluster_state:ok')) return false
      }
      return true
    } catch {
      return false
    }
  }

  async #addNode(id: number): Promise<void> {
    const data = this.folderOf(id)
    await mkdir(data, { recursive: true })
    const from = this.#enginePortFrom + (id - 1) * ENGINE_PORTS
    const options = {
      data,
      host: HOST,
      port: await freePort(),
      gatewayPort: await freePort(),
      dataPort: await freePort(),
      enginePorts: [from, from + ENGINE_PORTS - 1] as [number, number],
      arbiter: false,
      version: '0.0.0',
      gatewayCommand: null,
    }
    this.#nodes.push({ options, node: await StoreNode.start(options, this.#logOf(id)) })
  }

  async #form(): Promise<void> {
    await this.post('/settings/web', { username: USERNAME, password: PASSWORD, port: 'SAME' })
    const [, ...others] = this.#nodes
    for (const { options } of others) {
      const hostname = `${HOST}:${options.port}`
      await this.post('/controller/addNode', { hostname, user: USERNAME, password: PASSWORD })
    }
    if (others.length === 0) return
    const knownNodes = this.#nodes
      .map(({ options }) => otpNodeOf({ host: HOST, restPort: options.port }))
      .join()
    await this.post('/controller/rebalance', { knownNodes, ejectedNodes: '' })
    await this.until('all members are active', () =>
      this.node(1).document.members.every((m) => m.membership === 'active'),
    )
    await this.until('the rebalance is done', () => !this.node(1).document.rebalancing)
  }
}

/** A key that belongs to the shard. */
export function keyIn(bucket: Bucket, shard: number, name: string): string {
  const vBucket = Math.floor((shard * TAGS.length) / bucket.shards.length)
  return `{${TAGS[vBucket]}}${name}`
}
