/**
 * A vBucket bucket of Membase or Couchbase: routes each key's operation to the server of its
 * vBucket over the binary protocol, and follows the bucket's configs. Whoever feeds it configs
 * (config-follower.ts, a test) calls `applyConfig`; servers that refuse a vBucket correct it too,
 * with a map in the refusal or without (vbucket-routes.ts).
 *
 * Before the first config operations wait, within bounds and their deadlines. Afterwards nothing
 * waits for a server that is away: that fails at once. A refused operation is sent again up to
 * twice as often as there are servers. Replicas are never read.
 */
import { type BinaryReply, Op } from '@holdfast/protocol'
import { type BucketConfig, ConfigError, parseBucketConfig, vbucketOf } from '@holdfast/topology'
import type { Backend, BackendReport } from './backend.ts'
import type { BinaryLink } from './binary-link.ts'
import { NOT_MY_VBUCKET_LINE } from './binary-replies.ts'
import { splitAddress } from './engine-connection.ts'
import { answerWhenAll, Fork } from './fork.ts'
import { type Operation, type OperationAccountant, UPSTREAM_ORDER_SHARDS } from './operation.ts'
import type { SaslCredentials } from './sasl-client.ts'
import { type ClientLog, QUEUE_FULL_LINE } from './shard.ts'
import type { Turn } from './turn.ts'
import { VBucketOrder } from './vbucket-order.ts'
import { routesAlike, supersedes, VBucketRoutes } from './vbucket-routes.ts'
import { type LinkTarget, VBucketServers } from './vbucket-servers.ts'

/** Most operations of a bucket without an answer. */
export const VBUCKET_OPS_MAX = 100_000
/** Most bytes of such operations. */
export const VBUCKET_BYTES_MAX: number = 256 * 1024 * 1024
/** Reply line when a vBucket has no active copy. */
export const NO_ACTIVE_LINE = 'SERVER_ERROR proxy out of downstreams'

const SWEEP_INTERVAL_MS = 100
const STOPPING_LINE = 'SERVER_ERROR proxy is stopping'
const NO_CONFIG_LINE = 'SERVER_ERROR no bucket configuration yet'
const BACKOFF_MS_MIN = 10
const BACKOFF_MS_MAX = 100

/** What a vBucket backend is made with. */
export interface VBucketBackendOptions {
  turn: Turn
  /**
   * Instead of the bucket's name and SASL password: a user of a Couchbase that has users; null for
   * servers that want no login.
   */
  credentials?: SaslCredentials | null | undefined
  /** Connections to each server; a client keeps to one of them. */
  connectionsPerServer?: number
  connectTimeoutMs?: number
  loginTimeoutMs?: number
  silenceTimeoutMs?: number
  valueBytesMax?: number
  log?: ClientLog
}

/** Events since the start. */
export interface VBucketCounters {
  configs_applied: number
  configs_refused: number
  not_my_vbucket: number
  not_my_vbucket_given_up: number
  maps_learnt: number
  queue_refused: number
}

export class VBucketBackend implements Backend, OperationAccountant {
  readonly counters: VBucketCounters = {
    configs_applied: 0,
    configs_refused: 0,
    not_my_vbucket: 0,
    not_my_vbucket_given_up: 0,
    maps_learnt: 0,
    queue_refused: 0,
  }
  readonly #options: VBucketBackendOptions
  readonly #log: ClientLog
  readonly #servers: VBucketServers
  readonly #order: VBucketOrder = new VBucketOrder((operation) => this.#send(operation))
  readonly #sweepTimer: NodeJS.Timeout
  #config: BucketConfig | undefined = undefined
  #routes: VBucketRoutes | undefined = undefined
  #target: LinkTarget | undefined = undefined
  /** The map of the last refusal that held one. */
  #lastBody: Buffer = Buffer.alloc(0)
  /** What arrived before the first config, in order. */
  #early: Operation[] = []
  #earlyBytes = 0
  #outstanding = 0
  #outstandingBytes = 0
  #stopped = false

  constructor(options: VBucketBackendOptions) {
    this.#options = options
    this.#log = options.log ?? (() => {})
    this.#servers = new VBucketServers({
      turn: options.turn,
      log: this.#log,
      linksPerServer: options.connectionsPerServer ?? 1,
      onRefused: (operation, link, reply) => this.#refused(operation, link, reply),
      onReturned: (operation) => this.#returned(operation),
    })
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.#sweepTimer.unref()
  }

  /** Operations accepted and not settled. */
  get outstanding(): number {
    return this.#outstanding
  }

  /**
   * Follows a config of the bucket; one without vBuckets, or older than the one in use, leaves
   * everything as it is.
   *
   * @returns whether it is in use now
   */
  applyConfig(config: BucketConfig): boolean {
    const current = this.#config
    const usable = config.vBucketMap.length > 0 && config.serverList.length > 0
    if (this.#stopped || !usable || (current !== undefined && !supersedes(config, current))) {
      this.counters.configs_refused++
      return false
    }
    this.counters.configs_applied++
    this.#target = this.#targetOf(config)
    this.#follow(config, this.#target)
    return true
  }

  submit(operation: Operation): void {
    if (this.#stopped) {
      operation.fail(STOPPING_LINE)
      return
    }
    if (operation.kind === Op.FlushAll) {
      this.#submitFlush(operation)
      return
    }
    const accepted = this.#outstanding + this.#early.length
    const acceptedBytes = this.#outstandingBytes + this.#earlyBytes
    if (accepted >= VBUCKET_OPS_MAX || acceptedBytes >= VBUCKET_BYTES_MAX) {
      this.counters.queue_refused++
      operation.fail(QUEUE_FULL_LINE)
    } else if (this.#routes === undefined) {
      this.#early.push(operation)
      this.#earlyBytes += operation.bytesHeld
    } else {
      this.#accept(operation, this.#routes)
    }
  }

  report(): BackendReport {
    const retries = this.#servers.current.reduce((sum, link) => sum + link.retries, 0)
    return {
      kind: 'vbucket',
      usable: this.#routes !== undefined,
      outstanding: this.#outstanding,
      servers: this.#servers.report(),
      counters: { ...this.counters, downstream_retries: retries },
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#sweepTimer)
    const undecided = [...this.#early, ...this.#order.drain(), ...this.#servers.close()]
    this.#early = []
    for (const operation of undecided) operation.fail(STOPPING_LINE)
  }

  operationSettled(operation: Operation): void {
    this.#outstanding--
    this.#outstandingBytes -= operation.bytesHeld
    countUnanswered(operation, -1)
    this.#order.gone(operation)
  }

  #accept(operation: Operation, routes: VBucketRoutes): void {
    const { buf, keyStart, keyEnd } = operation
    operation.vBucket = vbucketOf(buf, keyStart, keyEnd, routes.count)
    const order = this.#order
    const waits = !order.quiet && order.mustWait(operation.vBucket, followsUnanswered(operation))
    this.#account(operation)
    if (waits) this.#order.wait(operation)
    else this.#send(operation)
  }

  #account(operation: Operation): void {
    this.#outstanding++
    this.#outstandingBytes += operation.bytesHeld
    countUnanswered(operation, 1)
    operation.accountTo(this)
  }

  #send(operation: Operation): void {
    const address = this.#routes?.addressOf(operation.vBucket)
    if (address === undefined) operation.fail(NO_ACTIVE_LINE)
    else this.#servers.linkFor(address, operation.upstream)?.submit(operation)
  }

  #submitFlush(operation: Operation): void {
    const { addresses } = this.#servers
    if (addresses.length === 0) {
      operation.fail(NO_CONFIG_LINE)
      return
    }
    new Fork(operation, answerWhenAll).spread(addresses, (part, address) => {
      this.#account(part)
      this.#servers.linkFor(address, part.upstream)?.submit(part)
    })
  }

  /** A server says that the operation's vBucket is not its own. */
  #refused(operation: Operation, link: BinaryLink, reply: BinaryReply): void {
    this.counters.not_my_vbucket++
    const routes = this.#routes
    const retriesMax = 2 * (routes?.servers.length ?? 0)
    if (this.#stopped || operation.attempts > retriesMax || this.#misplaced(operation)) {
      this.counters.not_my_vbucket_given_up++
      operation.fail(NOT_MY_VBUCKET_LINE)
      return
    }
    this.#learn(operation.vBucket, link.address, reply)
    this.#order.refused(operation, backoffMs(operation.attempts))
  }

  /** A server was lost before it took the operation, or the operation may be repeated. */
  #returned(operation: Operation): void {
    const again = keyed(operation) && !this.#stopped
    if (again) this.#order.refused(operation, 0)
    else operation.fail(CLOSED_LINE)
  }

  #learn(vBucket: number, address: string, reply: BinaryReply): void {
    if (this.#routes?.addressOf(vBucket) !== address) return
    if (reply.valueEnd > reply.valueStart) {
      this.#learnMap(reply.buf.subarray(reply.valueStart, reply.valueEnd), address)
    }
    if (this.#routes.correct(vBucket, address)) this.#markStrays(vBucket, address)
  }

  /** Follows a map in a refusal; what is no newer usable map changes nothing. */
  #learnMap(body: Buffer, address: string): void {
    const { host } = splitAddress(address)
    if (this.#lastBody.equals(body)) return
    this.#lastBody = Buffer.from(body)
    try {
      const config = parseBucketConfig(body.toString('utf8'), { host })
      const newer = this.#config === undefined || supersedes(config, this.#config)
      if (config.vBucketMap.length === 0 || !newer || this.#target === undefined) return
      this.counters.maps_learnt++
      this.#follow(config, this.#target)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.counters.configs_refused++
      this.#log('warn', `unusable map in a refusal: ${error.message}`, { server: address })
    }
  }

  /** Goes over to the servers and routes of a config. */
  #follow(config: BucketConfig, target: LinkTarget): void {
    const before = this.#config
    const alike = before !== undefined && routesAlike(before, config)
    const countBefore = this.#routes?.count ?? config.vBucketMap.length
    this.#config = config
    if (!alike) {
      this.#routes = new VBucketRoutes(config)
      const { name, serverList, rev } = config
      const fields = { bucket: name, servers: serverList.length, rev: rev ?? 'none' }
      this.#log('info', 'bucket config in use', fields)
    }
    this.#servers.update(config.serverList, target)
    if (countBefore !== config.vBucketMap.length) this.#failHeld()
    this.#resettle()
    const early = this.#early
    this.#early = []
    this.#earlyBytes = 0
    for (const operation of early) {
      if (!operation.settled && this.#routes !== undefined) this.#accept(operation, this.#routes)
    }
  }

  /** Strays are told anew, and what waits for a server that is not its own any more moves on. */
  #resettle(): void {
    this.#order.forgetStrays()
    const moved: Operation[] = []
    const look = (link: BinaryLink, retired: boolean): void => {
      const elsewhere = (operation: Operation): boolean => {
        if (operation.kind === Op.FlushAll) return false
        return retired || this.#routes?.addressOf(operation.vBucket) !== link.address
      }
      link.forEachOutstanding((operation) => {
        if (!operation.settled && elsewhere(operation)) this.#order.stray(operation)
      })
      moved.push(...link.takeWaiting(elsewhere))
    }
    for (const link of this.#servers.retired) look(link, true)
    for (const link of this.#servers.current) look(link, false)
    for (const operation of moved) this.#order.refused(operation, 0)
    this.#order.releaseAll()
  }

  /** What is still at a server that has lost the vBucket will be refused, one after the other. */
  #markStrays(vBucket: number, address: string): void {
    for (const link of this.#servers.current) {
      if (link.address !== address) continue
      link.forEachOutstanding((operation) => {
        const isHere = operation.vBucket === vBucket && operation.kind !== Op.FlushAll
        if (isHere && !operation.settled) this.#order.stray(operation)
      })
    }
  }

  /** The bucket was made anew with another number of vBuckets: nothing held has a place in it. */
  #failHeld(): void {
    const held = this.#order.drain()
    for (const link of this.#servers.current) held.push(...link.takeWaiting(keyed))
    for (const operation of held) operation.fail(NOT_MY_VBUCKET_LINE)
  }

  #misplaced(operation: Operation): boolean {
    const { kind, buf, keyStart, keyEnd } = operation
    if (kind === Op.FlushAll) return true
    return vbucketOf(buf, keyStart, keyEnd, this.#routes?.count ?? 1) !== operation.vBucket
  }

  #targetOf(config: BucketConfig): LinkTarget {
    const { credentials, connectTimeoutMs, loginTimeoutMs, silenceTimeoutMs, valueBytesMax } =
      this.#options
    const bucketLogin = { username: config.name, password: config.saslPassword }
    const chooses = config.rev !== null || (credentials !== undefined && credentials !== null)
    return {
      credentials: credentials === undefined ? bucketLogin : (credentials ?? undefined),
      bucket: chooses ? config.name : undefined,
      connectTimeoutMs: connectTimeoutMs ?? 400,
      loginTimeoutMs: loginTimeoutMs ?? 1000,
      silenceTimeoutMs: silenceTimeoutMs ?? 5000,
      valueBytesMax,
    }
  }

  #sweep(): void {
    // Not the turn's clock, which would cost an idle process a loop turn each time.
    for (const operation of this.#servers.sweep(performance.now())) {
      if (operation.readsOnly || operation.attempts === 0) this.#returned(operation)
      else operation.fail(CLOSED_LINE)
    }
    this.#order.sweep()
    if (this.#early[0]?.settled === true) {
      this.#early = this.#early.filter((operation) => !operation.settled)
      this.#earlyBytes = this.#early.reduce((sum, operation) => sum + operation.bytesHeld, 0)
    }
  }
}

const CLOSED_LINE = 'SERVER_ERROR proxy downstream closed'

function keyed(operation: Operation): boolean {
  return operation.kind !== Op.FlushAll
}

function countUnanswered(operation: Operation, change: 1 | -1): void {
  const { readsOutstanding, writesOutstanding } = operation.upstream
  const counts = operation.readsOnly ? readsOutstanding : writesOutstanding
  const index = operation.vBucket % UPSTREAM_ORDER_SHARDS
  counts[index] = (counts[index] ?? 0) + change
}

/** Whether its client has something unanswered that it must not overtake. */
function followsUnanswered(operation: Operation): boolean {
  const { readsOutstanding, writesOutstanding } = operation.upstream
  const index = operation.vBucket % UPSTREAM_ORDER_SHARDS
  if ((writesOutstanding[index] ?? 0) > 0) return true
  return !operation.readsOnly && (readsOutstanding[index] ?? 0) > 0
}

/** The first retry goes at once, as the route is right most times. */
function backoffMs(attempts: number): number {
  if (attempts < 2) return 0
  const grownMs = Math.min(BACKOFF_MS_MIN * 2 ** (attempts - 2), BACKOFF_MS_MAX)
  return grownMs * (0.75 + Math.random() / 4)
}
