/** Routes of statistics: of all buckets, of one, of one on one node, of one statistic by node. */
import { type Bucket, type Member, otpNodeOf } from '../document/cluster-document.ts'
import {
  BUCKET_STATS,
  DERIVED_STATS,
  type DerivedRow,
  PROXY_STATS,
  STORED_STATS,
  type StatRow,
  SYSTEM_STATS,
} from '../observe/stat-table.ts'
import { StatisticsError } from '../observe/statistics.ts'
import {
  mergeSeries,
  nodeStatsAnswer,
  statsAnswer,
  type Window,
  windowOf,
  ZOOMS,
} from '../observe/statistics-series.ts'
import { type Series, SYSTEM } from '../observe/statistics-store.ts'
import {
  bucketNodeSchema,
  bucketNodesSchema,
  directorySchema,
  oneStatSchema,
  overviewSchema,
  statsSchema,
} from './answers.ts'
import { ApiError } from './api-error.ts'
import { sourceFor } from './config-stream.ts'
import { inPath, inQuery, type Parameter, type Route, type RouteContext } from './route.ts'
import { bucketOf } from './routes-read.ts'
import { restAddressOf, type ViewSource } from './views.ts'

const BUCKET = inPath('bucket', 'Name of the bucket.')
const HOST = inPath('host', 'The node, `host:port` as in `hostname`.')
const WINDOW: readonly Parameter[] = [
  inQuery('zoom', 'string', 'Period that is shown.', { values: ZOOMS, standard: 'minute' }),
  inQuery('resampleForUI', 'string', '1: 60 samples, whatever the period.'),
  inQuery('haveTStamp', 'integer', 'Only samples from this time on, unix time in milliseconds.'),
]
const PROXY_NAMES: string[] = PROXY_STATS.map(({ name }) => name)
const NO_NODE = { about: 'No such node, or no such bucket.' }

export const statsRoutes: Route[] = [
  {
    method: 'GET',
    path: '/pools/default/stats',
    access: 'anybucket',
    summary: 'Statistics of all buckets together, summed over the nodes.',
    parameters: WINDOW,
    answers: { 200: { about: 'Samples.', schema: statsSchema } },
    handle: (context) => {
      const { buckets } = context.node.document
      const isPersistent = buckets.some((bucket) => bucket.type === 'membase')
      return readStats(context, { ...ofAll(context), buckets, isPersistent })
    },
  },
  {
    method: 'GET',
    path: '/pools/default/overviewStats',
    access: 'admin',
    summary: 'Operations and disk fetches of the last hour, of all buckets.',
    answers: { 200: { about: 'Samples.', schema: overviewSchema } },
    handle: async (context) => {
      const window = readWindow({ zoom: 'hour', resampleForUI: '1' })
      const { series } = await ask(context, context.node.document.buckets, window)
      const { timestamps, values } = mergeSeries([...series.values()])
      const track = (name: string): number[] => values[name] ?? timestamps.map(() => 0)
      return {
        timestamp: timestamps,
        ops: track('ops'),
        ep_io_num_read: track('ep_io_num_read'),
      }
    },
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/stats',
    access: 'bucket',
    summary: 'Statistics of a bucket, summed over the nodes.',
    parameters: [BUCKET, ...WINDOW],
    answers: { 200: { about: 'Samples.', schema: statsSchema } },
    handle: (context) => readStats(context, { ...ofAll(context), ...ofBucket(context) }),
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/stats/:stat',
    access: 'bucket',
    summary: 'One statistic of a bucket, node by node.',
    parameters: [BUCKET, inPath('stat', 'Name of the statistic.'), ...WINDOW],
    answers: {
      200: { about: 'Samples by node.', schema: oneStatSchema },
      404: { about: '`"unknown stat"`, or no such bucket.' },
    },
    handle: readOneStat,
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/statsDirectory',
    access: 'bucket',
    summary: 'Which statistics there are, by block, with their meanings.',
    parameters: [BUCKET],
    answers: { 200: { about: 'Blocks of statistics.', schema: directorySchema } },
    handle: () => directory(),
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/nodes',
    access: 'bucket',
    summary: 'Nodes of a bucket and where their statistics are.',
    parameters: [BUCKET],
    answers: { 200: { about: 'The nodes.', schema: bucketNodesSchema } },
    handle: (context) => {
      const source = sourceFor(context)
      const bucket = bucketOf(context)
      return { servers: dataMembers(context).map((m) => bucketNodeLinks(source, bucket, m)) }
    },
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/nodes/:host',
    access: 'bucket',
    summary: 'One node of a bucket.',
    parameters: [BUCKET, HOST],
    answers: { 200: { about: 'The node.', schema: bucketNodeSchema }, 404: NO_NODE },
    handle: (context) => {
      const bucket = bucketOf(context)
      const { hostname, stats } = bucketNodeLinks(sourceFor(context), bucket, memberOf(context))
      return { hostname, bucket: { uri: uriOf(bucket) }, stats }
    },
  },
  {
    method: 'GET',
    path: '/pools/default/buckets/:bucket/nodes/:host/stats',
    access: 'bucket',
    summary: 'Statistics of a bucket on one node.',
    parameters: [BUCKET, HOST, ...WINDOW],
    answers: { 200: { about: 'Samples.', schema: statsSchema }, 404: NO_NODE },
    handle: (context) => readStats(context, { ...ofBucket(context), members: [memberOf(context)] }),
  },
]

interface Subject {
  buckets: readonly Bucket[]
  isPersistent: boolean
  members: readonly Member[]
  /** What proxies have told arbiters counts as well. */
  withArbiters?: boolean
}

function ofAll(context: RouteContext): Pick<Subject, 'members' | 'withArbiters'> {
  return { members: dataMembers(context), withArbiters: true }
}

function ofBucket(context: RouteContext): Pick<Subject, 'buckets' | 'isPersistent'> {
  const bucket = bucketOf(context)
  return { buckets: [bucket], isPersistent: bucket.type === 'membase' }
}

async function readStats(context: RouteContext, subject: Subject): Promise<unknown> {
  const window = readWindow(context.query)
  const { series, missing } = await ask(context, subject.buckets, window, subject)
  const answer = statsAnswer(mergeSeries([...series.values()]), window, subject.isPersistent)
  return { ...answer, ...missingNodes(context, missing) }
}

async function readOneStat(context: RouteContext): Promise<unknown> {
  const stat = context.params.stat ?? ''
  const isDerived = DERIVED_STATS.some(({ name }) => name === stat)
  if (!isDerived && !STORED_STATS.includes(stat)) throw new ApiError(404, '"unknown stat"')
  const { buckets, isPersistent } = ofBucket(context)
  const window = readWindow(context.query)
  const { series, missing } = await ask(context, buckets, window, {
    ...ofAll(context),
    ...(isDerived ? {} : { stats: [stat] }),
  })
  const source = sourceFor(context)
  const byNode = new Map<string, Series>()
  for (const member of source.document.members) {
    const own = series.get(member.id)
    if (own) byNode.set(restAddressOf(source, member), own)
  }
  const answer = nodeStatsAnswer(byNode, { stat, window, isPersistent })
  return { ...answer, ...missingNodes(context, missing) }
}

function readWindow(query: Readonly<Record<string, string>>): Window {
  const window = windowOf(query, Date.now())
  if (!window) throw new ApiError(400, [`zoom must be one of ${ZOOMS.join(', ')}`])
  return window
}

async function ask(
  context: RouteContext,
  buckets: readonly Bucket[],
  window: Window,
  more: { members?: readonly Member[]; stats?: string[]; withArbiters?: boolean } = {},
): Promise<{ series: Map<number, Series>; missing: number[] }> {
  const { zoom, stepMs, fromMs } = window
  const { members = dataMembers(context), stats } = more
  const question = { buckets: [SYSTEM, ...buckets.map((b) => b.uuid)], zoom, stepMs, fromMs }
  const { statistics } = context.node
  const told = stats ? stats.filter((name) => PROXY_NAMES.includes(name)) : PROXY_NAMES
  const arbiters = more.withArbiters && told.length > 0 ? arbitersOf(context) : []
  try {
    const [asked, ofArbiters] = await Promise.all([
      statistics.ofMembers(members, { ...question, ...(stats ? { stats } : {}) }),
      statistics.ofMembers(arbiters, { ...question, stats: told }),
    ])
    return {
      series: new Map([...asked.series, ...ofArbiters.series]),
      missing: [...asked.missing, ...ofArbiters.missing],
    }
  } catch (cause) {
    if (!(cause instanceof StatisticsError)) throw cause
    throw new ApiError(503, [cause.message], { cause })
  }
}

function dataMembers({ node }: RouteContext): Member[] {
  return node.document.members.filter((m) => !m.arbiter && m.membership !== 'inactiveAdded')
}

/** Proxies on their machines report to them. */
function arbitersOf({ node }: RouteContext): Member[] {
  return node.document.members.filter((m) => m.arbiter)
}

function missingNodes({ node }: RouteContext, missing: readonly number[]): object {
  if (missing.length === 0) return {}
  const members = node.document.members.filter((m) => missing.includes(m.id))
  return { nodesMissing: members.map(otpNodeOf) }
}

function memberOf(context: RouteContext): Member {
  const source = sourceFor(context)
  const member = dataMembers(context).find((m) => restAddressOf(source, m) === context.params.host)
  if (!member) throw new ApiError(404, 'Requested resource not found.\r\n')
  return member
}

function uriOf(bucket: Bucket): string {
  return `/pools/default/buckets/${encodeURIComponent(bucket.name)}`
}

function bucketNodeLinks(source: ViewSource, bucket: Bucket, member: Member) {
  const hostname = restAddressOf(source, member)
  const uri = `${uriOf(bucket)}/nodes/${encodeURIComponent(hostname)}`
  return { hostname, uri, stats: { uri: `${uri}/stats` } }
}

function directory(): { blocks: object[] } {
  const rows: (StatRow<never> | DerivedRow)[] = [
    ...BUCKET_STATS,
    ...DERIVED_STATS,
    ...PROXY_STATS,
    ...SYSTEM_STATS,
  ]
  const names = [...new Set(rows.map(({ block }) => block))]
  return {
    blocks: names.map((blockName) => ({
      blockName,
      stats: rows.filter(({ block }) => block === blockName).map(statEntry),
    })),
  }
}

function statEntry(row: StatRow<never> | DerivedRow): object {
  const { name, title, about } = row
  return {
    ...{ name, title, desc: about },
    ...('isBytes' in row && row.isBytes ? { isBytes: true } : {}),
    ...('maxY' in row && row.maxY !== undefined ? { maxY: row.maxY } : {}),
  }
}
