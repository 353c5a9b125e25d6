/**
 * Servers that a person has marked to leave with the next rebalance. The cluster learns of them
 * when the rebalance starts; until then the marks are of this browser page only, and can be taken
 * back.
 */
import { type Signal, signal } from '@preact/signals'
import type { ServerRow } from './server-row.ts'

/** otpNodes. */
export const marks: Signal<ReadonlySet<string>> = signal(new Set<string>())

export function mark(otpNode: string): void {
  marks.value = new Set([...marks.value, otpNode])
}

export function unmark(otpNode: string): void {
  marks.value = new Set([...marks.value].filter((one) => one !== otpNode))
}

/** The form of a rebalance: all members, and those that are to leave. Pure. */
export function rebalanceForm(rows: readonly ServerRow[]): {
  knownNodes: string
  ejectedNodes: string
} {
  const leaving = rows.filter((row) => row.next === 'leaves')
  return {
    knownNodes: rows.map((row) => row.otpNode).join(','),
    ejectedNodes: leaving.map((row) => row.otpNode).join(','),
  }
}
