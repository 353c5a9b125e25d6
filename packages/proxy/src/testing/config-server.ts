/**
 * A config server for tests, in the role of a store node: streams bucket configs as the wire
 * contract says (first one at once, later ones when they change, a blank four times a second), and
 * can be told to fall silent, to close its streams or to split what it sends.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HoldfastExtension } from '@holdfast/topology'

const KEEP_ALIVE_MS = 250

export class ConfigServer {
  /** Requests seen, by their X-Holdfast-Proxy header and Authorization. */
  readonly seen: { version: string | undefined; authorization: string | undefined }[] = []
  /** Sends nothing any more, without closing. */
  silent = false
  #config: HoldfastExtension | undefined
  readonly #server: http.Server
  readonly #streams: Set<http.ServerResponse> = new Set()
  readonly #timer: NodeJS.Timeout

  constructor(config: HoldfastExtension | undefined) {
    this.#config = config
    this.#server = http.createServer((request, response) => this.#answer(request, response))
    this.#timer = setInterval(() => this.#keepAlive(), KEEP_ALIVE_MS)
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/pools/default/bucketsStreaming/default`
  }

  /** Streams that are open now. */
  get streams(): number {
    return this.#streams.size
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  /** Publishes a config to all streams. */
  publish(config: HoldfastExtension): void {
    this.#config = config
    for (const stream of this.#streams) this.#send(stream)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const version = request.headers['x-holdfast-proxy']
    this.seen.push({ version: version?.toString(), authorization: request.headers.authorization })
    if (this.silent) return
    if (request.url !== '/pools/default/bucketsStreaming/default') {
      response.writeHead(404).end('Requested resource not found.\r\n')
      return
    }
    response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' })
    this.#streams.add(response)
    response.on('close', () => this.#streams.delete(response))
    this.#send(response)
  }

  /** The terminator comes in chunks of its own, split. */
  #send(stream: http.ServerResponse): void {
    if (this.silent || this.#config === undefined) return
    stream.write(JSON.stringify(bucketObject(this.#config)))
    stream.write('\n\n\n')
    stream.write('\n')
  }

  #keepAlive(): void {
    if (this.silent) return
    for (const stream of this.#streams) stream.write(' ')
  }
}

/** A bucket object as a store node sends it to a proxy. */
export function bucketObject(holdfast: HoldfastExtension): object {
  const node = {
    hostname: '127.0.0.1:8091',
    status: 'healthy',
    clusterMembership: 'active',
    ports: { proxy: 11211, direct: 11210 },
  }
  const replicated = holdfast.durability === 'replicated'
  const row = replicated ? [0, 1] : [0]
  return {
    name: 'default',
    bucketType: 'membase',
    authType: 'sasl',
    saslPassword: '',
    nodes: [node, { ...node, hostname: '127.0.0.1:8092' }],
    nodeLocator: 'vbucket',
    vBucketServerMap: {
      hashAlgorithm: 'CRC',
      numReplicas: replicated ? 1 : 0,
      serverList: ['127.0.0.1:11210', '127.0.0.1:11220'],
      vBucketMap: Array.from({ length: 1024 }, () => row),
    },
    holdfast,
  }
}
