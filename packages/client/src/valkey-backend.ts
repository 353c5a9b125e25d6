/**
 * Somebody's own Valkey or Redis, a cluster or a single server, as a backend. Keys go untagged, by
 * their own slot; values carry the same header as in a bucket of the store (item.ts), so flags and
 * CAS hold. What others wrote is served whole, with flags and CAS of 0, and is ours once written;
 * binary values of others whose fifth byte has its top bit set would be misread.
 *
 * One shard per primary; a write is acknowledged as the engine acknowledges it: how many copies it
 * keeps is its owner's business. valkey-follower.ts finds out who serves what, valkey-routes.ts
 * keeps it.
 *
 * While slots move: a MOVED teaches the slot's new primary at once and sends the operation there;
 * an ASK sends only the operation (valkey-asking.ts).
 */
import { randomInt } from 'node:crypto'
import { CasClock, Op, PROXY_ID_BITS, VALUE_BYTES_MAX_DEFAULT } from '@holdfast/protocol'
import { slotOf } from '@holdfast/topology'
import type { Backend, BackendReport } from './backend.ts'
import { UNTAGGED } from './engine-arguments.ts'
import type { EngineCredentials, EngineTarget } from './engine-connection.ts'
import { answerWhenAll, Fork } from './fork.ts'
import type { Operation } from './operation.ts'
import { Shard } from './shard.ts'
import {
  type ClientLog,
  createShardCounters,
  HELD_OPS_MAX,
  NOBODY,
  QUEUE_FULL_LINE,
  type ShardCounters,
  type ShardSettings,
} from './shard-options.ts'
import type { Turn } from './turn.ts'
import { AskingLink } from './valkey-asking.ts'
import { ValkeyFollower } from './valkey-follower.ts'
import { ValkeyLibrary } from './valkey-library.ts'
import { type PlacedShard, ValkeyRoutes } from './valkey-routes.ts'
import { parseRedirect, tagInSlots, type ValkeyNode } from './valkey-topology.ts'
import { parseValkeyUrl } from './valkey-url.ts'
import { stampWrite } from './write-stamp.ts'

const SWEEP_INTERVAL_MS = 100
/** How long an operation rests that an engine neither serves nor sends on for good. */
const ASK_AGAIN_MS = 10
const STOPPING_LINE = 'SERVER_ERROR proxy is stopping'
const FLUSH_LINE = 'SERVER_ERROR flush_all not supported'

/** What the backend is made with. */
export interface ValkeyBackendOptions {
  turn: Turn
  /** See valkey-url.ts. */
  url: string
  /** In place of those in the URL. */
  credentials?: EngineCredentials | undefined
  connectTimeoutMs?: number
  valueBytesMax?: number
  log?: ClientLog
}

/** Counters of a Valkey backend. */
export interface ValkeyCounters extends ShardCounters {
  /** Operations sent on because their slot has moved, or their key is about to. */
  moved: number
  asked: number
  /** Times that the engines were asked who serves what, and answered. */
  topologies: number
}

export class ValkeyBackend implements Backend {
  readonly counters: ValkeyCounters = {
    ...createShardCounters(),
    moved: 0,
    asked: 0,
    topologies: 0,
  }
  /** Resolves when operations can be routed for the first time. */
  readonly ready: Promise<void>
  readonly #becomeReady: () => void
  readonly #turn: Turn
  readonly #log: ClientLog
  readonly #commands: { valueBytesMax: number }
  readonly #target: Omit<EngineTarget, 'address'>
  readonly #settings: ShardSettings
  readonly #flushAllowed: boolean
  readonly #clock: CasClock = new CasClock(randomInt(2 ** PROXY_ID_BITS))
  readonly #routes: ValkeyRoutes
  readonly #follower: ValkeyFollower
  readonly #library: ValkeyLibrary
  readonly #asking: Map<string, AskingLink> = new Map()
  readonly #sweepTimer: NodeJS.Timeout
  /**
   * Until the libraries were looked for, nothing is placed: an operation that is sent again once
   * its function is there would come after those behind it.
   */
  #librariesSeen = false
  /** What no known primary serves, in order. */
  #unplaced: Operation[] = []
  #stopped = false

  /** Throws when the URL is bad. */
  constructor(options: ValkeyBackendOptions) {
    const parsed = parseValkeyUrl(options.url)
    const { addresses, tls, flushAllowed } = parsed
    const credentials = options.credentials ?? parsed.credentials
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#becomeReady = resolve
    const turn = options.turn
    const log = options.log ?? (() => {})
    this.#turn = turn
    this.#log = log
    this.#commands = { valueBytesMax: options.valueBytesMax ?? VALUE_BYTES_MAX_DEFAULT }
    this.#target = { credentials, tls, connectTimeoutMs: options.connectTimeoutMs ?? 400 }
    this.#settings = {
      durability: 'none',
      degradedWrites: 'allow',
      replicaReads: false,
      credentials,
    }
    this.#flushAllowed = flushAllowed
    this.#library = new ValkeyLibrary(this.#target, turn, log)
    this.#routes = new ValkeyRoutes((node, index) => this.#makeShard(node, index))
    this.#follower = new ValkeyFollower({
      addresses,
      target: this.#target,
      turn,
      log,
      onTopology: (nodes) => this.#follow(nodes),
    })
    this.#sweepTimer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    this.#sweepTimer.unref()
  }

  submit(operation: Operation): void {
    if (operation.kind === Op.FlushAll) {
      this.#submitFlush(operation)
      return
    }
    operation.vBucket = UNTAGGED
    if (!operation.readsOnly) stampWrite(operation, this.#clock)
    this.#place(operation)
  }

  report(): BackendReport {
    const shards = this.#routes.shards
    return {
      kind: 'valkey',
      usable: this.#librariesSeen && shards.length > 0,
      outstanding: shards.reduce(
        (sum, { shard }) => sum + shard.outstanding,
        this.#unplaced.length,
      ),
      servers: shards.map(({ shard }) => {
        const { vBuckets: _, ...report } = shard.report()
        return report
      }),
      counters: { ...this.counters },
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#sweepTimer)
    this.#follower.stop()
    const asked = [...this.#asking.values()].flatMap((link) => link.close())
    const undecided = [...this.#unplaced, ...asked, ...this.#routes.stop()]
    this.#unplaced = []
    for (const operation of undecided) {
      operation.accountTo(NOBODY)
      operation.fail(STOPPING_LINE)
    }
  }

  #place(operation: Operation): void {
    if (this.#stopped) {
      operation.fail(STOPPING_LINE)
      return
    }
    const slot = slotOf(operation.buf, operation.keyStart, operation.keyEnd)
    const shard = this.#librariesSeen ? this.#routes.shardFor(slot, operation.upstream) : undefined
    if (shard !== undefined) shard.submit(operation)
    else if (this.#unplaced.length < HELD_OPS_MAX) this.#unplaced.push(operation)
    else operation.fail(QUEUE_FULL_LINE)
  }

  /** An engine can be emptied only as a whole, with what others keep there: the URL must allow it. */
  #submitFlush(operation: Operation): void {
    const shards = this.#routes.shards
    if (this.#stopped) {
      operation.fail(STOPPING_LINE)
    } else if (!this.#flushAllowed) {
      operation.fail(FLUSH_LINE)
    } else if (shards.length === 0) {
      operation.fail('SERVER_ERROR no engine found yet')
    } else {
      new Fork(operation, answerWhenAll).spread(shards, (part, { shard }) => {
        part.vBucket = UNTAGGED
        shard.submit(part)
      })
    }
  }

  #makeShard(node: ValkeyNode, index: number): Shard {
    const placed = (): PlacedShard | undefined => this.#routes.find(shard)
    const shard: Shard = new Shard(
      {
        index,
        turn: this.#turn,
        commands: this.#commands,
        connectTimeoutMs: this.#target.connectTimeoutMs,
        counters: this.counters,
        log: (level, message, fields) => {
          this.#log(level, message, fields)
          if (level === 'warn') this.#follower.refresh()
        },
        fence: () => ({ key: tagInSlots((placed()?.node ?? node).slots), writes: false }),
        tls: this.#target.tls,
        takesOver: (operation, refusal) => this.#takeOver(operation, refusal, placed()),
      },
      routeOf(node),
      this.#settings,
    )
    return shard
  }

  #follow(nodes: readonly ValkeyNode[]): void {
    this.counters.topologies++
    const homeless = this.#routes.follow(nodes, (placed, node) => {
      placed.shard.update(routeOf(node), this.#settings)
    })
    const required = nodes.map(({ primary }) => this.#library.require(primary))
    this.#unplaced.push(...homeless)
    if (this.#librariesSeen) this.#placeWaiting()
    else void Promise.all(required).then(() => this.#begin())
  }

  #begin(): void {
    if (this.#stopped) return
    this.#librariesSeen = true
    this.#becomeReady()
    this.#placeWaiting()
  }

  #placeWaiting(): void {
    const waiting = this.#unplaced
    this.#unplaced = []
    for (const operation of waiting) {
      if (operation.settled) continue
      operation.accountTo(NOBODY)
      this.#place(operation)
    }
  }

  /** What an engine refuses but another one, or a library, can mend. */
  #takeOver(operation: Operation, refusal: string, from: PlacedShard | undefined): boolean {
    if (from === undefined) return false
    const { primary, replicas } = from.node
    if (refusal.startsWith('ERR Function not found')) {
      return this.#missesFunction(operation, primary)
    }
    const redirect = parseRedirect(refusal, primary)
    if (redirect === undefined) return false
    const { kind, slot, address } = redirect
    if (kind === 'MOVED') {
      // A replica that was promoted: the whole shard goes over to it.
      if (replicas.includes(address)) return false
      this.counters.moved++
      const { shard, news } = this.#routes.moveSlot(slot, address)
      if (news) this.#follower.refresh()
      if (shard === from.shard) return false
      from.shard.release(operation)
      shard.submit(operation)
      return true
    }
    this.counters.asked++
    this.#askingLink(address, from).send(operation)
    return true
  }

  /** Held until the library is there; refused where the engine does not take it. */
  #missesFunction(operation: Operation, primary: string): boolean {
    this.#library.requireAgain(primary)
    const refusal = this.#library.refusals.get(primary)
    if (refusal === undefined) return false
    operation.fail(`SERVER_ERROR engine does not take the function library: ${refusal}`)
    return true
  }

  #askingLink(address: string, from: PlacedShard): AskingLink {
    const known = this.#asking.get(address)
    if (known !== undefined) return known
    const link = new AskingLink({ ...this.#target, address }, this.#commands, this.#turn, {
      askingReturned: (operations) => this.#askAgain(operations, from),
      askingClosed: () => {
        this.#asking.delete(address)
      },
    })
    this.#asking.set(address, link)
    return link
  }

  /** Back to where they came from, after a moment. */
  #askAgain(operations: Operation[], from: PlacedShard): void {
    if (operations.length === 0) return
    this.#follower.refresh()
    setTimeout(() => {
      const undecided = operations.filter((operation) => !operation.settled)
      if (this.#routes.find(from.shard) !== undefined) {
        from.shard.takeBack(undecided)
        return
      }
      for (const operation of undecided) {
        from.shard.release(operation)
        this.#place(operation)
      }
    }, ASK_AGAIN_MS)
  }

  #sweep(): void {
    const nowMs = performance.now()
    for (const { shard } of this.#routes.shards) {
      shard.sweep(nowMs)
      if (shard.starves) this.#follower.refresh()
    }
    if (this.#unplaced.length > 0) this.#follower.refresh()
    for (const [address, link] of this.#asking) {
      link.checkSilence(nowMs)
      if (!link.idle) continue
      link.close()
      this.#asking.delete(address)
    }
    if (this.#unplaced[0]?.settled === true) {
      this.#unplaced = this.#unplaced.filter((operation) => !operation.settled)
    }
  }
}

function routeOf(node: ValkeyNode): {
  vBuckets: [number, number]
  primary: string
  replicas: string[]
} {
  return { vBuckets: [0, 0], primary: node.primary, replicas: [...node.replicas] }
}
