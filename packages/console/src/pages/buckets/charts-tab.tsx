/**
 * The charts of a bucket: of all servers or of one, a minute, an hour or a day. They share one
 * cursor, and the words below each say the figures there. All of it can be read as a table.
 */
import { type Signal, signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Card } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import type { ChartSeries } from '../../parts/chart-props.ts'
import { SelectField } from '../../parts/field.tsx'
import { Note } from '../../parts/note.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Choice } from '../../parts/tabs.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Bucket, Stats, Zoom } from '../../rest/types.ts'
import { route, setQuery } from '../../router.ts'
import { BUCKET_CHARTS, type BucketChart, type SampleRow, seriesOf, tableOf } from './chart-list.ts'

const ZOOMS = [
  ['minute', 'Minute'],
  ['hour', 'Hour'],
  ['day', 'Day'],
] as const satisfies readonly (readonly [Zoom, string])[]
type ShownZoom = (typeof ZOOMS)[number][0]
const VIEWS = [
  ['charts', 'Charts'],
  ['table', 'Table'],
] as const
const ALL_SERVERS = ''
const CHART_HEIGHT_PX = 150

export function ChartsTab(props: { path: string; bucket: Bucket }): JSX.Element {
  const { path, bucket } = props
  const { query } = route.value
  const zoom = ZOOMS.find(([word]) => word === query.zoom)?.[0] ?? 'minute'
  const asked = query.server ?? ALL_SERVERS
  const server = bucket.nodes.some(({ hostname }) => hostname === asked) ? asked : ALL_SERVERS
  const [view, setView] = useState<(typeof VIEWS)[number][0]>('charts')
  const show = (change: { zoom?: ShownZoom; server?: string }): void => {
    const wanted = { zoom, server, ...change }
    setQuery({ zoom: wanted.zoom, ...(wanted.server ? { server: wanted.server } : {}) })
  }
  return (
    <div class="stack">
      <div class="chart-bar">
        <Choice
          label="Period"
          options={ZOOMS}
          value={zoom}
          onChange={(word) => show({ zoom: word })}
        />
        <Choice label="Show as" options={VIEWS} value={view} onChange={setView} />
        <SelectField
          name="server"
          label="Server"
          value={server}
          options={[
            [ALL_SERVERS, 'All servers'],
            ...bucket.nodes.map(({ hostname }) => [hostname, hostname] as const),
          ]}
          onChange={(host) => show({ server: host })}
        />
      </div>
      <Samples
        key={`${zoom} ${server}`}
        path={statsPath(path, zoom, server)}
        isCache={bucket.bucketType === 'memcached'}
        asTable={view === 'table'}
      />
    </div>
  )
}

function statsPath(path: string, zoom: Zoom, server: string): string {
  const of = server === ALL_SERVERS ? path : `${path}/nodes/${encodeURIComponent(server)}`
  const resample = zoom === 'minute' ? '' : '&resampleForUI=1'
  return `${of}/stats?zoom=${zoom}${resample}`
}

function Samples(props: { path: string; isCache: boolean; asTable: boolean }): JSX.Element {
  const { path, isCache, asTable } = props
  const stats = useWatch<Stats>(path)
  const cursor = useMemo(() => signal<number | null>(null), [])
  const charts = BUCKET_CHARTS.filter(({ title }) => !isCache || title !== 'Replication lag')
  return (
    <Shown of={stats} heightRem={60}>
      {(body) => (
        <div class="stack">
          <Missing nodes={body.nodesMissing ?? []} />
          {asTable ? (
            <SamplesTable charts={charts} stats={body} path={path} />
          ) : (
            <div class="chart-grid">
              {charts.map((chart) => (
                <ChartCard key={chart.title} {...{ chart, stats: body, path, cursor }} />
              ))}
            </div>
          )}
        </div>
      )}
    </Shown>
  )
}

function Missing({ nodes }: { nodes: readonly string[] }): JSX.Element | null {
  if (nodes.length === 0) return null
  return <Note tone="warning">Not heard: {nodes.join(', ')}. Their figures are not in these.</Note>
}

function ChartCard(props: {
  chart: BucketChart
  stats: Stats
  path: string
  cursor: Signal<number | null>
}): JSX.Element {
  const { chart, stats, path, cursor } = props
  const series = seriesOf(chart, stats)
  const { timestamp } = stats.op.samples
  return (
    <Card
      title={
        <>
          {chart.title} <span class="small quiet">{chart.about}</span>
        </>
      }
      actions={<ApiLink path={path} of={chart.title} />}
    >
      <Chart
        name={`${chart.title}, ${chart.about}`}
        times={timestamp}
        series={series}
        format={chart.format}
        heightPx={CHART_HEIGHT_PX}
        cursor="bucket"
        binary={chart.binary === true}
        onCursor={(index) => {
          cursor.value = index
        }}
        {...(chart.max === undefined ? {} : { max: chart.max })}
      />
      <Legend series={series} times={timestamp} format={chart.format} cursor={cursor} />
    </Card>
  )
}

/** The figures at the pointer; the last ones while there is none. */
function Legend(props: {
  series: readonly ChartSeries[]
  times: readonly number[]
  format: (value: number) => string
  cursor: Signal<number | null>
}): JSX.Element {
  const { series, times, format, cursor } = props
  const index = cursor.value ?? times.length - 1
  const timeMs = times[index]
  if (series.length === 0 || timeMs === undefined) return <p class="small quiet">No samples yet.</p>
  return (
    <p class="small legend" aria-hidden="true">
      {series.map(({ name, values }, place) => (
        <span key={name} class={`key key-${place + 1}`}>
          {name} <strong>{format(values[index] ?? 0)}</strong>
        </span>
      ))}
      <span class="quiet legend-time">{clockOf(timeMs)}</span>
    </p>
  )
}

function clockOf(timeMs: number): string {
  return new Date(timeMs).toLocaleTimeString('en-GB')
}

function SamplesTable(props: {
  charts: readonly BucketChart[]
  stats: Stats
  path: string
}): JSX.Element {
  const { columns, rows } = tableOf(props.charts, props.stats)
  const shown: Column<SampleRow>[] = [
    { name: 'Time', heads: true, cell: ({ timeMs }) => clockOf(timeMs) },
    ...columns.map((name, index) => ({
      name,
      number: true,
      cell: ({ cells }: SampleRow) => cells[index] ?? '',
    })),
  ]
  return (
    <Card title="Samples" actions={<ApiLink path={props.path} of="samples" />}>
      <Table
        caption="Samples, newest first"
        columns={shown}
        rows={rows}
        keyOf={({ timeMs }) => String(timeMs)}
        wide
      />
    </Card>
  )
}
