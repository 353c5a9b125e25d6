/**
 * May this engine be started now? Pure.
 *
 * The rule that everything rests on: a dead primary is never restarted before its replica has been
 * promoted, since it may come back with less than the replica has, and the replica would copy that.
 * So an engine that the document calls primary starts only when it never held data, or when the
 * leader has looked for a better copy and grants it.
 */

export type InstanceDuty = 'primary' | 'replica' | 'arbiter'

export function mayStart(input: {
  duty: InstanceDuty
  /** This member holds the leader's document: it does not act on an old one. */
  synced: boolean
  /** The shard has been created: its data lives somewhere. */
  created: boolean
  /** The leader allows this start of a primary. */
  granted: boolean
}): boolean {
  if (!input.synced) return false
  if (input.duty !== 'primary') return true
  return !input.created || input.granted
}
