/** What a person does to the members of a cluster, as changes of its document. */
import { type ClusterDocument, isHolding, memberById } from '../document/cluster-document.ts'

/** A rebalance that drains this node; the last two stay. */
export function ejectMember(document: ClusterDocument, id: number): void {
  const member = memberById(document, id)
  if (member?.membership !== 'active' || !mayLose(document, id)) return
  member.ejecting = true
  startRebalance(document)
}

export function startRebalance(document: ClusterDocument): void {
  document.rebalancing = true
  document.rebalance.stopped = false
}

export function stopRebalance(document: ClusterDocument): void {
  document.rebalancing = false
  document.rebalance.stopped = true
  for (const member of document.members) member.ejecting = false
}

/** Fails a node over, alive or not; gracefully: it hands over what it leads first. */
export function failOverMember(document: ClusterDocument, id: number, graceful: boolean): void {
  const member = memberById(document, id)
  if (member?.membership !== 'active' || !mayLose(document, id)) return
  if (graceful) member.failingOver = true
  else member.membership = 'inactiveFailed'
}

/** Takes a node back that was failed over, with a rebalance. */
export function reAddMember(document: ClusterDocument, id: number): void {
  const member = memberById(document, id)
  if (member?.membership !== 'inactiveFailed') return
  member.membership = 'active'
  member.failingOver = false
  startRebalance(document)
}

function mayLose(document: ClusterDocument, id: number): boolean {
  return document.members.filter((m) => m.id !== id && isHolding(m)).length >= 2
}
