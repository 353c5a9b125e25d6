/** Puts the statistics of several nodes together and shows them as the original did. Pure. */
import { z } from 'zod'
import { DERIVED_STATS, MAX_STATS, MEAN_STATS } from './stat-table.ts'
import {
  ARCHIVES,
  type Archive,
  type Series,
  type SeriesQuestion,
  type Zoom,
} from './statistics-store.ts'

/** Samples of a resampled answer. */
const SAMPLES_FOR_UI = 60
const DIGITS = 1000

export const seriesSchema: z.ZodType<Series> = z.object({
  timestamps: z.array(z.number()),
  values: z.record(z.string(), z.array(z.number())),
})

/** A question of another member. */
export const seriesQuestionSchema: z.ZodType<SeriesQuestion> = z.object({
  buckets: z.array(z.string()),
  zoom: z.enum(['minute', 'hour', 'day', 'week', 'month', 'year']),
  stepMs: z.number().int().positive(),
  fromMs: z.number().int(),
  stats: z.array(z.string()).exactOptional(),
})

export const ZOOMS: readonly Zoom[] = ARCHIVES.map(({ zoom }) => zoom)

/** Which samples are wanted. */
export interface Window {
  zoom: Zoom
  stepMs: number
  count: number
  fromMs: number
}

/** What `zoom`, `resampleForUI` and `haveTStamp` ask for; null for a zoom that does not exist. */
export function windowOf(query: Readonly<Record<string, string>>, nowMs: number): Window | null {
  const archive: Archive | undefined = ARCHIVES.find(
    ({ zoom }) => zoom === (query.zoom ?? 'minute'),
  )
  if (!archive) return null
  const spanMs = archive.stepMs * archive.count
  const resampled = query.resampleForUI !== undefined && query.resampleForUI !== '0'
  const stepMs = resampled ? spanMs / SAMPLES_FOR_UI : archive.stepMs
  const oldestMs = Math.floor((nowMs - spanMs) / stepMs + 1) * stepMs
  const haveMs = Number(query.haveTStamp ?? 0)
  return {
    zoom: archive.zoom,
    stepMs,
    count: resampled ? SAMPLES_FOR_UI : archive.count,
    fromMs: Math.max(oldestMs, Number.isFinite(haveMs) ? haveMs : 0),
  }
}

/** Sums over nodes, the greatest or averages where a sum has no meaning, and what is derived from them. */
export function mergeSeries(list: readonly Series[]): Series {
  const timestamps = commonTimes(list)
  const values: Record<string, number[]> = {}
  const names = new Set(list.flatMap((series) => Object.keys(series.values)))
  for (const name of names) {
    const having = list.filter((series) => series.values[name] !== undefined)
    const tracks = having.map((series) => new Map(timesOf(series, name)))
    values[name] = timestamps.map((t) => {
      const present = tracks.flatMap((track) => track.get(t) ?? [])
      if (MAX_STATS.has(name)) return rounded(Math.max(0, ...present))
      const sum = present.reduce((total, value) => total + value, 0)
      return MEAN_STATS.has(name) && present.length > 0
        ? rounded(sum / present.length)
        : rounded(sum)
    })
  }
  return { timestamps, values: { ...values, ...derived(timestamps, values) } }
}

/** What every answer says beside its samples. */
interface Frame {
  samplesCount: number
  isPersistent: boolean
  lastTStamp: number
  interval: number
}

export interface StatsAnswer {
  op: Frame & { samples: Record<string, number[]> }
  hot_keys: { name: string; ops: number }[]
}

export interface NodeStatsAnswer extends Frame {
  timestamp: number[]
  nodeStats: Record<string, number[]>
}

/** The answer of `.../stats`. */
export function statsAnswer(series: Series, window: Window, isPersistent: boolean): StatsAnswer {
  return {
    op: {
      samples: { timestamp: series.timestamps, ...series.values },
      samplesCount: window.count,
      isPersistent,
      lastTStamp: series.timestamps.at(-1) ?? 0,
      interval: window.stepMs,
    },
    hot_keys: [],
  }
}

/** The answer of `.../stats/{stat}`: one statistic, node by node. */
export function nodeStatsAnswer(
  byNode: ReadonlyMap<string, Series>,
  options: { stat: string; window: Window; isPersistent: boolean },
): NodeStatsAnswer {
  const { stat, window, isPersistent } = options
  const list = [...byNode.values()]
  const timestamp = commonTimes(list)
  const nodeStats = [...byNode].map(([node, series]) => {
    const track = new Map(timesOf(mergeSeries([series]), stat))
    return [node, timestamp.map((t) => track.get(t) ?? 0)] as const
  })
  return {
    samplesCount: window.count,
    isPersistent,
    lastTStamp: timestamp.at(-1) ?? 0,
    interval: window.stepMs,
    timestamp,
    nodeStats: Object.fromEntries(nodeStats),
  }
}

/** All times but those that not every node has reached: their sums would look like a fall. */
function commonTimes(list: readonly Series[]): number[] {
  const withAny = list.filter((series) => series.timestamps.length > 0)
  const reached = Math.min(...withAny.map((series) => series.timestamps.at(-1) ?? 0))
  const times = new Set(withAny.flatMap((series) => series.timestamps))
  return [...times].filter((t) => t <= reached).sort((a, b) => a - b)
}

function timesOf(series: Series, name: string): [number, number][] {
  return series.timestamps.map((t, index) => [t, series.values[name]?.[index] ?? 0])
}

function derived(
  timestamps: readonly number[],
  values: Readonly<Record<string, number[]>>,
): Record<string, number[]> {
  const entries = DERIVED_STATS.map(({ name, of }) => {
    const track = timestamps.map((_, index) => rounded(of((other) => values[other]?.[index] ?? 0)))
    return [name, track] as const
  })
  return Object.fromEntries(entries)
}

function rounded(value: number): number {
  return Math.round(value * DIGITS) / DIGITS
}
