// Measures how long each shard could not be written: for every shard one client that sets a key of
// that shard through a proxy again and again, and notes when each set was sent and acknowledged.
import { setTimeout as delay } from 'node:timers/promises'
import { vbucketOf } from '@holdfast/topology'
import { TextClient } from './text-client.ts'

const PAUSE_MS = 25
const KEY_TRIES_MAX = 100_000

interface Probe {
  readonly vBuckets: readonly [number, number]
  readonly key: string
  readonly acknowledged: { readonly sentAtMs: number; readonly atMs: number }[]
  readonly refused: string[]
}

interface ProxyHealth {
  readonly servers: readonly { readonly vBuckets: readonly [number, number] }[]
}

export class ShardProber {
  readonly #proxy: { readonly port: number; readonly httpPort: number }
  #probes: readonly Probe[] = []
  #goOn = true
  #running: Promise<unknown> = Promise.resolve()

  constructor(proxy: { readonly port: number; readonly httpPort: number }) {
    this.#proxy = proxy
  }

  /** Starts probing every shard that the proxy's /health names. */
  async start(): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#proxy.httpPort}/health`)
    const { servers } = (await response.json()) as ProxyHealth
    this.#probes = servers.map(({ vBuckets }) => {
      return { vBuckets, key: keyWithin(vBuckets), acknowledged: [], refused: [] }
    })
    this.#running = Promise.all(this.#probes.map((probe) => this.#probe(probe)))
  }

  get shards(): number {
    return this.#probes.length
  }

  get refused(): string[] {
    return this.#probes.flatMap(({ refused }) => refused)
  }

  /** From `atMs` to the first acknowledged write sent after it, for the slowest shard. */
  toWritableMs(atMs: number): number {
    const perShard = this.#probes.map(({ acknowledged }) => {
      const first = acknowledged.find(({ sentAtMs }) => sentAtMs >= atMs)
      return first === undefined ? Number.POSITIVE_INFINITY : first.atMs - atMs
    })
    return Math.round(Math.max(...perShard))
  }

  /** The longest that any write took from sending to its acknowledgement. */
  get longestGapMs(): number {
    return Math.max(
      ...this.#probes.flatMap(({ acknowledged }) =>
        acknowledged.map(({ sentAtMs, atMs }) => atMs - sentAtMs),
      ),
    )
  }

  async stop(): Promise<void> {
    this.#goOn = false
    await this.#running
  }

  async #probe({ key, acknowledged, refused }: Probe): Promise<void> {
    const client = await TextClient.open(this.#proxy.port)
    while (this.#goOn) {
      const sentAtMs = performance.now()
      const reply = await client.set(key, 'probe').catch((error: Error) => error.message)
      if (reply === 'STORED') acknowledged.push({ sentAtMs, atMs: performance.now() })
      else refused.push(`${key}: ${reply}`)
      await delay(PAUSE_MS)
    }
    client.close()
  }
}

function keyWithin([from, to]: readonly [number, number]): string {
  for (let tries = 0; tries < KEY_TRIES_MAX; tries++) {
    const key = `probe-${tries}`
    const vBucket = vbucketOf(Buffer.from(key), 0, key.length)
    if (vBucket >= from && vBucket <= to) return key
  }
  throw new Error(`no key found for the vBuckets ${from} to ${to}`)
}
