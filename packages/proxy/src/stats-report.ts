/**
 * The answers of `stats` in all its forms, as names and values that the text and the binary
 * protocol render in their own ways. A client that probes servers with `stats` finds what it
 * expects. Nothing is reset here: whoever asks does what the answer says, in all workers.
 */
import { latencyQuantileUs, latencyStepStartUs } from '@holdfast/protocol'
import { LATENCY_CLASSES } from './latency-classes.ts'
import { GENERAL_STATS, SETTINGS_STATS } from './stats-general.ts'
import { BUCKET_GROUPS, PROXY_GROUPS, type ProxyTopic, type StatGroup } from './stats-proxy.ts'
import type { StatRow, StatsContext, StatsSettings } from './stats-row.ts'
import {
  type BucketSnapshot,
  latencyStepsOf,
  type ProxySnapshot,
  sumStatistics,
} from './stats-snapshot.ts'

/** A name and its value, as sent. */
export type Stat = readonly [name: string, value: string]

/** What to answer. */
export type StatsAnswer =
  | { kind: 'list'; stats: readonly Stat[] }
  /** Reset the counters in all workers; text sends the line, binary an empty list. */
  | { kind: 'reset'; line: 'RESET' | 'OK' }
  /** Not a form of stats: the line in text, status "not found" in binary. */
  | { kind: 'error'; line: string }

/** What is asked of. */
export interface StatsQuestion {
  snapshot: ProxySnapshot
  settings: StatsSettings
  /** Bucket of the connection; empty when it has none. */
  bucketName: string
}

const TOPICS: readonly ProxyTopic[] = [
  'basic',
  'info',
  'settings',
  'behaviors',
  'frontcache',
  'keystats',
  'stats',
  'timings',
]
/** The part of the histogram that `timings` draws is one line for each doubling. */
const STEPS_PER_LINE = 4
const NO_DETAIL_LINE = 'CLIENT_ERROR stats detail is not supported by a proxy'
const NO_CACHEDUMP_LINE = 'CLIENT_ERROR stats cachedump not allowed'
const STARS_PER_LINE = 20

/** The answer to `stats ARGS`, or to STAT with the key ARGS. */
export function answerStats(args: string, question: StatsQuestion): StatsAnswer {
  const [topic = '', word] = args.trim().split(/\s+/)
  switch (topic) {
    case '':
      return list(listed('', GENERAL_STATS, contextOf(question)))
    case 'reset':
      return { kind: 'reset', line: 'RESET' }
    case 'settings':
      return list(listed('', SETTINGS_STATS, contextOf(question)))
    case 'proxy':
      return answerProxy(word ?? 'all', question)
    case 'items':
    case 'slabs':
    case 'conns':
    case 'extstore':
      return list([])
    case 'sizes':
      return list([['sizes_status', 'disabled']])
    case 'detail':
      // Counters by key prefix are not kept, so there is nothing to dump.
      return word === 'dump' ? list([]) : { kind: 'error', line: NO_DETAIL_LINE }
    case 'cachedump':
      return { kind: 'error', line: NO_CACHEDUMP_LINE }
    default:
      return { kind: 'error', line: 'ERROR' }
  }
}

/** The answer in the text protocol. */
export function statsText(answer: StatsAnswer): string {
  if (answer.kind !== 'list') return `${answer.line}\r\n`
  return `${answer.stats.map(([name, value]) => `STAT ${name} ${value}\r\n`).join('')}END\r\n`
}

function list(stats: readonly Stat[]): StatsAnswer {
  return { kind: 'list', stats }
}

function answerProxy(word: string, question: StatsQuestion): StatsAnswer {
  const { snapshot } = question
  if (word === 'reset') return { kind: 'reset', line: 'OK' }
  if (word === 'buckets') return list(snapshot.buckets.map(bucketLine))
  const asked = word === 'config' ? 'info' : word
  const topics = asked === 'all' ? TOPICS : TOPICS.filter((topic) => topic === asked)
  if (topics.length === 0) return { kind: 'error', line: 'ERROR' }
  const context = contextOf(question)
  const stats = grouped('', PROXY_GROUPS, topics, context)
  if (topics.includes('settings')) {
    stats.push(...listed('memcached:settings:', SETTINGS_STATS, context))
  }
  if (topics.includes('stats')) stats.push(...listed('memcached:stats:', GENERAL_STATS, context))
  for (const of of snapshot.buckets) {
    const place = `${question.settings.port}:${printable(of.name)}:`
    stats.push(...grouped(place, BUCKET_GROUPS, topics, { ...context, of }))
    if (topics.includes('timings')) stats.push(...timings(place, of))
  }
  return list(stats)
}

function bucketLine({ name, backend: { kind, usable } }: BucketSnapshot): Stat {
  return [printable(name), `${kind} ${usable ? 'usable' : 'unusable'}`]
}

function grouped<Context>(
  place: string,
  groups: readonly StatGroup<Context>[],
  topics: readonly ProxyTopic[],
  context: Context,
): Stat[] {
  return groups
    .filter((group) => group.topics.some((topic) => topics.includes(topic)))
    .flatMap(({ prefix, rows }) => listed(place + prefix, rows, context))
}

function listed<Context>(
  prefix: string,
  rows: readonly StatRow<Context>[],
  context: Context,
): Stat[] {
  return rows.flatMap(({ names, read }) => {
    return read === undefined ? [] : [[`${prefix}${names[0] ?? ''}`, printable(read(context))]]
  })
}

/** moxi's way to draw a histogram: `FROM+WIDTH=COUNT SHARE% ****`, in microseconds. */
function timings(place: string, { statistics }: BucketSnapshot): Stat[] {
  return LATENCY_CLASSES.flatMap((timed) => {
    const steps = latencyStepsOf(statistics, timed)
    const total = steps.reduce((sum, count) => sum + count, 0)
    if (total === 0) return []
    const lines: Stat[] = []
    for (let step = 0; step < steps.length; step += STEPS_PER_LINE) {
      const part = steps.slice(step, step + STEPS_PER_LINE)
      const count = part.reduce((sum, one) => sum + one, 0)
      if (count === 0) continue
      const startUs = latencyStepStartUs(step)
      const widthUs = latencyStepStartUs(step + STEPS_PER_LINE) - startUs
      const share = count / total
      const stars = '*'.repeat(Math.round(share * STARS_PER_LINE))
      const text = `${startUs}+${widthUs}=${count} ${(share * 100).toFixed(2)}% ${stars}`
      lines.push([`${place}${timed}`, text.trimEnd()])
    }
    const quantiles = [0.5, 0.99, 0.999].map((quantile): Stat => {
      const name = `${place}${timed}:p${String(quantile * 100).replace('.', '_')}_us`
      return [name, String(latencyQuantileUs(steps, quantile))]
    })
    return [...lines, ...quantiles]
  })
}

function contextOf({ snapshot, settings, bucketName }: StatsQuestion): StatsContext {
  const { unbound, buckets } = snapshot
  const bucket = buckets.find(({ name }) => name === bucketName)
  return {
    snapshot,
    settings,
    bucket: bucket ?? noBucket(snapshot),
    total: buckets.reduce((sum, { statistics }) => sumStatistics(sum, statistics), unbound),
    nowMs: Date.now(),
  }
}

/** Stands for the bucket of a connection that has none. */
function noBucket({ unbound }: ProxySnapshot): BucketSnapshot {
  return {
    name: '',
    statistics: unbound,
    source: { configRev: -1, configsReceived: 0, configsRefused: 0 },
    backend: { kind: 'policy', usable: false, outstanding: 0, servers: [], counters: {} },
  }
}

/** Names and values come from configurations; none may end a line. */
function printable(value: string | number): string {
  return String(value).replaceAll(/[^\x20-\x7e]/g, '_')
}
