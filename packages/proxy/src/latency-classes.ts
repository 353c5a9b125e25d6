/**
 * Commands are timed by class: what is alike for a store is counted alike. The steps of the times
 * are those of the latency scale of @holdfast/protocol.
 */
import { Op } from '@holdfast/protocol'

/** Classes of commands that are timed apart. */
export const LATENCY_CLASSES = ['read', 'store', 'count', 'delete', 'touch', 'flush'] as const
export type LatencyClass = (typeof LATENCY_CLASSES)[number]

const CLASS_OF_OP: Uint8Array = classTable()

/** Index into `LATENCY_CLASSES`. */
export function latencyClass(op: Op): number {
  return CLASS_OF_OP[op] ?? 0
}

function classTable(): Uint8Array {
  const table = new Uint8Array(Math.max(...Object.values(Op)) + 1)
  const classes: Record<LatencyClass, readonly Op[]> = {
    read: [Op.Get, Op.Gets, Op.Debug],
    store: [Op.Set, Op.Add, Op.Replace, Op.Append, Op.Prepend, Op.Cas],
    count: [Op.Incr, Op.Decr],
    delete: [Op.Delete],
    touch: [Op.Touch, Op.Gat, Op.Gats],
    flush: [Op.FlushAll],
  }
  for (const [index, name] of LATENCY_CLASSES.entries()) {
    for (const op of classes[name]) table[op] = index
  }
  return table
}
