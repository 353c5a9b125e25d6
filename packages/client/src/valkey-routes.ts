/**
 * The slots of somebody's own engines and the shards that serve them. Follows whole topologies and
 * single moves; shards are kept while their primary is, or one of their own engines follows it.
 *
 * An upstream that has something outstanding on a slot's former shard goes on asking there for a
 * while, and is sent on by the engine, so that its requests for one key keep their order.
 */
import { SLOTS } from '@holdfast/topology'
import type { Operation, Upstream } from './operation.ts'
import type { Shard } from './shard.ts'
import type { ValkeyNode } from './valkey-topology.ts'

/** A shard and where it is. */
export interface PlacedShard {
  readonly shard: Shard
  readonly index: number
  node: ValkeyNode
}

/** How long a slot's former shard is remembered: longer than any operation waits. */
const FORMER_MS = 10_000

export class ValkeyRoutes {
  readonly #make: (node: ValkeyNode, index: number) => Shard
  #shards: PlacedShard[] = []
  #shardOfSlot: (PlacedShard | undefined)[] = new Array(SLOTS).fill(undefined)
  #formerOfSlot: Map<number, PlacedShard> = new Map()
  #formerSinceMs = 0
  #shardsMade = 0

  constructor(make: (node: ValkeyNode, index: number) => Shard) {
    this.#make = make
  }

  get shards(): readonly PlacedShard[] {
    return this.#shards
  }

  /** Where a shard is; undefined when it is given up. */
  find(shard: Shard): PlacedShard | undefined {
    return this.#shards.find((placed) => placed.shard === shard)
  }

  /** The shard that is to be asked; undefined when nobody serves the slot. */
  shardFor(slot: number, upstream: Upstream): Shard | undefined {
    if (this.#formerOfSlot.size > 0) {
      const former = this.#formerOfSlot.get(slot)
      if (former?.shard.occupies(upstream) === true) return former.shard
    }
    return this.#shardOfSlot[slot]?.shard
  }

  /**
   * A slot is served by another primary, which may be one that was not known.
   *
   * @returns the shard there, and whether that is news
   */
  moveSlot(slot: number, address: string): { shard: Shard; news: boolean } {
    const known = this.#shards.find((placed) => placed.node.primary === address)
    const target = known ?? this.#add({ primary: address, replicas: [], slots: [[slot, slot]] })
    const news = this.#shardOfSlot[slot] !== target
    this.#setSlot(slot, target)
    return { shard: target.shard, news }
  }

  /**
   * Follows a topology; `update` tells a shard that its engines changed.
   *
   * @returns what given up shards leave undecided
   */
  follow(
    nodes: readonly ValkeyNode[],
    update: (placed: PlacedShard, node: ValkeyNode) => void,
  ): Operation[] {
    if (performance.now() - this.#formerSinceMs > FORMER_MS) this.#formerOfSlot.clear()
    const kept = new Map<ValkeyNode, PlacedShard>()
    for (const node of nodes) {
      const same = this.#shards.find((placed) => placed.node.primary === node.primary)
      if (same !== undefined) kept.set(node, same)
    }
    for (const node of nodes) {
      if (kept.has(node)) continue
      const predecessor = this.#shards.find((placed) => {
        return placed.node.replicas.includes(node.primary) && ![...kept.values()].includes(placed)
      })
      kept.set(node, predecessor ?? this.#add(node))
    }
    const homeless: Operation[] = []
    for (const placed of this.#shards) {
      if (![...kept.values()].includes(placed)) homeless.push(...this.#giveUp(placed))
    }
    this.#shards = [...kept.values()]
    const shardOfSlot: (PlacedShard | undefined)[] = new Array(SLOTS).fill(undefined)
    for (const [node, placed] of kept) {
      placed.node = node
      update(placed, node)
      for (const [from, to] of node.slots) shardOfSlot.fill(placed, from, to + 1)
    }
    for (let slot = 0; slot < SLOTS; slot++) this.#setSlot(slot, shardOfSlot[slot])
    return homeless
  }

  /** Gives up all shards and returns what they leave undecided. */
  stop(): Operation[] {
    const undecided = this.#shards.flatMap((placed) => placed.shard.stop())
    this.#shards = []
    return undecided
  }

  #add(node: ValkeyNode): PlacedShard {
    const index = this.#shardsMade++
    const placed = { shard: this.#make(node, index), index, node }
    this.#shards.push(placed)
    return placed
  }

  #giveUp(placed: PlacedShard): Operation[] {
    for (const [slot, former] of this.#formerOfSlot) {
      if (former === placed) this.#formerOfSlot.delete(slot)
    }
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.#shardOfSlot[slot] === placed) this.#shardOfSlot[slot] = undefined
    }
    return placed.shard.stop()
  }

  #setSlot(slot: number, target: PlacedShard | undefined): void {
    const before = this.#shardOfSlot[slot]
    if (before === target) return
    if (before !== undefined) {
      this.#formerOfSlot.set(slot, before)
      this.#formerSinceMs = performance.now()
    }
    this.#shardOfSlot[slot] = target
  }
}
