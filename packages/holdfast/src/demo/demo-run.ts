// The running demo: builds the picture, shows a live status line, obeys keys and the commands of a
// second terminal, and at the end stops every process that it started.
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { clearLine, cursorTo } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { hasFullCopies } from '../picture/bucket-copies.ts'
import { nodePids } from '../picture/node-processes.ts'
import { findPrograms } from '../picture/programs.ts'
import { isAnswering, serveControl } from './demo-control.ts'
import { type DemoPicture, describePicture, startPicture } from './demo-picture.ts'
import { demoFolder, killLeftovers, readState, removeState, writeState } from './demo-state.ts'
import { type DemoStatus, statusLine } from './demo-status.ts'
import { Visitor } from './visitor.ts'

const STATUS_INTERVAL_MS = 500
const QUIET_STATUS_INTERVAL_MS = 5_000
const HEALTH_TIMEOUT_MS = 1_000
const KEY_CTRL_C = '\u0003'

interface ProxyHealth {
  readonly servers?: readonly { readonly state: string }[]
}

export interface DemoOptions {
  /** Serve from the embedded store even though there is an engine on this machine. */
  readonly embedded: boolean
}

/** Runs the demo of the checkout at `root` until a key, a signal or an error ends it. */
export async function runDemo(root: string, options: DemoOptions): Promise<void> {
  const earlier = readState(root)
  if (earlier !== undefined) {
    if (await isAnswering(earlier)) throw new Error(`a demo runs here already, pid ${earlier.pid}`)
    killLeftovers(root, earlier)
  }
  const demo = new Demo(root, options)
  try {
    await demo.run()
  } finally {
    await demo.stop()
  }
}

class Demo {
  readonly #root: string
  readonly #options: DemoOptions
  readonly #token = randomBytes(16).toString('hex')
  readonly #stopping = new AbortController()
  #picture: DemoPicture | undefined
  #visitor: Visitor | undefined
  #control: { readonly port: number; readonly server: Server } | undefined

  constructor(root: string, options: DemoOptions) {
    this.#root = root
    this.#options = options
  }

  async run(): Promise<void> {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => this.#stopping.abort())
    }
    // Whoever read the output has gone (a closed terminal, a pipe's end): stop as at Ctrl-C.
    process.stdout.on('error', () => this.#stopping.abort())
    this.#control = await serveControl(
      {
        kill: async (node) => await this.#kill(node),
        revive: async (node) => await this.#revive(node),
        status: async () => statusLine(await this.#status()),
      },
      this.#token,
    )
    const { signal } = this.#stopping
    try {
      this.#picture = await startPicture({
        programs: findPrograms(this.#root),
        embedded: this.#options.embedded,
        folder: demoFolder(this.#root),
        say: (text) => this.#say(text),
        onStarted: (picture) => this.#record(picture),
        signal,
      })
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    this.#say(`\nThe picture is up:\n\n${describePicture(this.#picture)}\n\n${usage()}\n`)
    this.#visitor = new Visitor(`http://127.0.0.1:${this.#picture.apps.entryPort}`)
    const visits = this.#visitor.run(signal)
    this.#listenToKeys()
    await this.#showStatus(signal)
    await visits
  }

  async stop(): Promise<void> {
    if (process.stdin.isTTY) process.stdin.setRawMode(false)
    process.stdin.pause()
    this.#say('stopping everything')
    await this.#picture?.apps.stop()
    await this.#picture?.store?.stop()
    this.#control?.server.closeAllConnections()
    this.#control?.server.close()
    removeState(this.#root)
    this.#say('stopped, no process is left')
  }

  async #kill(number: number): Promise<string> {
    const store = this.#store()
    const killed = await store.kill(number)
    const text = `node ${number}: killed ${killed} processes`
    this.#say(text)
    return text
  }

  async #revive(number: number): Promise<string> {
    const store = this.#store()
    if (store.isUp(number)) return `node ${number} is up`
    await store.revive(number)
    if (this.#picture !== undefined) this.#record(this.#picture)
    const text = `node ${number}: started again`
    this.#say(text)
    return text
  }

  #store(): NonNullable<DemoPicture['store']> {
    const store = this.#picture?.store
    if (store === undefined) throw new Error('there are no store nodes')
    return store
  }

  #record(picture: DemoPicture): void {
    this.#picture = picture
    const { apps, store } = picture
    writeState(this.#root, {
      pid: process.pid,
      controlPort: this.#control?.port ?? 0,
      token: this.#token,
      pids: [...apps.daemons, ...(store?.daemons ?? [])].map(({ pid }) => pid),
      nodeFolders: store?.nodes.map(({ dataFolder }) => dataFolder) ?? [],
    })
  }

  #listenToKeys(): void {
    const { stdin } = process
    if (!stdin.isTTY) return
    stdin.setRawMode(true)
    stdin.setEncoding('utf8')
    stdin.on('data', (keys) => {
      for (const key of String(keys)) this.#obey(key)
    })
  }

  #obey(key: string): void {
    if (key === 'q' || key === KEY_CTRL_C) this.#stopping.abort()
    const store = this.#picture?.store
    if (store === undefined) return
    const node = store.nodes.find(({ number }) => String(number) === key)
    const sayError = (error: Error): void => this.#say(error.message)
    if (node !== undefined) this.#kill(node.number).catch(sayError)
    if (key !== 'r') return
    for (const { number } of store.nodes.filter(({ number }) => !store.isUp(number))) {
      this.#revive(number).catch(sayError)
    }
  }

  async #showStatus(signal: AbortSignal): Promise<void> {
    const { isTTY } = process.stdout
    const intervalMs = isTTY ? STATUS_INTERVAL_MS : QUIET_STATUS_INTERVAL_MS
    let wasFull = true
    while (!signal.aborted) {
      const status = await this.#status()
      const isFull = hasFullCopies(status.copies)
      if (isFull && !wasFull) this.#say('copies are full again on the nodes that live')
      wasFull = isFull || status.nodesUp.length === 0
      if (isTTY) {
        cursorTo(process.stdout, 0)
        process.stdout.write(statusLine(status).slice(0, process.stdout.columns - 1))
        clearLine(process.stdout, 1)
      } else this.#say(statusLine(status))
      await delay(intervalMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #status(): Promise<DemoStatus> {
    const visits = this.#visitor?.visits ?? { count: 0, app: '-', failed: 0, slowestMs: 0 }
    const none = { vBuckets: 0, active: 0, replicated: 0 }
    const store = this.#picture?.store
    const [shards, copies] = await Promise.all([this.#shards(), store?.copies() ?? none])
    const nodesUp = store?.nodes.map(
      ({ number, dataFolder }) => store.isUp(number) && nodePids(dataFolder).length > 0,
    )
    return { visits, nodesUp: nodesUp ?? [], shards, copies }
  }

  /** How the first proxy that answers sees the shards. */
  async #shards(): Promise<DemoStatus['shards']> {
    for (const { httpPort } of this.#picture?.apps.proxies ?? []) {
      try {
        const response = await fetch(`http://127.0.0.1:${httpPort}/health`, {
          signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
        })
        const { servers = [] } = (await response.json()) as ProxyHealth
        const writable = servers.filter(({ state }) => state === 'connected')
        return { total: servers.length, writable: writable.length }
      } catch {
        // The next proxy is asked: this one may have been killed.
      }
    }
    return { total: 0, writable: 0 }
  }

  #say(text: string): void {
    if (process.stdout.isTTY) {
      cursorTo(process.stdout, 0)
      clearLine(process.stdout, 0)
    }
    process.stdout.write(`${text}\n`)
  }
}

function usage(): string {
  const keys = '  keys: 1 2 3 kill that store node, r revive, q quit'
  const commands = '  second terminal: npx holdfast demo kill 2 | revive 2 | status'
  return process.stdin.isTTY ? `${keys}\n${commands}` : commands
}
