/**
 * One store node: puts the parts together and gives routes what they need. It owns start and stop.
 *
 *   REST 8091 ── document keeper ── heartbeats ── (other members)
 *                      │
 *      reconciler (only while leading) ── engines of all members
 *                      │
 *   engine supervisor ── engines of this member        gateway 11211 (a child process)
 */
import type { X509Certificate } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { makeLogin } from './document/bucket-login.ts'
import {
  type ClusterDocument,
  type Member,
  memberById,
  type StoredUser,
  wantedReplicas,
} from './document/cluster-document.ts'
import { readDocumentFile } from './document/document-file.ts'
import { DocumentKeeper } from './document/document-keeper.ts'
import { DocumentWriter } from './document/document-writer.ts'
import { adminAfterLeaving, withFirstAdmin } from './document/first-admin.ts'
import { newDocument, type OwnAddress } from './document/new-document.ts'
import { EngineSupervisor } from './engines/engine-supervisor.ts'
import { type EngineProgram, findEngine } from './engines/find-engine.ts'
import { Gateway } from './gateway.ts'
import { Heartbeats } from './membership/heartbeats.ts'
import type { Hello } from './membership/messages.ts'
import { NodeMetrics } from './metrics.ts'
import { Observer } from './observe/observer.ts'
import { Statistics } from './observe/statistics.ts'
import type { NodeOptions } from './options.ts'
import { failOver, shardsOnlyOn } from './reconcile/member-changes.ts'
import { Reconciler } from './reconcile/reconciler.ts'
import { relieve } from './reconcile/relief.ts'
import { BrowserLogins } from './rest/browser-logins.ts'
import { EventStreams } from './rest/event-streams.ts'
import { Logins } from './rest/logins.ts'
import { PoolWait } from './rest/pool-wait.ts'
import { RestServer } from './rest/rest-server.ts'
import type { ViewSource } from './rest/views.ts'
import { WatchedAnswers } from './rest/watched-answers.ts'
import { NodeSessions } from './sessions/node-sessions.ts'

/** A new leader needs this long at most to open its term. */
const LEAD_WAIT_MS = 1500
/** A member that has just joined is heard within this. */
const HEARD_WAIT_MS = 3000
const POLL_MS = 20
/** The manager needs little time, but when a node dies on a busy machine it needs it at once. */
const MANAGER_PRIORITY = -5

/** Options whose password is hashed: the password itself is not kept. */
type Settled = Omit<NodeOptions, 'admin'> & { admin: StoredUser | null }

export class StoreNode {
  readonly keeper: DocumentKeeper
  readonly heartbeats: Heartbeats
  readonly writer: DocumentWriter
  readonly reconciler: Reconciler
  readonly supervisor: EngineSupervisor
  readonly metrics: NodeMetrics
  readonly poolWait: PoolWait
  readonly observer: Observer
  readonly statistics: Statistics
  readonly logins: Logins
  readonly browserLogins: BrowserLogins
  readonly eventStreams: EventStreams
  readonly sessions: NodeSessions
  readonly version: string
  readonly #options: Omit<NodeOptions, 'admin'>
  readonly #engine: EngineProgram
  readonly #firstAdmin: StoredUser | null
  readonly #log: Logger
  readonly #rest: RestServer
  readonly #gateway: Gateway | null
  readonly #documentListeners = new Set<() => void>()
  #leaving = false

  private constructor(
    options: Settled,
    engine: EngineProgram,
    keeper: DocumentKeeper,
    log: Logger,
  ) {
    const { admin: firstAdmin, ...settings } = options
    this.#options = settings
    this.#firstAdmin = firstAdmin
    this.#engine = engine
    this.#log = log
    this.version = options.version
    this.keeper = keeper
    const folder = resolve(options.data)
    this.heartbeats = new Heartbeats({
      keeper,
      log,
      ownStatus: () => this.supervisor.status(),
      onEjected: () => void this.#leave(),
      onNews: () => this.reconciler.wake(),
    })
    this.writer = new DocumentWriter({ keeper, heartbeats: this.heartbeats, log })
    this.supervisor = new EngineSupervisor({
      folder,
      program: engine.path,
      host: options.host,
      log,
      self: keeper.self,
      document: keeper.current,
      synced: () => this.heartbeats.synced,
      onNews: () => {
        this.heartbeats.announce()
        this.reconciler.wake()
      },
    })
    this.reconciler = new Reconciler({
      keeper,
      heartbeats: this.heartbeats,
      writer: this.writer,
      log,
      grantStart: (member, bucket, shard) => this.#grantStart(member, bucket, shard),
    })
    this.metrics = new NodeMetrics(this)
    this.poolWait = new PoolWait(this)
    this.observer = new Observer(this, log)
    this.statistics = new Statistics(this, log)
    this.logins = new Logins(log)
    this.browserLogins = new BrowserLogins(() => this.document)
    this.sessions = new NodeSessions(this, options.openSessions ?? null)
    this.#rest = new RestServer(this, log)
    const answers = new WatchedAnswers((path, viewer) => this.#rest.ask(path, viewer))
    this.eventStreams = new EventStreams(this, answers)
    const gateway = options.arbiter ? null : options.gatewayCommand
    const pidFile = join(folder, 'run', 'gateway.pid')
    const secret = (): string => this.document.secret
    this.#gateway = gateway ? new Gateway({ command: gateway, pidFile, secret, log }) : null
    keeper.onChange(() => this.#documentChanged())
  }

  /**
   * Starts a node; resolves when its REST port serves. Throws when the port is taken, no engine is
   * found or the data folder cannot be used.
   */
  static async start(options: NodeOptions, log: Logger): Promise<StoreNode> {
    const engine = await findEngine(process.env)
    hurry()
    const folder = resolve(options.data)
    await mkdir(join(folder, 'run'), { recursive: true, mode: 0o700 })
    const path = join(folder, 'cluster.json')
    const stored = await readDocumentFile(path)
    const admin = await hashedAdmin(options)
    const found = stored?.document ?? newDocument(ownAddress(options))
    const document = withFirstAdmin(found, admin, options.host)
    const keeper = new DocumentKeeper(path, stored?.self ?? 1, document)
    if (document !== stored?.document) await keeper.persist()
    const node = new StoreNode({ ...options, admin }, engine, keeper, log)
    await node.#rest.listen(options)
    await writeFile(join(folder, 'run', 'manager.pid'), `${process.pid}\n`)
    node.heartbeats.start()
    node.supervisor.start()
    node.reconciler.start()
    node.#gateway?.tend(node.document)
    await node.observer.start()
    node.statistics.start()
    log.info({ engine: engine.version, host: options.host, port: options.port }, 'node started')
    return node
  }

  /** The data folder, an absolute path. */
  get folder(): string {
    return resolve(this.#options.data)
  }

  get log(): Logger {
    return this.#log
  }

  /** REST port with TLS; null without one. */
  get tlsPort(): number | null {
    return this.#options.tls?.port ?? null
  }

  /** Certificate of that port. */
  get tlsCertificate(): X509Certificate | null {
    return this.#rest.certificate
  }

  get document(): ClusterDocument {
    return this.keeper.current
  }

  get selfMember(): Member {
    const member = memberById(this.document, this.keeper.self)
    if (!member) throw new Error('this node is not in its own cluster document')
    return member
  }

  /** Has others lead what this node leads, then ends it and, as it is a clean stop, its engines. */
  async stop(): Promise<void> {
    await relieve(this)
    await this.sessions.close()
    await this.statistics.stop()
    await this.observer.stop()
    await this.reconciler.stop()
    await this.#gateway?.stop()
    await this.supervisor.stop({ endEngines: true })
    this.heartbeats.stop()
    this.poolWait.close()
    this.eventStreams.close()
    await this.#rest.close()
    await rm(join(resolve(this.#options.data), 'run', 'manager.pid'), { force: true })
  }

  onDocument(listener: () => void): () => void {
    this.#documentListeners.add(listener)
    return () => this.#documentListeners.delete(listener)
  }

  versions(): Record<string, unknown> {
    return {
      implementationVersion: this.version,
      componentsVersion: { holdfast: this.version, engine: this.#engine.version },
    }
  }

  viewSource(): ViewSource {
    return {
      document: this.document,
      self: this.keeper.self,
      version: this.version,
      isLive: (member) => this.heartbeats.isLive(member),
      status: (member) => this.heartbeats.statusOf(member),
      pictures: () => this.reconciler.pictures(),
      figures: (member) => this.observer.figures(member),
      alerts: () => this.observer.alerts(),
    }
  }

  /** Shards of all buckets: with a primary, and with every wanted copy. */
  shardCounts(): { total: number; writable: number; whole: number } {
    const counts = { total: 0, writable: 0, whole: 0 }
    for (const bucket of this.document.buckets) {
      const wanted = wantedReplicas(this.document, bucket)
      for (const shard of bucket.shards) {
        counts.total++
        if (shard.primary !== null && shard.created) counts.writable++
        if (shard.created && shard.replicas.length >= wanted) counts.whole++
      }
    }
    return counts
  }

  /** True when this member leads; waits for a term that is just being opened. */
  async leads(): Promise<boolean> {
    const deadline = performance.now() + LEAD_WAIT_MS
    for (;;) {
      if (this.writer.leads) return true
      const other = this.heartbeats.leader
      if (other !== null && other !== this.keeper.self) return false
      if (performance.now() > deadline) return false
      this.reconciler.wake()
      await delay(POLL_MS)
    }
  }

  /** Resolves when that member is heard, or after a while all the same. */
  async untilHeard(member: number): Promise<void> {
    const deadline = performance.now() + HEARD_WAIT_MS
    while (!this.heartbeats.isLive(member) && performance.now() < deadline) await delay(POLL_MS)
  }

  /** Changes the cluster document; only on the leader. */
  change(change: (draft: ClusterDocument) => void): Promise<void> {
    return this.writer.propose(change)
  }

  hello(): Hello {
    return {
      ...ownAddress(this.#options),
      uuid: this.selfMember.uuid,
      memberCount: this.document.members.length,
      version: this.version,
    }
  }

  /** Becomes a member of another cluster; what this node held is dropped. */
  async join(self: number, document: ClusterDocument): Promise<void> {
    this.#log.warn({ cluster: document.uuid, self }, 'joins a cluster, own data is dropped')
    await this.supervisor.wipe()
    await this.keeper.replace(self, document)
  }

  /**
   * Fails a member over by a person's word. With a leader it is the leader's change; without one
   * (two nodes, one dead) this member decides alone: the person vouches for the death.
   */
  async failOver(target: number): Promise<void> {
    const mark = (draft: ClusterDocument): void => {
      const member = memberById(draft, target)
      if (member) failOver(member)
    }
    const { only, all } = shardsOnlyOn(this.document, target)
    const lostPercent = all === 0 ? 0 : Math.round((only / all) * 100)
    this.#log.warn({ target, lostPercent }, 'fails a member over, by order')
    if (!this.#isAlone() && (await this.leads())) return this.change(mark)
    const leader = this.heartbeats.leader
    if (leader !== null) {
      const link = this.heartbeats.link(leader)
      await link?.send('POST', '/internal/fail-over', {
        body: { target },
        secret: this.document.secret,
        timeoutMs: LEAD_WAIT_MS,
      })
      return
    }
    const draft = structuredClone(this.keeper.newest)
    mark(draft)
    draft.term++
    draft.rev++
    this.#log.warn({ target }, 'fails a member over without a majority, by order')
    await this.keeper.install(draft)
    this.reconciler.wake()
  }

  /** No majority was seen for longer than an election takes. */
  #isAlone(): boolean {
    const lastedMs = (sinceMs: number): number => Date.now() - sinceMs
    return this.reconciler
      .refusals()
      .some((r) => r.reason === 'no-majority' && lastedMs(r.sinceMs) > LEAD_WAIT_MS)
  }

  async #grantStart(member: number, bucket: string, shard: number): Promise<void> {
    if (member === this.keeper.self) {
      this.supervisor.grantStart(bucket, shard)
      return
    }
    await this.heartbeats.link(member)?.send('POST', '/internal/grant-start', {
      body: { bucket, shard },
      secret: this.document.secret,
    })
  }

  #documentChanged(): void {
    this.supervisor.update(this.keeper.self, this.document)
    for (const listener of this.#documentListeners) listener()
    this.reconciler.wake()
    this.#gateway?.tend(this.document)
  }

  /** The cluster has removed this node: it starts anew, alone and empty. */
  async #leave(): Promise<void> {
    if (this.#leaving) return
    this.#leaving = true
    try {
      this.#log.warn('removed from the cluster, starting anew')
      await this.supervisor.wipe()
      const { host } = this.#options
      const admin = adminAfterLeaving(this.document.admin, this.#firstAdmin, host)
      await this.keeper.replace(1, { ...newDocument(ownAddress(this.#options)), admin })
    } finally {
      this.#leaving = false
    }
  }
}

function hurry(): void {
  try {
    setPriority(MANAGER_PRIORITY)
  } catch {
    // needs a privilege; without it the manager takes its turn
  }
}

async function hashedAdmin({ admin }: NodeOptions): Promise<StoredUser | null> {
  if (!admin) return null
  return { username: admin.username, ...(await makeLogin(admin.password)) }
}

function ownAddress(options: Omit<NodeOptions, 'admin'>): OwnAddress {
  return {
    host: options.host,
    restPort: options.port,
    gatewayPort: options.gatewayPort,
    dataPort: options.dataPort,
    enginePorts: options.enginePorts,
    arbiter: options.arbiter,
  }
}
