/**
 * A config server for tests, in the role of Membase's REST port: streams bucket configs, the first
 * one at once, later ones when they are published, and can end its streams or go away.
 */
import { once } from 'node:events'
import http from 'node:http'
import { buildBucketConfig } from '@holdfast/topology'

export interface VBucketConfigInput {
  serverList: readonly string[]
  /** Index of the active server, per vBucket. */
  actives: readonly number[]
  forward?: readonly number[]
  name?: string
  saslPassword?: string
  rev?: number
}

/** The JSON of a bucket's config. */
export function vBucketConfigJson(input: VBucketConfigInput): string {
  const rows = (actives: readonly number[]): number[][] => actives.map((active) => [active])
  const bucket = buildBucketConfig({
    name: input.name ?? 'default',
    bucketType: 'membase',
    saslPassword: input.saslPassword ?? '',
    nodes: [],
    serverList: [...input.serverList],
    vBucketMap: rows(input.actives),
    ...(input.forward && { vBucketMapForward: rows(input.forward) }),
    replicaNumber: 0,
    quota: { ram: 1, rawRAM: 1 },
  })
  return JSON.stringify(input.rev === undefined ? bucket : { ...bucket, rev: input.rev })
}

export class VBucketConfigStream {
  /** Streams asked for so far. */
  asked = 0
  #json: string
  readonly #server: http.Server
  readonly #streams: Set<http.ServerResponse> = new Set()
  readonly #timer: NodeJS.Timeout
  #port = 0

  constructor(json: string) {
    this.#json = json
    this.#server = http.createServer((_request, response) => {
      this.asked++
      response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' })
      this.#streams.add(response)
      response.on('close', () => this.#streams.delete(response))
      response.write(this.#json)
      response.write('\n\n\n\n')
    })
    this.#timer = setInterval(() => {
      for (const stream of this.#streams) stream.write(' ')
    }, 1000)
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/pools/default/bucketsStreaming/default`
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
    return this
  }

  publish(json: string): void {
    this.#json = json
    for (const stream of this.#streams) {
      stream.write(json)
      stream.write('\n\n\n\n')
    }
  }

  /** Ends the streams without a word; new ones are served. */
  cut(): void {
    this.#server.closeAllConnections()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }
}
