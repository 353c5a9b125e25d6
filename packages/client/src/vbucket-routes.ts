/**
 * Which server has a vBucket, by a bucket config and by what servers have said since. Pure.
 *
 * A server that refuses a vBucket corrects the route: to where the forward map sends it, once, else
 * to the next server of the list; so within as many steps as there are servers each has been asked.
 * A correction lasts until the next config.
 */
import type { BucketConfig } from '@holdfast/topology'

const NONE = -1

export class VBucketRoutes {
  readonly servers: readonly string[]
  readonly count: number
  readonly #active: Int32Array
  readonly #forward: Int32Array | undefined

  constructor(config: Pick<BucketConfig, 'serverList' | 'vBucketMap' | 'vBucketMapForward'>) {
    this.servers = config.serverList
    this.count = config.vBucketMap.length
    this.#active = actives(config.vBucketMap)
    this.#forward =
      config.vBucketMapForward === null ? undefined : actives(config.vBucketMapForward)
  }

  /** The server's index, -1 when the vBucket has no active copy. */
  serverOf(vBucket: number): number {
    return this.#active[vBucket] ?? NONE
  }

  /** The server's address; undefined when the vBucket has no active copy. */
  addressOf(vBucket: number): string | undefined {
    return this.servers[this.serverOf(vBucket)]
  }

  /** Notes that `address` refused the vBucket; false when the route did not name it (any more). */
  correct(vBucket: number, address: string): boolean {
    if (this.addressOf(vBucket) !== address) return false
    const server = this.serverOf(vBucket)
    const forward = this.#forward?.[vBucket] ?? NONE
    if (this.#forward !== undefined) this.#forward[vBucket] = NONE
    const useForward = forward !== NONE && forward !== server
    this.#active[vBucket] = useForward ? forward : (server + 1) % this.servers.length
    return true
  }
}

/** Whether two configs route alike, so that corrections stay. */
export function routesAlike(a: BucketConfig, b: BucketConfig): boolean {
  return (
    sameList(a.serverList, b.serverList) &&
    sameRows(a.vBucketMap, b.vBucketMap) &&
    sameRows(a.vBucketMapForward ?? [], b.vBucketMapForward ?? [])
  )
}

/** Whether `config` may take the place of `current`: configs without a number always may. */
export function supersedes(config: BucketConfig, current: BucketConfig): boolean {
  const madeAnew = config.uuid !== null && current.uuid !== null && config.uuid !== current.uuid
  if (config.rev === null || current.rev === null || madeAnew) return true
  if (config.revEpoch !== current.revEpoch) return config.revEpoch > current.revEpoch
  return config.rev >= current.rev
}

function actives(rows: readonly number[][]): Int32Array {
  return Int32Array.from(rows, ([active = NONE]) => active)
}

function sameRows(a: readonly number[][], b: readonly number[][]): boolean {
  return a.length === b.length && a.every((row, i) => row[0] === b[i]?.[0])
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((entry, i) => entry === b[i])
}
