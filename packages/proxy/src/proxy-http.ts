/**
 * Where a proxy's HTTP port is: opened beside the listeners, moved when the configuration says so.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { HttpServerOptions } from './http-server.ts'
import { ListenError } from './listen-error.ts'
import { readTlsFiles } from './listener-tls.ts'
import type { HttpConfig, ProxyConfig } from './proxy-config.ts'

export class ProxyHttp {
  readonly #sources: Omit<HttpServerOptions, 'tls'>
  #server: FastifyInstance | undefined = undefined
  #key = ''
  #host = ''

  constructor(sources: Omit<HttpServerOptions, 'tls'>) {
    this.#sources = sources
  }

  /** `host:port`, empty when it is not open. */
  get address(): string {
    const bound: AddressInfo | string | null | undefined = this.#server?.server.address()
    return typeof bound === 'object' && bound !== null ? `${this.#host}:${bound.port}` : ''
  }

  /**
   * Opens, moves or closes the port.
   *
   * @param ports those listened on
   * @throws {ListenError} when it is taken; the old one stays open then
   */
  async apply(config: ProxyConfig, ports: readonly number[]): Promise<void> {
    const { http } = config
    const host = http.host ?? config.listeners.find((one) => one.port !== undefined)?.host
    const key = JSON.stringify([http, host, http.port === undefined ? ports : []])
    if (key === this.#key) return
    const before = this.#server
    if (http.enabled) {
      const port = http.port ?? defaultPort(ports)
      this.#server = await this.#open(http, host ?? '127.0.0.1', port, before)
    } else {
      this.#server = undefined
    }
    this.#key = key
    if (before !== this.#server) await before?.close()
  }

  async stop(): Promise<void> {
    await this.#server?.close()
  }

  async #open(
    http: HttpConfig,
    host: string,
    port: number,
    before: FastifyInstance | undefined,
  ): Promise<FastifyInstance> {
    const tls = http.tls && (await readTlsFiles(http.tls))
    // Only a proxy with an HTTP port loads it, and before it serves: loading holds all clients.
    const { createHttpServer } = await import('./http-server.ts')
    const server = createHttpServer({ ...this.#sources, tls })
    const bound: AddressInfo | string | null | undefined = before?.server.address()
    // The same port under other settings is free only once the old server is closed.
    if (typeof bound === 'object' && bound?.port === port) await before?.close()
    try {
      await server.listen({ host, port })
    } catch (cause) {
      throw new ListenError(port, cause)
    }
    this.#host = host
    return server
  }
}

/** One above the highest port listened on, any free one when there is none. */
function defaultPort(ports: readonly number[]): number {
  const highest = Math.max(0, ...ports)
  return highest === 0 ? 0 : highest + 1
}
