/**
 * The listeners of a proxy, as its configuration lists them. On a change those whose place stays
 * keep their connections; others are opened before any is closed, so that a port that is taken
 * leaves everything as it was.
 */
import type { BucketDirectory } from './bucket.ts'
import { type Listener, type ListenerHost, type ListenerPlace, openListener } from './listener.ts'
import { LISTENER_DEFAULTS, type ListenerSettings } from './listener-settings.ts'
import type { ListenerConfig, ProxyConfig } from './proxy-config.ts'
import type { DataPortOptions } from './vbucket-port/vbucket-port.ts'
import { sharesPorts } from './worker-ports.ts'

interface OpenEntry {
  key: string
  config: ListenerConfig
  listener: Listener
}

export class ProxyListeners {
  readonly #host: ListenerHost
  readonly #viewFor: (config: ListenerConfig) => BucketDirectory
  #entries: OpenEntry[] = []

  constructor(host: ListenerHost, viewFor: (config: ListenerConfig) => BucketDirectory) {
    this.#host = host
    this.#viewFor = viewFor
  }

  /** The listeners, in the configuration's order. */
  get listeners(): readonly Listener[] {
    return this.#entries.map(({ listener }) => listener)
  }

  configOf(listener: Listener): ListenerConfig | undefined {
    return this.#entries.find((entry) => entry.listener === listener)?.config
  }

  /**
   * Opens what is listed and not open.
   *
   * @returns what brings the change about, `commit`, and what takes it back, `abandon`
   * @throws {ListenError} and leaves everything as it was
   */
  async prepare(config: ProxyConfig): Promise<{ commit: () => void; abandon: () => void }> {
    const wanted: OpenEntry[] = []
    const opened: Listener[] = []
    const abandon = (): void => {
      for (const listener of opened) void listener.stop(0)
    }
    try {
      for (const [index, listed] of config.listeners.entries()) {
        const key = keyOf(listed, index)
        const known = this.#entries.find((entry) => entry.key === key)
        if (known === undefined) opened.push(await this.#open(listed, config))
        const listener = known?.listener ?? opened.at(-1)
        if (listener !== undefined) wanted.push({ key, config: listed, listener })
      }
    } catch (error) {
      abandon()
      throw error
    }
    const commit = (): void => {
      const before = this.#entries
      this.#entries = wanted
      for (const { config: listed, listener } of wanted) {
        const settings = listenerSettings(config, listed)
        listener.update({ settings, directory: this.#viewFor(listed) })
      }
      for (const { listener } of before) {
        if (!this.listeners.includes(listener)) void listener.stop(config.limits.drainTimeoutMs)
      }
    }
    return { commit, abandon }
  }

  /** Opens one that is not in the configuration; its owner stops it. */
  async openOther(listed: ListenerConfig, config: ProxyConfig): Promise<Listener> {
    return await this.#open(listed, config)
  }

  /** Reads certificates anew. */
  async reload(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.reload()))
  }

  async stop(drainMs: number): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.stop(drainMs)))
  }

  async #open(listed: ListenerConfig, config: ProxyConfig): Promise<Listener> {
    const options = {
      dataPort: listed.kind === 'data' ? dataPortOf(config) : undefined,
      place: placeOf(listed),
      tls: listed.tls,
      settings: listenerSettings(config, listed),
      directory: this.#viewFor(listed),
    }
    return await openListener(options, this.#host)
  }
}

/** What makes a listener another one. */
function keyOf(config: ListenerConfig, index: number): string {
  const { kind, host, port, socket, socketMask, backlog, tls } = config
  return JSON.stringify([
    kind,
    host,
    port,
    port === 0 ? index : 0,
    socket,
    socketMask,
    backlog,
    tls,
  ])
}

function placeOf({ host, port = 0, socket, socketMask, backlog }: ListenerConfig): ListenerPlace {
  if (socket === undefined) return { host, port, backlog, reusePort: sharesPorts() }
  return { socketPath: socket, socketMode: Number.parseInt(socketMask, 8), backlog }
}

/** The config servers of a store node's gateway are the node itself. */
function dataPortOf({ gateways }: ProxyConfig): DataPortOptions {
  const port = Number(URL.parse(gateways[0]?.urls[0] ?? '')?.port)
  return { managementPort: port > 0 ? port : undefined, shared: sharesPorts() }
}

function listenerSettings({ limits }: ProxyConfig, listed: ListenerConfig): ListenerSettings {
  return {
    ...LISTENER_DEFAULTS,
    protocol: listed.kind === 'data' ? 'binary' : listed.protocol,
    plainLogins: listed.plainLogins,
    outstandingMax: limits.outstandingMax,
    outstandingBytesMax: limits.outstandingBytesMax,
    valueBytesMax: limits.valueBytesMax,
    operationTimeoutMs: limits.operationTimeoutMs,
    backlogBytesMax: limits.backlogBytesMax,
    backlogBytesLimit: limits.backlogBytesLimit,
    blockedTimeoutMs: limits.blockedTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    requestTimeoutMs: limits.requestTimeoutMs,
    handshakeTimeoutMs: limits.handshakeTimeoutMs,
    loginFailuresMax: limits.loginFailuresMax,
  }
}
