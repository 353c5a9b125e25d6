/**
 * moxi's counters by command (`pstd_stats_cmd`), for requests that are answered (regular) and those
 * that are only answered when something unusual happens (quiet, noreply).
 */
import { Outcome } from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { absent, type BucketContext, type StatRow, shown } from './stats-row.ts'
import {
  type BucketSnapshot,
  commandsOf,
  type Manner,
  repliesOf,
  valueBytesOf,
} from './stats-snapshot.ts'

const COMMANDS: Readonly<Record<string, readonly Op[]>> = {
  get: [Op.Get, Op.Gets, Op.Gat, Op.Gats],
  set: [Op.Set],
  add: [Op.Add],
  replace: [Op.Replace],
  delete: [Op.Delete],
  append: [Op.Append],
  prepend: [Op.Prepend],
  incr: [Op.Incr],
  decr: [Op.Decr],
  flush_all: [Op.FlushAll],
  cas: [Op.Cas],
  touch: [Op.Touch],
  stats: [Op.Stats],
  version: [Op.Version],
  verbosity: [Op.Verbosity],
  quit: [Op.Quit],
}

const HITS: readonly Outcome[] = [
  Outcome.Hit,
  Outcome.Stored,
  Outcome.Deleted,
  Outcome.Touched,
  Outcome.Counted,
  Outcome.Ok,
]
const MISSES: readonly Outcome[] = [Outcome.Miss, Outcome.NotFound, Outcome.NotStored]

/** The rows of all commands. */
export function commandRows(manner: Manner): StatRow<BucketContext>[] {
  const rows = Object.entries(COMMANDS).flatMap(([name, ops]) => {
    const sum = (of: BucketSnapshot, outcomes: readonly Outcome[]): number =>
      ops.reduce((total, op) => {
        return outcomes.reduce((all, one) => all + repliesOf(of.statistics, op, one, manner), total)
      }, 0)
    const bytes = (of: BucketSnapshot, direction: 'valueBytesIn' | 'valueBytesOut'): number =>
      ops.reduce((total, op) => total + valueBytesOf(of.statistics, direction, op, manner), 0)
    return [
      shown<BucketContext>(`${name}:seen`, 'replies', ({ of }) =>
        ops.reduce((total, op) => total + commandsOf(of.statistics, op, manner), 0),
      ),
      shown<BucketContext>(`${name}:hits`, 'done or found', ({ of }) => sum(of, HITS)),
      shown<BucketContext>(`${name}:misses`, 'not found or not stored', ({ of }) =>
        sum(of, MISSES),
      ),
      shown<BucketContext>(`${name}:read_bytes`, 'bytes of values from applications', ({ of }) =>
        bytes(of, 'valueBytesIn'),
      ),
      shown<BucketContext>(`${name}:write_bytes`, 'bytes of values to applications', ({ of }) =>
        bytes(of, 'valueBytesOut'),
      ),
    ]
  })
  const garbage = shown<BucketContext>('ERROR:seen', 'requests that were none', ({ of }) => {
    return of.statistics.counts.invalidRequests
  })
  return [
    ...rows,
    ...(manner === 'regular' ? [garbage] : []),
    absent(['get_key'], 'see `tot_multiget_keys`'),
    absent(['getl', 'unl'], 'not memcached’s commands'),
    absent(['stats_reset'], 'counted as stats'),
    absent(['*:cas'], 'gets and cas are counted by /metrics'),
  ]
}
