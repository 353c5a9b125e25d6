/**
 * A small bucket for tests: real vBucket servers, a backend that knows them by the configs it is
 * given, clients that know what every reply has to be, and load that runs while something changes.
 */
import assert from 'node:assert/strict'
import { parseBucketConfig, vbucketOf } from '@holdfast/topology'
import { Turn } from '../turn.ts'
import { VBucketBackend, type VBucketBackendOptions } from '../vbucket-backend.ts'
import { until } from './engines.ts'
import { ModelClient } from './model-client.ts'
import { TextUpstream } from './text-upstream.ts'
import { type VBucketConfigInput, vBucketConfigJson } from './vbucket-config-stream.ts'
import { VBucketServer, type VBucketServerOptions } from './vbucket-server.ts'

const VBUCKETS = 64
/** All vBuckets of such a bucket. */
export const ALL: readonly number[] = Array.from({ length: VBUCKETS }, (_, v) => v)

export class VBucketBucket {
  readonly turn: Turn = new Turn()
  readonly log: string[] = []
  readonly servers: VBucketServer[] = []
  readonly upstreams: TextUpstream[] = []
  readonly backend: VBucketBackend
  /** Index of the server that is active, per vBucket. */
  actives: number[]

  constructor(options: Partial<VBucketBackendOptions> = {}) {
    this.backend = new VBucketBackend({
      turn: this.turn,
      loginTimeoutMs: 300,
      log: (level, message, fields) =>
        this.log.push(`${level} ${message} ${JSON.stringify(fields)}`),
      ...options,
    })
    this.actives = []
  }

  async start(count: number, options: VBucketServerOptions = {}): Promise<this> {
    for (let i = 0; i < count; i++) {
      this.servers.push(await new VBucketServer({ vBuckets: VBUCKETS, ...options }).start())
    }
    this.actives = ALL.map((v) => v % count)
    for (const v of ALL) this.server(this.actives[v] ?? 0).activate([v])
    return this
  }

  server(index: number): VBucketServer {
    const server = this.servers[index]
    assert.ok(server)
    return server
  }

  json(input: Partial<VBucketConfigInput> = {}): string {
    const serverList = this.servers.map((server) => server.address)
    return vBucketConfigJson({ serverList, actives: this.actives, ...input })
  }

  apply(input: Partial<VBucketConfigInput> = {}): boolean {
    return this.backend.applyConfig(parseBucketConfig(this.json(input)))
  }

  upstream(): TextUpstream {
    const upstream = new TextUpstream(this.backend, this.turn)
    this.upstreams.push(upstream)
    return upstream
  }

  /** The last step of moving a vBucket, at the servers only. */
  move(vBucket: number, to: number): void {
    const from = this.actives[vBucket] ?? 0
    if (from !== to) this.server(from).moveVBucket(vBucket, this.server(to))
    this.actives[vBucket] = to
  }

  keyOf(vBucket: number): string {
    for (let i = 0; ; i++) {
      const key = `key${i}`
      if (vbucketOf(Buffer.from(key), 0, key.length, VBUCKETS) === vBucket) return key
    }
  }

  async stop(): Promise<void> {
    for (const upstream of this.upstreams) upstream.close()
    await this.backend.stop()
    for (const server of this.servers) await server.stop()
  }
}

/** Clients with keys of their own. */
export function clientsOf(bucket: VBucketBucket, count: number): ModelClient[] {
  return Array.from({ length: count }, (_, i) => {
    return new ModelClient(`client${i}`, 1000 + i, bucket.upstream())
  })
}

/** Runs `change` while all clients ask, and asserts their replies. */
export async function underLoad(
  clients: ModelClient[],
  change: () => Promise<void>,
): Promise<void> {
  let done = false
  const load = Promise.all(clients.map((client) => client.roundsUntil(() => done)))
  // A client that fails ends the wait for the change as well.
  await Promise.race([change(), load]).finally(() => {
    done = true
  })
  await load
}

/** Waits until each client has had so many replies more. */
export async function rounds(clients: ModelClient[], count: number): Promise<void> {
  const from = clients.map((client) => client.commands)
  await until('rounds', () =>
    clients.every((client, i) => client.commands > (from[i] ?? 0) + count),
  )
}

const buckets: VBucketBucket[] = []

/** Starts a bucket on so many servers. */
export async function startBucket(
  count: number,
  options: Partial<VBucketBackendOptions> = {},
  serverOptions: VBucketServerOptions = {},
): Promise<VBucketBucket> {
  const bucket = new VBucketBucket(options)
  buckets.push(bucket)
  return bucket.start(count, serverOptions)
}

/** Stops all that were started. */
export async function stopBuckets(): Promise<void> {
  for (const bucket of buckets.splice(0)) await bucket.stop()
}
