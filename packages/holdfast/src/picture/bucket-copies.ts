// Reads what nodes say of a bucket for one question: how many vBuckets have an active copy, and how
// many a replica beside it, on servers that are not known to be dead; and which shards have not.
// Pure.

export interface BucketMap {
  readonly vBucketServerMap: {
    readonly serverList: readonly string[]
    readonly vBucketMap: readonly (readonly number[])[]
  }
}

export interface Copies {
  readonly vBuckets: number
  readonly active: number
  readonly replicated: number
}

/** Counts the copies, leaving out those on `deadServers` (host:port as in the server list). */
export function countCopies(bucket: BucketMap, deadServers: ReadonlySet<string>): Copies {
  const { serverList, vBucketMap } = bucket.vBucketServerMap
  const isLive = (index: number): boolean => {
    const server = serverList[index]
    return server !== undefined && !deadServers.has(server)
  }
  const rows = vBucketMap.map(([active = -1, ...replicas]) => ({
    active: isLive(active),
    replicated: isLive(active) && replicas.some((replica) => replica !== active && isLive(replica)),
  }))
  return {
    vBuckets: rows.length,
    active: rows.filter((row) => row.active).length,
    replicated: rows.filter((row) => row.replicated).length,
  }
}

/** Whether every vBucket has both an active copy and a replica. */
export function hasFullCopies({ vBuckets, replicated }: Copies): boolean {
  return vBuckets > 0 && replicated === vBuckets
}

/** The most cautious of several nodes' views: one that was away may still tell of long ago. */
export function fewestCopies(views: readonly Copies[]): Copies {
  const none = { vBuckets: 0, active: 0, replicated: 0 }
  return views.reduce((a, b) => (b.replicated < a.replicated ? b : a), views[0] ?? none)
}

/** The part of a node's `/pools/default/topology` that tells of copies. */
export interface Topology {
  readonly buckets: readonly {
    readonly name: string
    readonly shards: readonly {
      readonly shard: number
      readonly copies: readonly {
        readonly otpNode: string
        readonly role: string
        readonly inSync: boolean
        readonly state: string
      }[]
    }[]
  }[]
  readonly health: { readonly word: string; readonly reasons: readonly string[] }
}

/** One line for each shard with a copy that does not serve, after the reasons of the whole. */
export function describeCopies({ buckets, health }: Topology): string[] {
  const shards = buckets.flatMap(({ name, shards }) =>
    shards
      .filter(({ copies }) => copies.some(({ inSync }) => !inSync))
      .map(({ shard, copies }) => {
        const each = copies.map(({ otpNode, role, inSync, state }) => {
          return `${role} on ${otpNode} is ${state}${inSync ? ' and in sync' : ''}`
        })
        return `shard ${shard} of ${name}: ${each.join(', ')}`
      }),
  )
  return [`${health.word}: ${health.reasons.join(' ')}`, ...shards]
}
