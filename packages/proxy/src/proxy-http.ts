/**
 * Where a proxy's HTTP port is: opened beside the listeners, moved when the configuration says so.
 * What answers there is loaded with the first request: most gateways of a store never get one.
 */
import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { http } from '@holdfast/client'
import type { FastifyInstance } from 'fastify'
import type { HttpServerOptions } from './http-server.ts'
import { ListenError } from './listen-error.ts'
import { readTlsFiles } from './listener-tls.ts'
import type { HttpConfig, ProxyConfig } from './proxy-config.ts'

export class ProxyHttp {
  readonly #answer: RequestListener
  #server: Server | undefined = undefined
  #key = ''
  #host = ''

  constructor(sources: HttpServerOptions) {
    this.#answer = answerOf(sources)
  }

  /** `host:port`, empty when it is not open. */
  get address(): string {
    const bound: AddressInfo | string | null | undefined = this.#server?.address()
    return typeof bound === 'object' && bound !== null ? `${this.#host}:${bound.port}` : ''
  }

  /**
   * Opens, moves or closes the port.
   *
   * @param ports those listened on
   * @throws {ListenError} when it is taken; the old one stays open then
   */
  async apply(config: ProxyConfig, ports: readonly number[]): Promise<void> {
    const { http: settings } = config
    const host = settings.host ?? config.listeners.find((one) => one.port !== undefined)?.host
    const key = JSON.stringify([settings, host, settings.port === undefined ? ports : []])
    if (key === this.#key) return
    const before = this.#server
    if (settings.enabled) {
      const port = settings.port ?? defaultPort(ports)
      this.#server = await this.#open(settings, host ?? '127.0.0.1', port, before)
    } else {
      this.#server = undefined
    }
    this.#key = key
    if (before !== this.#server) await closed(before)
  }

  async stop(): Promise<void> {
    await closed(this.#server)
  }

  async #open(
    settings: HttpConfig,
    host: string,
    port: number,
    before: Server | undefined,
  ): Promise<Server> {
    const tls = settings.tls && (await readTlsFiles(settings.tls))
    const server =
      tls === undefined ? http.createServer(this.#answer) : https.createServer(tls, this.#answer)
    const bound: AddressInfo | string | null | undefined = before?.address()
    // The same port under other settings is free only once the old server is closed.
    if (typeof bound === 'object' && bound?.port === port) await closed(before)
    try {
      server.listen({ host, port })
      await once(server, 'listening')
    } catch (cause) {
      throw new ListenError(port, cause)
    }
    // A connection that cannot be accepted ends nothing else.
    server.on('error', () => {})
    this.#host = host
    return server
  }
}

function answerOf(sources: HttpServerOptions): RequestListener {
  let loaded: Promise<FastifyInstance> | undefined
  const load = async (): Promise<FastifyInstance> => {
    const { createHttpServer } = await import('./http-server.ts')
    const server = createHttpServer(sources)
    await server.ready()
    return server
  }
  return (request, response) => {
    loaded ??= load()
    loaded.then(
      (server) => server.routing(request, response),
      () => response.writeHead(500).end(),
    )
  }
}

/** Closes it with its connections; closing what is closed already does nothing. */
async function closed(server: Server | undefined): Promise<void> {
  if (server?.listening !== true) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** One above the highest port listened on, any free one when there is none. */
function defaultPort(ports: readonly number[]): number {
  const highest = Math.max(0, ...ports)
  return highest === 0 ? 0 : highest + 1
}
