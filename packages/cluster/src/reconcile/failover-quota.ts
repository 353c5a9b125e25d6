/**
 * Which members that are gone may be failed over by the leader without a person, and why not the
 * others. Pure.
 *
 * The quota bounds what a misjudged network can do: so many members may be given up one after the
 * other until all copies are whole again. Members of one server group count as one where there are
 * several groups: a group fails as a whole, and each shard has a copy in another one.
 */
import { type ClusterDocument, memberById } from '../document/cluster-document.ts'
import type { BucketPicture } from './picture.ts'

export type QuotaVerdict =
  | 'allowed'
  /** Automatic failover is off. */
  | 'disabled'
  /** As many as allowed were failed over, and copies are not whole again. */
  | 'quota'
  /** More than the quota at once: rather the network than the members. */
  | 'too-many'

/** Members that lead a shard and are gone: not failed over yet, their engines not answering. */
export function goneMembers(pictures: readonly BucketPicture[]): number[] {
  const gone = new Set<number>()
  for (const shard of pictures.flatMap((picture) => picture.shards)) {
    for (const engine of shard.engines) {
      if (engine.member !== shard.primary || engine.managed || engine.failed) continue
      if (engine.reach === 'down') gone.add(engine.member)
    }
  }
  return [...gone]
}

export function judgeFailovers(
  document: ClusterDocument,
  gone: readonly number[],
  /** Members whose failover has begun and may not be in the document yet. */
  begun: ReadonlySet<number>,
): Map<number, QuotaVerdict> {
  const { enabled, maxCount, failedOver } = document.autoFailover
  const unit = unitOf(document)
  const counted = new Set([...failedOver, ...begun].map(unit))
  const fresh = new Set(gone.map(unit).filter((one) => !counted.has(one)))
  const refusal = fresh.size > maxCount ? 'too-many' : 'quota'
  const isOver = counted.size + fresh.size > maxCount
  return new Map(
    gone.map((member): [number, QuotaVerdict] => {
      if (!enabled) return [member, 'disabled']
      return [member, isOver && fresh.has(unit(member)) ? refusal : 'allowed']
    }),
  )
}

/** Failures that count, so far. */
export function failoverCount(document: ClusterDocument): number {
  return new Set(document.autoFailover.failedOver.map(unitOf(document))).size
}

function unitOf(document: ClusterDocument): (member: number) => string {
  const groups = new Set(document.members.filter((m) => !m.arbiter).map((m) => m.group))
  return (member) => {
    const group = memberById(document, member)?.group
    return groups.size > 1 && group !== undefined ? `group ${group}` : `member ${member}`
  }
}
