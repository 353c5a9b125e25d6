/**
 * What a person does to the members of a model cluster: only what cannot lose the last copy, so
 * that every loss that the model finds is a mistake of the reconcile loop.
 */
import { type ClusterDocument, isHolding, memberById } from '../document/cluster-document.ts'
import { failOver, reAdd, startRebalance, stopRebalance } from '../reconcile/member-changes.ts'

/** A rebalance of all members; those failed over are taken back first. */
export function rebalanceAll(document: ClusterDocument, ejected?: number): void {
  for (const member of document.members) {
    if (member.membership === 'inactiveFailed') reAdd(member)
  }
  startRebalance(document, new Set(ejected === undefined ? [] : [ejected]))
}

/** A rebalance that drains this node; the last two stay. */
export function ejectMember(document: ClusterDocument, id: number): void {
  const member = memberById(document, id)
  if (member?.membership === 'active' && mayLose(document, id)) rebalanceAll(document, id)
}

/** Fails a node over, alive or not; gracefully: it hands over what it leads first. */
export function failOverMember(document: ClusterDocument, id: number, graceful: boolean): void {
  const member = memberById(document, id)
  if (member?.membership !== 'active' || !mayLose(document, id)) return
  if (graceful) member.failingOver = true
  else failOver(member)
}

/** Takes a node back that was failed over, with a rebalance. */
export function reAddMember(document: ClusterDocument, id: number): void {
  if (memberById(document, id)?.membership === 'inactiveFailed') rebalanceAll(document)
}

export { stopRebalance }

function mayLose(document: ClusterDocument, id: number): boolean {
  return document.members.filter((m) => m.id !== id && isHolding(m)).length >= 2
}
