/**
 * The cluster at one look: what is judged healthy, degraded or unavailable, and the lines that say
 * so. Pure: whoever looked hands the picture in, and a way to colour words.
 */
import { durationText } from './progress.ts'

export interface StatusNode {
  hostname: string
  role: 'data' | 'arbiter'
  group: string
  /** healthy, warmup or unhealthy. */
  health: string
  /** active, inactiveAdded or inactiveFailed. */
  membership: string
  leads: boolean
  items: number
  version: string
}

export interface StatusBucket {
  name: string
  type: string
  items: number
  memoryBytes: number
  quotaBytes: number
  /** Copies that every vBucket should have. */
  copiesWanted: number
  vBuckets: number
  /** vBuckets without any server. */
  unserved: number
  /** vBuckets with fewer copies than wanted. */
  degraded: number
}

export interface ClusterPicture {
  /** Who was asked. */
  address: string
  nodes: StatusNode[]
  buckets: StatusBucket[]
  shards: { total: number; writable: number; whole: number } | null
  hasLeader: boolean
  rebalance: { running: boolean; fraction: number; detail: string; errorMessage: string }
  rebalanceNeeded: boolean
  autoFailover: { enabled: boolean; timeout: number; count: number } | null
  alerts: string[]
  /** The latest failovers and refusals of the cluster's log, oldest first. */
  events: { tstamp: number; type: string; text: string }[]
}

export type Verdict = 'healthy' | 'degraded' | 'unavailable'
export type Colour = 'green' | 'yellow' | 'red' | 'bold' | 'dim'
export type Paint = (colour: Colour, text: string) => string

/** Exit status by verdict. */
export const STATUS_EXIT: Readonly<Record<Verdict, number>> = {
  healthy: 0,
  degraded: 3,
  unavailable: 4,
}

/** What is wrong, worst first; empty for a healthy cluster. */
export function judge(picture: ClusterPicture): { verdict: Verdict; reasons: string[] } {
  const worst: string[] = []
  const worse: string[] = []
  if (!picture.hasLeader) worst.push('no leader: no majority of the members')
  for (const bucket of picture.buckets) {
    const { name, unserved, degraded, vBuckets } = bucket
    if (unserved > 0) worst.push(`${name}: ${unserved} of ${vBuckets} vBuckets are not served`)
    if (degraded > 0) worse.push(`${name}: ${degraded} of ${vBuckets} vBuckets miss a copy`)
  }
  for (const node of picture.nodes) {
    if (node.membership === 'inactiveFailed') worse.push(`${node.hostname} is failed over`)
    else if (node.membership === 'active' && node.health !== 'healthy') {
      worse.push(`${node.hostname} is ${node.health}`)
    }
  }
  const { shards } = picture
  if (shards !== null && shards.writable < shards.total) {
    worst.push(`${shards.total - shards.writable} of ${shards.total} shards take no writes`)
  } else if (shards !== null && shards.whole < shards.total) {
    worse.push(`${shards.total - shards.whole} of ${shards.total} shards miss a copy`)
  }
  const verdict = worst.length > 0 ? 'unavailable' : worse.length > 0 ? 'degraded' : 'healthy'
  return { verdict, reasons: [...worst, ...worse] }
}

const COLOURS: Readonly<Record<Verdict, Colour>> = {
  healthy: 'green',
  degraded: 'yellow',
  unavailable: 'red',
}

/** The picture as lines. */
export function statusLines(picture: ClusterPicture, paint: Paint, nowMs: number): string[] {
  const { verdict, reasons } = judge(picture)
  return [
    `${paint('bold', 'cluster')} ${paint(COLOURS[verdict], verdict)} as ${picture.address} sees it`,
    ...reasons.map((reason) => `  ${paint(COLOURS[verdict], '!')} ${reason}`),
    '',
    ...nodeLines(picture.nodes, paint),
    '',
    ...bucketLines(picture.buckets, paint),
    '',
    ...workLines(picture, paint),
    ...picture.alerts.map((alert) => `${paint('red', 'alert')} ${alert}`),
    ...picture.events.map((event) => eventLine(event, paint, nowMs)),
  ]
}

function nodeLines(nodes: readonly StatusNode[], paint: Paint): string[] {
  const rows = nodes.map((n) => [
    n.hostname,
    n.leads ? `${n.role}, leader` : n.role,
    n.group,
    n.health,
    membershipText(n.membership),
    n.role === 'arbiter' ? '-' : String(n.items),
  ])
  return table(
    ['node', 'role', 'group', 'health', 'state', 'items'],
    rows,
    (row, column) => {
      if (column !== 3) return null
      return row[3] === 'healthy' ? 'green' : row[3] === 'warmup' ? 'yellow' : 'red'
    },
    paint,
  )
}

function membershipText(membership: string): string {
  if (membership === 'inactiveAdded') return 'added, waits for rebalance'
  return membership === 'inactiveFailed' ? 'failed over' : membership
}

function bucketLines(buckets: readonly StatusBucket[], paint: Paint): string[] {
  if (buckets.length === 0) return ['no buckets']
  const rows = buckets.map((b) => [
    b.name,
    b.type,
    String(b.items),
    `${megabytes(b.memoryBytes)} of ${megabytes(b.quotaBytes)} MB`,
    String(b.copiesWanted),
    coverage(b),
  ])
  const titles = ['bucket', 'type', 'items', 'memory', 'copies', 'state']
  return table(
    titles,
    rows,
    (row, column) => {
      if (column !== 5) return null
      return row[5] === 'whole' ? 'green' : row[5]?.includes('not served') ? 'red' : 'yellow'
    },
    paint,
  )
}

function coverage({ vBuckets, unserved, degraded }: StatusBucket): string {
  if (unserved > 0) return `${unserved} of ${vBuckets} vBuckets not served`
  return degraded > 0 ? `${degraded} of ${vBuckets} vBuckets miss a copy` : 'whole'
}

function workLines(picture: ClusterPicture, paint: Paint): string[] {
  const { rebalance, shards, autoFailover } = picture
  const lines: string[] = []
  if (shards !== null) {
    lines.push(`shards         ${shards.whole} of ${shards.total} with every copy`)
  }
  if (rebalance.running) {
    const percent = Math.floor(rebalance.fraction * 100)
    const detail = rebalance.detail === '' ? '' : `, ${rebalance.detail}`
    lines.push(`rebalance      ${paint('yellow', `running, ${percent} %`)}${detail}`)
  } else if (rebalance.errorMessage !== '') {
    lines.push(`rebalance      ${paint('red', rebalance.errorMessage)}`)
  } else {
    lines.push(`rebalance      ${picture.rebalanceNeeded ? paint('yellow', 'needed') : 'none'}`)
  }
  if (autoFailover !== null) {
    const { enabled, timeout, count } = autoFailover
    const text = enabled ? `on, after ${timeout} s, ${count} made` : paint('yellow', 'off')
    lines.push(`auto-failover  ${text}`)
  }
  return lines
}

function eventLine(
  { tstamp, type, text }: ClusterPicture['events'][number],
  paint: Paint,
  nowMs: number,
): string {
  const ago = `${durationText(Math.max(0, nowMs - tstamp))} ago`
  return `${paint(type === 'info' ? 'dim' : 'yellow', ago)} ${text}`
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}

/** Columns as wide as their widest cell; colours do not count. */
function table(
  titles: readonly string[],
  rows: readonly string[][],
  colourOf: (row: readonly string[], column: number) => Colour | null,
  paint: Paint,
): string[] {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const cells = (row: readonly string[], paintCell: (cell: string, column: number) => string) =>
    row
      .map((cell, column) => {
        const padded = column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)
        return paintCell(padded, column)
      })
      .join('  ')
  return [
    cells(titles, (cell) => paint('dim', cell)),
    ...rows.map((row) =>
      cells(row, (cell, column) => {
        const colour = colourOf(row, column)
        return colour === null ? cell : paint(colour, cell)
      }),
    ),
  ]
}
