// The application side of a picture on this machine: local proxies, app servers that each use one
// of them, and the load balancer in front.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { balancerConfig } from './balancer-config.ts'
import { Daemon } from './daemon.ts'
import { type PortPlan, untilListening } from './ports.ts'
import type { Programs } from './programs.ts'

export const SESSION_COOKIE = 'connect.sid'

export interface LocalProxy {
  readonly number: number
  readonly port: number
  readonly httpPort: number
  readonly target: string
  readonly daemon: Daemon
}

export interface AppServer {
  readonly number: number
  readonly route: string
  readonly port: number
  readonly proxyPort: number
  readonly daemon: Daemon
}

export interface AppOptions {
  readonly sticky: boolean
  /** Whether the answer may leave before the session is stored. */
  readonly asyncBackup: boolean
  /** Another app server than the example, started with further arguments. */
  readonly program?: { readonly path: string; readonly args: readonly string[] } | undefined
}

export class LocalApps {
  readonly #programs: Programs
  readonly #folder: string
  readonly #ports: PortPlan
  readonly #options: AppOptions
  readonly #proxies: LocalProxy[] = []
  readonly #apps: AppServer[] = []
  #balancer: { readonly port: number; readonly daemon: Daemon } | undefined

  constructor(programs: Programs, folder: string, ports: PortPlan, options: AppOptions) {
    mkdirSync(folder, { recursive: true })
    this.#programs = programs
    this.#folder = folder
    this.#ports = ports
    this.#options = options
  }

  get proxies(): readonly LocalProxy[] {
    return this.#proxies
  }

  get apps(): readonly AppServer[] {
    return this.#apps
  }

  get daemons(): Daemon[] {
    const balancer = this.#balancer === undefined ? [] : [this.#balancer]
    return [...this.#proxies, ...this.#apps, ...balancer].map(({ daemon }) => daemon)
  }

  /** The load balancer's port, or the first app server's when there is no balancer. */
  get entryPort(): number {
    return this.#balancer?.port ?? this.#apps[0]?.port ?? 0
  }

  /** Starts a proxy on `target`: config stream URLs, or `embedded:DIR`. */
  async addProxy(target: string, preferredPort?: number): Promise<LocalProxy> {
    const port = await this.#ports.port(preferredPort)
    const httpPort = await this.#ports.port(port + 1)
    return await this.#startProxy(this.#proxies.length + 1, port, httpPort, target)
  }

  /** Starts a killed proxy again, on its ports. */
  async reviveProxy(number: number): Promise<LocalProxy> {
    const { port, httpPort, target } = numbered(this.#proxies, number, 'proxy')
    return await this.#startProxy(number, port, httpPort, target)
  }

  /** Starts an app server with the route `app<number>` that uses the given local proxy. */
  async addApp(proxyPort: number, preferredPort?: number): Promise<AppServer> {
    const port = await this.#ports.port(preferredPort)
    return await this.#startApp(this.#apps.length + 1, port, proxyPort)
  }

  /** Starts a killed app server again, on its port. */
  async reviveApp(number: number): Promise<AppServer> {
    const { port, proxyPort } = numbered(this.#apps, number, 'app')
    return await this.#startApp(number, port, proxyPort)
  }

  /** Starts HAProxy in front of the app servers; throws when it is not installed. */
  async addBalancer(preferredPort?: number): Promise<number> {
    if (this.#programs.balancer === undefined) throw new Error('haproxy is not installed')
    const port = await this.#ports.port(preferredPort)
    const configPath = join(this.#folder, 'haproxy.cfg')
    const apps = this.#apps.map(({ route, port }) => ({ route, port }))
    const { sticky } = this.#options
    writeFileSync(configPath, balancerConfig({ port, apps, cookieName: SESSION_COOKIE, sticky }))
    const daemon = await Daemon.start({
      name: 'haproxy',
      command: this.#programs.balancer,
      args: ['-db', '-f', configPath],
      logPath: join(this.#folder, 'haproxy.log'),
    })
    this.#balancer = { port, daemon }
    await untilListening(port)
    return port
  }

  /** Stops the balancer, then the apps, then the proxies. */
  async stop(): Promise<void> {
    await this.#balancer?.daemon.stop()
    await Promise.all(this.#apps.map(({ daemon }) => daemon.stop()))
    await Promise.all(this.#proxies.map(({ daemon }) => daemon.stop()))
  }

  async #startProxy(
    number: number,
    port: number,
    httpPort: number,
    target: string,
  ): Promise<LocalProxy> {
    const daemon = await Daemon.start({
      name: `proxy ${number}`,
      command: this.#programs.node,
      args: [
        this.#programs.holdfast,
        'proxy',
        ...['-Z', `port_listen=${port}`, '--http-port', String(httpPort)],
        target,
      ],
      logPath: join(this.#folder, `proxy${number}.log`),
      readyLine: /^holdfast proxy ready /,
    })
    const proxy = { number, port, httpPort, target, daemon }
    this.#proxies[number - 1] = proxy
    return proxy
  }

  async #startApp(number: number, port: number, proxyPort: number): Promise<AppServer> {
    const route = `app${number}`
    const daemon = await Daemon.start({
      name: route,
      command: this.#programs.node,
      args: [
        this.#options.program?.path ?? this.#programs.appServer,
        ...(this.#options.program?.args ?? []),
        ...['--port', String(port), '--proxy', `127.0.0.1:${proxyPort}`, '--route', route],
        ...['--sticky', String(this.#options.sticky), '--async', String(this.#options.asyncBackup)],
      ],
      logPath: join(this.#folder, `${route}.log`),
      readyLine: /^app ready /,
    })
    const app = { number, route, port, proxyPort, daemon }
    this.#apps[number - 1] = app
    return app
  }
}

function numbered<T>(items: readonly T[], number: number, what: string): T {
  const item = items[number - 1]
  if (item === undefined) throw new Error(`there is no ${what} ${number}`)
  return item
}
