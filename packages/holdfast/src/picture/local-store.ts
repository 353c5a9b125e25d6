// A store cluster on this machine: nodes as processes of their own on loopback ports, formed into a
// cluster with the same commands a person would type. Nodes can be killed as a power cut would,
// every process at once, and brought back with their data.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type BucketMap,
  type Copies,
  countCopies,
  describeCopies,
  fewestCopies,
  hasFullCopies,
  type Topology,
} from './bucket-copies.ts'
import { Daemon } from './daemon.ts'
import { isAlive, killNode, nodePids, signalNode } from './node-processes.ts'
import type { PortPlan, PortRange } from './ports.ts'
import { type Programs, runHoldfast } from './programs.ts'

const POLL_MS = 50
const REST_TIMEOUT_MS = 2_000
const NODE_STOP_TIMEOUT_MS = 20_000
const DEATH_TIMEOUT_MS = 5_000

export const STORE_USER = 'Administrator'
export const STORE_PASSWORD = 'holdfast'

export interface NodePorts {
  readonly rest: number
  readonly gateway: number
  readonly data: number
  readonly engines: PortRange
}

/** Where nodes run: on loopback, or each on a host of its own (a network namespace). */
export interface NodeHosts {
  /** Address of the node's ports. */
  host(number: number): string
  /** Program and arguments that run a command on that host; empty: this one. */
  launcher(number: number): readonly string[]
}

export interface StoreNode {
  readonly number: number
  readonly host: string
  readonly isArbiter: boolean
  readonly dataFolder: string
  readonly ports: NodePorts
  readonly daemon: Daemon | undefined
}

/** Ports to take when they are free. */
export interface PreferredNodePorts {
  readonly rest: number
  readonly gateway: number
  readonly data: number
  readonly enginesFrom: number
}

const LOOPBACK_HOST = '127.0.0.1'
const LOOPBACK: NodeHosts = { host: () => LOOPBACK_HOST, launcher: () => [] }

export class LocalStore {
  readonly #programs: Programs
  readonly #folder: string
  readonly #ports: PortPlan
  readonly #hosts: NodeHosts
  readonly #nodes: StoreNode[] = []
  /** Nodes that were asked for; several may be on their way. */
  #count = 0

  constructor(programs: Programs, folder: string, ports: PortPlan, hosts: NodeHosts = LOOPBACK) {
    this.#programs = programs
    this.#folder = folder
    this.#ports = ports
    this.#hosts = hosts
  }

  get nodes(): readonly StoreNode[] {
    return this.#nodes
  }

  /** The nodes' managers; gateways and engines are known through their pid files. */
  get daemons(): Daemon[] {
    return this.#nodes.flatMap(({ daemon }) => daemon ?? [])
  }

  /** Starts one more node, not yet a member of a cluster. */
  async addNode(
    options: {
      readonly isArbiter?: boolean
      readonly enginePorts?: number
      readonly preferred?: PreferredNodePorts
    } = {},
  ): Promise<StoreNode> {
    const { isArbiter = false, enginePorts = 40, preferred } = options
    const number = ++this.#count
    const ports = {
      rest: await this.#ports.port(preferred?.rest),
      gateway: await this.#ports.port(preferred?.gateway),
      data: await this.#ports.port(preferred?.data),
      engines: await this.#ports.engineRange(enginePorts, preferred?.enginesFrom),
    }
    const dataFolder = join(this.#folder, `node${number}`)
    mkdirSync(dataFolder, { recursive: true })
    const host = this.#hosts.host(number)
    const node = { number, host, isArbiter, dataFolder, ports, daemon: undefined }
    this.#nodes[number - 1] = node
    return await this.#start(node)
  }

  /** Makes all started nodes one cluster with the bucket `default`, copies placed. */
  async form(): Promise<void> {
    const [first, ...others] = this.#nodes
    if (first === undefined) throw new Error('there is no node to form a cluster of')
    await this.#command([
      ...['cluster-init', '-c', addressOf(first), '-u', STORE_USER, '-p', STORE_PASSWORD],
      ...['--cluster-username', STORE_USER, '--cluster-password', STORE_PASSWORD],
      ...others.flatMap((node) => ['--server-add', addressOf(node)]),
      ...['--server-add-username', STORE_USER, '--server-add-password', STORE_PASSWORD],
    ])
  }

  /** Makes a started node a member; it gets data with the next rebalance. */
  async add(node: StoreNode): Promise<void> {
    await this.#admin(
      'server-add',
      ...['--server-add', addressOf(node)],
      ...['--server-add-username', STORE_USER, '--server-add-password', STORE_PASSWORD],
    )
  }

  /** Spreads the data over all members; resolves when it is done. */
  async rebalance(): Promise<void> {
    await this.#admin('rebalance')
  }

  /** Changes the memory that the bucket `default` may take on each node. */
  async resizeBucket(megabytes: number): Promise<void> {
    await this.#admin('bucket-edit', '--bucket', 'default', '--bucket-ramsize', String(megabytes))
  }

  /** `kill -9` of every process of the node; resolves with how many when its manager is gone. */
  async kill(number: number): Promise<number> {
    const { dataFolder, daemon } = this.#node(number)
    const killed = killNode(dataFolder)
    daemon?.kill()
    await daemon?.ended()
    return killed
  }

  /** A clean stop of one node, as for an upgrade; throws when it had to be killed. */
  async stopNode(number: number): Promise<void> {
    const clean = await this.#node(number).daemon?.stop(NODE_STOP_TIMEOUT_MS)
    if (clean === false) throw new Error(`node ${number} did not stop in time`)
  }

  /** Stops every process of the node where it is, as a machine that hangs does. */
  freeze(number: number): void {
    signalNode(this.#node(number).dataFolder, 'SIGSTOP')
  }

  /** Lets a frozen node go on. */
  thaw(number: number): void {
    signalNode(this.#node(number).dataFolder, 'SIGCONT')
  }

  /** Starts a killed or stopped node again on its data and ports. */
  async revive(number: number): Promise<StoreNode> {
    const node = this.#node(number)
    if (node.daemon?.isRunning) throw new Error(`node ${number} is up`)
    await this.#untilGone(nodePids(node.dataFolder))
    return await this.#start(node)
  }

  /** Starts a killed manager again beside its engines, which went on meanwhile. */
  async restartManager(number: number): Promise<StoreNode> {
    const node = this.#node(number)
    if (node.daemon?.isRunning) throw new Error(`node ${number} is up`)
    return await this.#start(node)
  }

  isUp(number: number): boolean {
    return this.#node(number).daemon?.isRunning ?? false
  }

  /** The bucket object as the first answering node knows it; undefined when none answers. */
  async bucket(name = 'default'): Promise<BucketMap | undefined> {
    for (const node of this.#answering()) {
      const bucket = await this.#ask<BucketMap>(node, `/pools/default/buckets/${name}`)
      if (bucket !== undefined) return bucket
    }
    return undefined
  }

  /** The copies of the bucket `default` on nodes that are up, by each of these nodes' word. */
  async copies(): Promise<Copies> {
    const dead = this.#nodes.filter((node) => !node.daemon?.isRunning)
    const gone = new Set(dead.map(({ host, ports }) => `${host}:${ports.data}`))
    const views = await Promise.all(
      this.#answering().map((node) => this.#ask<BucketMap>(node, '/pools/default/buckets/default')),
    )
    return fewestCopies(views.flatMap((view) => (view ? [countCopies(view, gone)] : [])))
  }

  /** Resolves when every vBucket has an active copy and a replica on nodes that are up. */
  async untilFullCopies(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    let copies = await this.copies()
    while (!hasFullCopies(copies)) {
      if (performance.now() > deadlineMs) {
        const missing = `${JSON.stringify(copies)}\n${await this.#describe()}`
        throw new Error(`copies not full within ${timeoutMs} ms: ${missing}`)
      }
      await delay(POLL_MS)
      copies = await this.copies()
    }
  }

  /** Config stream URLs of all nodes with data, comma separated: what a proxy is started with. */
  streamUrls(bucket = 'default'): string {
    return this.#nodes
      .filter((node) => !node.isArbiter)
      .map((node) => `http://${addressOf(node)}/pools/default/bucketsStreaming/${bucket}`)
      .join(',')
  }

  /** Stops every node; engines that are left over are killed. Resolves with how many were. */
  async stop(): Promise<number> {
    await Promise.all(this.#nodes.map((node) => node.daemon?.stop(NODE_STOP_TIMEOUT_MS)))
    const left = this.#nodes.flatMap((node) => nodePids(node.dataFolder))
    for (const node of this.#nodes) killNode(node.dataFolder)
    await this.#untilGone(left)
    return left.length
  }

  #answering(): StoreNode[] {
    return this.#nodes.filter(({ daemon, isArbiter }) => daemon?.isRunning && !isArbiter)
  }

  /** A node's answer as the admin; undefined when it gives none, another one may. */
  async #ask<Answer>(node: StoreNode, path: string): Promise<Answer | undefined> {
    const login = Buffer.from(`${STORE_USER}:${STORE_PASSWORD}`).toString('base64')
    try {
      const response = await fetch(`http://${addressOf(node)}${path}`, {
        headers: { authorization: `Basic ${login}` },
        signal: AbortSignal.timeout(REST_TIMEOUT_MS),
      })
      return response.ok ? ((await response.json()) as Answer) : undefined
    } catch {
      return undefined
    }
  }

  /** What each node says of the copies, for a person who wonders where they are. */
  async #describe(): Promise<string> {
    const told = await Promise.all(
      this.#answering().map(async (node) => {
        const topology = await this.#ask<Topology>(node, '/pools/default/topology')
        const lines = topology === undefined ? ['no answer'] : describeCopies(topology)
        return [`node ${node.number} says`, ...lines].join('\n  ')
      }),
    )
    return told.join('\n')
  }

  async #untilGone(pids: readonly number[]): Promise<void> {
    const deadlineMs = performance.now() + DEATH_TIMEOUT_MS
    while (pids.some(isAlive) && performance.now() < deadlineMs) await delay(POLL_MS)
  }

  async #start(node: StoreNode): Promise<StoreNode> {
    const { number, host, ports, dataFolder, isArbiter } = node
    const [launcher, ...launcherArgs] = this.#hosts.launcher(number)
    const { node: runtime } = this.#programs
    const daemon = await Daemon.start({
      name: `node ${number}`,
      command: launcher ?? runtime,
      args: [
        ...(launcher === undefined ? [] : [...launcherArgs, runtime]),
        this.#programs.holdfast,
        'node',
        ...['--data', dataFolder, '--host', host, '--port', String(ports.rest)],
        ...['--gateway-port', String(ports.gateway), '--data-port', String(ports.data)],
        ...['--engine-ports', `${ports.engines.from}-${ports.engines.to}`],
        ...(isArbiter ? ['--arbiter'] : []),
      ],
      logPath: join(this.#folder, `node${number}.log`),
      readyLine: /^holdfast node ready /,
      ...(host === LOOPBACK_HOST ? {} : { env: withAdmin(process.env) }),
    })
    const started = { ...node, daemon }
    this.#nodes[number - 1] = started
    return started
  }

  /** Runs a cluster command as the admin, at a node that is up. */
  async #admin(command: string, ...args: readonly string[]): Promise<void> {
    const node = this.#nodes.find(({ daemon }) => daemon?.isRunning)
    if (node === undefined) throw new Error('no node is up')
    const login = ['-u', STORE_USER, '-p', STORE_PASSWORD]
    await this.#command([command, '-c', addressOf(node), ...login, ...args])
  }

  async #command(args: readonly string[]): Promise<void> {
    await runHoldfast(this.#programs, args)
  }

  #node(number: number): StoreNode {
    const node = this.#nodes[number - 1]
    if (node === undefined) throw new Error(`there is no node ${number}`)
    return node
  }
}

/** A node that others can reach does not start without an admin. */
function withAdmin(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, HOLDFAST_ADMIN_PASSWORD: STORE_PASSWORD }
}

/** host:port of a node's REST. */
export function addressOf(node: StoreNode): string {
  return `${node.host}:${node.ports.rest}`
}
