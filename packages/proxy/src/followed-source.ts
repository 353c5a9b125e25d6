/**
 * The config streams that a proxy follows, as a part of its snapshot: whom it reports to (report/)
 * is found by them. There is no room for a password in it.
 */

/** A source whose stream from a Holdfast store is open. */
export interface FollowedSource {
  /** Its name among the sources of this proxy. */
  source: string
  /** The URL that is followed, without credentials. */
  url: string
  buckets: FollowedBucket[]
}

/** A bucket of such a source. */
export interface FollowedBucket {
  /** As the store calls it. */
  name: string
  rev: number
  /** Buckets of this proxy that lead to it and nowhere else. */
  countedAs: string[]
}

/** What several workers follow, as one: a bucket has the oldest of their revisions. */
export function sumFollowed(
  a: readonly FollowedSource[],
  b: readonly FollowedSource[],
): FollowedSource[] {
  const others = new Map(b.map((one) => [one.source, one]))
  const sums = a.map((one) => {
    const other = others.get(one.source)
    others.delete(one.source)
    const revs = new Map(other?.buckets.map(({ name, rev }) => [name, rev]))
    const buckets = one.buckets.map((bucket) => {
      return { ...bucket, rev: Math.min(bucket.rev, revs.get(bucket.name) ?? bucket.rev) }
    })
    return { ...one, buckets }
  })
  return [...sums, ...others.values()]
}
