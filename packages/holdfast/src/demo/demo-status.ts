// What the demo shows: its state as one line of text. Pure.
import { type Copies, hasFullCopies } from '../picture/bucket-copies.ts'

export interface DemoStatus {
  readonly visits: {
    readonly count: number
    readonly app: string
    readonly failed: number
    readonly slowestMs: number
  }
  /** Whether each store node is up, in order; empty when the embedded store serves. */
  readonly nodesUp: readonly boolean[]
  readonly shards: { readonly total: number; readonly writable: number }
  readonly copies: Copies
}

/** For example `visit 42 by app1 | nodes 1 - 3 | shards 8/8 writable | copies full | failed 0`. */
export function statusLine({ visits, nodesUp, shards, copies }: DemoStatus): string {
  const nodes = nodesUp.map((up, index) => (up ? String(index + 1) : '-')).join(' ')
  const store = [
    `nodes ${nodes}`,
    `shards ${shards.writable}/${shards.total} writable`,
    `copies ${hasFullCopies(copies) ? 'full' : `${copies.replicated}/${copies.vBuckets} vBuckets`}`,
  ]
  return [
    `visit ${visits.count} by ${visits.app}`,
    ...(nodesUp.length === 0 ? ['embedded store'] : store),
    `failed ${visits.failed}`,
    `slowest ${visits.slowestMs} ms`,
  ].join(' | ')
}
