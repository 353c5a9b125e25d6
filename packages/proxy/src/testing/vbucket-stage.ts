/**
 * A vBucket port for tests: real engines, the config stream of the first of two nodes, and the
 * proxy that is that node's gateway. The second node is only a name.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { makeLoginKeysSync } from '@holdfast/client'
import { startEngines, type TestEngines } from '@holdfast/client/testing'
import { Opcode } from '@holdfast/protocol'
import { type HoldfastExtension, vbucketOf } from '@holdfast/topology'
import { pino } from 'pino'
import { checkConfig } from '../config-schema.ts'
import { type RunningProxy, startConfiguredProxy } from '../proxy.ts'
import { VBucketClient } from './vbucket-client.ts'

interface Placed {
  /** The active copies of all vBuckets below are here, the others on the other node. */
  hereBelow?: number
  rev?: number
  degraded?: boolean
}

export const ADMIN_PASSWORD = 'admin-pass'
const ADMIN_LOGIN = makeLoginKeysSync(ADMIN_PASSWORD, () => Buffer.from('some salt'))

/** A store of two nodes, as the first of them streams its buckets to its gateway. */
class Store {
  readonly #engines: TestEngines
  readonly #server: http.Server
  readonly #streams: Set<http.ServerResponse> = new Set()
  #text = ''
  dataPort = 0

  constructor(engines: TestEngines) {
    this.#engines = engines
    this.#server = http.createServer((_request, response) => {
      this.#streams.add(response)
      if (this.#text !== '') response.write(`${this.#text}\n\n\n\n`)
    })
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  publish({ hereBelow = 512, rev = 1, degraded = false }: Placed = {}): void {
    const { config } = this.#engines
    const admin = { username: 'Administrator', login: ADMIN_LOGIN }
    const shards = config.shards.map((shard) => (degraded ? { ...shard, replicas: [] } : shard))
    const buckets = [
      this.#bucket({ name: 'default' }, hereBelow, { ...config, shards, rev, admin }),
      this.#bucket({ name: 'shop', saslPassword: 'pw' }, hereBelow, { ...config, shards, rev }),
    ]
    this.#text = JSON.stringify({ buckets })
    for (const stream of this.#streams) stream.write(`${this.#text}\n\n\n\n`)
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #bucket(named: object, hereBelow: number, holdfast: HoldfastExtension): object {
    const node = { status: 'healthy', clusterMembership: 'active' }
    const here = { hostname: `127.0.0.1:${this.port}`, thisNode: true }
    return {
      bucketType: 'membase',
      saslPassword: '',
      uuid: 'one',
      nodes: [
        { ...node, ...here, ports: { proxy: 11211, direct: this.dataPort } },
        { ...node, hostname: '127.0.0.1:8092', ports: { proxy: 11211, direct: 11220 } },
      ],
      nodeLocator: 'vbucket',
      vBucketServerMap: {
        hashAlgorithm: 'CRC',
        numReplicas: 1,
        serverList: [`127.0.0.1:${this.dataPort}`, '127.0.0.1:11220'],
        vBucketMap: Array.from({ length: 1024 }, (_, v) => (v < hereBelow ? [0, 1] : [1, 0])),
      },
      holdfast,
      ...named,
    }
  }
}

export class VBucketStage {
  readonly engines: TestEngines
  readonly store: Store
  readonly proxy: RunningProxy
  /** Of the vBucket port. */
  readonly address: string
  readonly #clients: VBucketClient[] = []

  private constructor(engines: TestEngines, store: Store, proxy: RunningProxy) {
    this.engines = engines
    this.store = store
    this.proxy = proxy
    this.address = proxy.addresses[1] ?? ''
    store.dataPort = Number(this.address.split(':')[1])
  }

  /** Sets all up; nothing is published yet. */
  static async raise(): Promise<VBucketStage> {
    const engines = await startEngines(2, 1)
    const store = new Store(engines)
    await store.start()
    const url = `http://127.0.0.1:${store.port}/pools/default/saslBucketsStreaming`
    const checked = checkConfig({
      listeners: [{ port: 0 }, { kind: 'data', port: 0 }],
      gateways: [{ urls: [url], username: 'admin', password: 'secret' }],
      http: { port: 0 },
      limits: { operationTimeoutMs: 2000 },
    })
    assert.ok(checked.config, JSON.stringify(checked.issues))
    const proxy = await startConfiguredProxy(checked.config, pino({ level: 'silent' }))
    return new VBucketStage(engines, store, proxy)
  }

  /** A client that has said hello, if it has any features. */
  async open(...features: number[]): Promise<VBucketClient> {
    const client = await VBucketClient.connect(this.address)
    this.#clients.push(client)
    if (features.length > 0) await hello(client, features)
    return client
  }

  async strike(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.proxy.stop()
    await this.store.stop()
    await this.engines.stop()
  }
}

/** Asks for features; answers those that are acknowledged. */
export async function hello(client: VBucketClient, features: number[]): Promise<number[]> {
  const value = Buffer.alloc(features.length * 2)
  for (const [i, feature] of features.entries()) value.writeUInt16BE(feature, i * 2)
  const reply = await client.ask(Opcode.Hello, { key: 'test', value })
  assert.equal(reply.status, 0)
  return Array.from({ length: reply.value.length / 2 }, (_, i) => reply.value.readUInt16BE(i * 2))
}

/** A key whose vBucket is below 512. */
export function keyHere(prefix = 'key'): string {
  return keyWhere(prefix, (vBucket) => vBucket < 512)
}

/** A key whose active copy is on the other node. */
export function keyAway(): string {
  return keyWhere('away', (vBucket) => vBucket >= 512)
}

function keyWhere(prefix: string, fits: (vBucket: number) => boolean): string {
  for (let i = 0; ; i++) {
    if (fits(vbucketOf(Buffer.from(`${prefix}${i}`)))) return `${prefix}${i}`
  }
}
