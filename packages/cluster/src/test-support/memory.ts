/** What a leader remembers of a bucket to which nothing has happened for a long time. */
import type { PlanMemory } from '../reconcile/plan.ts'

export function calmMemory(): PlanMemory {
  return {
    outOfSyncMs: () => 0,
    sinceFailoverMs: () => Number.POSITIVE_INFINITY,
    fillingOn: () => 0,
    autoFailover: true,
    handingOver: false,
    unsettled: false,
  }
}
