/**
 * What a shard has accepted and not settled: bounds on count and bytes, and per upstream how many
 * of its reads are under way beside the writes and how many of its writes are not settled, from
 * which the shard keeps each upstream's order.
 */
import {
  type Operation,
  type OperationAccountant,
  UPSTREAM_ORDER_SHARDS,
  type Upstream,
} from './operation.ts'
import { HELD_BYTES_MAX, HELD_OPS_MAX, NOBODY } from './shard-options.ts'

export class ShardAccounts implements OperationAccountant {
  /** Operations accepted and not settled. */
  outstanding = 0
  #outstandingBytes = 0
  /** Place in the upstreams' counters; bounded, so that two of very many shards may share one. */
  readonly #index: number

  constructor(shardIndex: number) {
    this.#index = shardIndex % UPSTREAM_ORDER_SHARDS
  }

  get full(): boolean {
    return this.outstanding >= HELD_OPS_MAX || this.#outstandingBytes >= HELD_BYTES_MAX
  }

  /** Counts the operation until it is settled or forgotten. */
  accept(operation: Operation): void {
    this.outstanding++
    this.#outstandingBytes += operation.bytesHeld
    operation.accountTo(this)
  }

  /** Of the upstream's writes, how many are not settled. */
  writesOf(upstream: Upstream): number {
    return upstream.writesOutstanding[this.#index] ?? 0
  }

  /** Of the upstream's reads, how many are under way beside the writes. */
  readsOf(upstream: Upstream): number {
    return upstream.readsOutstanding[this.#index] ?? 0
  }

  countWrite(operation: Operation): void {
    const { writesOutstanding } = operation.upstream
    writesOutstanding[this.#index] = (writesOutstanding[this.#index] ?? 0) + 1
  }

  /** The read leaves beside the writes. */
  countRead(operation: Operation): void {
    operation.besideWrites = true
    const { readsOutstanding } = operation.upstream
    readsOutstanding[this.#index] = (readsOutstanding[this.#index] ?? 0) + 1
  }

  /** The operation is back in the queue. */
  returned(operation: Operation): void {
    if (!operation.besideWrites) return
    operation.besideWrites = false
    const { readsOutstanding } = operation.upstream
    readsOutstanding[this.#index] = (readsOutstanding[this.#index] ?? 0) - 1
  }

  /** The operation goes elsewhere. */
  forget(operation: Operation): void {
    this.operationSettled(operation)
    operation.besideWrites = false
    operation.accountTo(NOBODY)
  }

  operationSettled(operation: Operation): void {
    this.outstanding--
    this.#outstandingBytes -= operation.bytesHeld
    if (operation.besideWrites) {
      const { readsOutstanding } = operation.upstream
      readsOutstanding[this.#index] = (readsOutstanding[this.#index] ?? 0) - 1
    } else if (!operation.readsOnly) {
      const { writesOutstanding } = operation.upstream
      writesOutstanding[this.#index] = (writesOutstanding[this.#index] ?? 0) - 1
    }
  }
}
