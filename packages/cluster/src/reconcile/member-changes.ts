/**
 * What a person does to the members of a cluster, as changes of a draft of its document. Pure.
 * Whether it may be done is checked by who asks (the REST routes); what follows from it is the
 * reconcile loop's.
 */
import { type ClusterDocument, isHolding, type Member } from '../document/cluster-document.ts'
import { allMovesLeft } from './wanted.ts'

/** Everybody who was added gets data; the given members and those failed over are drained. */
export function startRebalance(draft: ClusterDocument, ejected: ReadonlySet<number>): void {
  for (const member of draft.members) {
    if (member.membership === 'inactiveAdded') member.membership = 'active'
    if (ejected.has(member.id) || member.membership === 'inactiveFailed') member.ejecting = true
  }
  draft.rebalancing = true
  draft.rebalance = { stopped: false, movesAtStart: {}, trouble: null }
  const holding = draft.members.filter((m) => isHolding(m)).map((m) => m.id)
  draft.rebalance.movesAtStart = Object.fromEntries(allMovesLeft(draft, holding))
}

/** No further move begins; who was to be drained stays. The next rebalance begins where this ends. */
export function stopRebalance(draft: ClusterDocument): void {
  if (!draft.rebalancing) return
  draft.rebalancing = false
  draft.rebalance = { stopped: true, movesAtStart: {}, trouble: null }
  for (const member of draft.members) member.ejecting = false
}

/** From here on the member's engines are not used; its in-sync replicas elsewhere take over. */
export function failOver(member: Member): void {
  member.membership = 'inactiveFailed'
  member.failingOver = false
}

/** The next rebalance gives it copies again, those first whose files it has. */
export function reAdd(member: Member): void {
  member.membership = 'inactiveAdded'
  member.ejecting = false
}

/** Shards that nobody can lead once this member is failed over, of all that exist. */
export function shardsOnlyOn(document: ClusterDocument, id: number): { only: number; all: number } {
  const shards = document.buckets.flatMap((bucket) => bucket.shards)
  const only = shards.filter((s) => s.created && s.primary === id && s.replicas.length === 0)
  return { only: only.length, all: shards.length }
}
