/** Which charts a bucket has, and of which statistics each is made. Pure. */
import type { ChartSeries } from '../../parts/chart-props.ts'
import { bytes, count, milliseconds } from '../../parts/units.ts'
import type { Stats } from '../../rest/types.ts'

export interface BucketChart {
  title: string
  /** What the figures are, in a few words. */
  about: string
  tracks: readonly (readonly [stat: string, name: string])[]
  format: (value: number) => string
  max?: number
  /** The scale is marked in powers of two, as bytes are read. */
  binary?: boolean
}

export const BUCKET_CHARTS: readonly BucketChart[] = [
  {
    title: 'Operations',
    about: 'per second',
    tracks: [
      ['ops', 'all'],
      ['cmd_get', 'gets'],
      ['cmd_set', 'sets'],
    ],
    format: count,
  },
  {
    title: 'Hit rate',
    about: 'keys found of those asked for',
    tracks: [['hit_ratio', 'hits']],
    format: (value) => `${Number(value.toFixed(1))} %`,
    max: 100,
  },
  {
    title: 'Latency of gets',
    about: 'at proxies and gateways; the slowest of them',
    tracks: [
      ['get_p50_ms', 'p50'],
      ['get_p99_ms', 'p99'],
    ],
    format: milliseconds,
  },
  {
    title: 'Latency of sets',
    about: 'until acknowledged; the slowest of them',
    tracks: [
      ['set_p50_ms', 'p50'],
      ['set_p99_ms', 'p99'],
    ],
    format: milliseconds,
  },
  {
    title: 'Memory',
    about: 'of all copies',
    tracks: [
      ['mem_used', 'used'],
      ['ep_max_data_size', 'limit'],
    ],
    format: bytes,
    binary: true,
  },
  {
    title: 'Items',
    about: 'every key once',
    tracks: [['curr_items', 'items']],
    format: count,
  },
  {
    title: 'Evictions and refusals',
    about: 'per second, for want of memory',
    tracks: [
      ['evictions', 'evicted'],
      ['ep_tmp_oom_errors', 'refused'],
    ],
    format: (value) => (value > 0 && value < 10 ? value.toFixed(1) : count(value)),
  },
  {
    title: 'Replication lag',
    about: 'on the way to replicas',
    tracks: [['replication_lag_bytes', 'lag']],
    format: bytes,
    binary: true,
  },
]

/** The series of a chart; statistics that the node does not tell are left out. */
export function seriesOf({ tracks }: BucketChart, { op }: Stats): ChartSeries[] {
  return tracks.flatMap(([stat, name]) => {
    const values = op.samples[stat]
    return values ? [{ name, values }] : []
  })
}

/** One row of the table that says what the charts show. */
export interface SampleRow {
  timeMs: number
  cells: string[]
}

export interface SampleTable {
  columns: string[]
  /** Newest first. */
  rows: SampleRow[]
}

/** All charts as one table. */
export function tableOf(charts: readonly BucketChart[], stats: Stats): SampleTable {
  const tracks = charts.flatMap((chart) =>
    seriesOf(chart, stats).map(({ name, values }) => {
      const title = chart.tracks.length === 1 ? chart.title : `${chart.title}, ${name}`
      return { title, values, format: chart.format }
    }),
  )
  const rows = stats.op.samples.timestamp.map((timeMs, index) => ({
    timeMs,
    cells: tracks.map(({ values, format }) => format(values[index] ?? 0)),
  }))
  return { columns: tracks.map(({ title }) => title), rows: rows.reverse() }
}
