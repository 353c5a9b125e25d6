// Reads a Membase bucket object for one question: how many vBuckets have an active copy, and how
// many a replica beside it, on servers that are not known to be dead. Pure.

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
