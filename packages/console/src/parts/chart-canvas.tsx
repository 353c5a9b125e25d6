/** The drawing of a chart by uPlot, in the colours of the theme; drawn anew when that changes. */
import 'uplot/dist/uPlot.min.css'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import { theme } from '../theme.ts'
import { CHART_HEIGHT_PX, type ChartProps } from './chart-props.ts'

/** Series differ by dash as well as by colour. */
const DASHES: readonly number[][] = [[], [6, 3], [2, 3], [8, 3, 2, 3]]
const AXIS_WIDTH_PX = 64
const TIME_AXIS_HEIGHT_PX = 26
const MINUTES_SHOWN_SECONDS = 600
const DAY_SECONDS = 86_400
/** Steps of a scale of bytes: 1, 2, 4 and so on to a petabyte. */
const BINARY_STEPS: number[] = Array.from({ length: 51 }, (_, power) => 2 ** power)

export function ChartCanvas(props: ChartProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const latest = useRef(props)
  latest.current = props
  const { heightPx = CHART_HEIGHT_PX } = props
  const shape = props.series.map(({ name }) => name).join('\n')
  const shownTheme = theme.value

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const drawn = new UPlot(
      optionsOf(latest.current, element.clientWidth, heightPx),
      valuesOf(latest.current),
      element,
    )
    plot.current = drawn
    const observer = new ResizeObserver(() => {
      drawn.setSize({ width: element.clientWidth, height: heightPx })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      drawn.destroy()
      plot.current = null
    }
  }, [shape, shownTheme, heightPx])

  useEffect(() => plot.current?.setData(valuesOf(props)))
  return <div ref={frame} class="chart-frame" aria-hidden="true" />
}

function valuesOf({ times, series }: ChartProps): UPlot.AlignedData {
  return [times.map((timeMs) => timeMs / 1000), ...series.map(({ values }) => [...values])]
}

function optionsOf(props: ChartProps, width: number, height: number): UPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: token('text-quiet'),
    grid: { stroke: token('line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  const { max, format, cursor, binary, onCursor } = props
  return {
    width,
    height,
    padding: [8, 28, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6 },
      ...(cursor === undefined ? {} : { sync: { key: cursor } }),
    },
    scales: {
      y: { range: (_, __, greatest) => [0, max ?? (greatest > 0 ? greatest * 1.15 : 1)] },
    },
    axes: [
      {
        ...axis,
        size: TIME_AXIS_HEIGHT_PX,
        space: 80,
        values: (_, marks) => marks.map((mark) => timeLabel(mark, spanOf(marks))),
      },
      {
        ...axis,
        size: AXIS_WIDTH_PX,
        values: (_, marks) => marks.map((mark) => format(mark)),
        space: 34,
        ...(binary ? { incrs: BINARY_STEPS } : {}),
      },
    ],
    ...(onCursor
      ? { hooks: { setCursor: [(plot: UPlot) => onCursor(plot.cursor.idx ?? null)] } }
      : {}),
    series: [
      {},
      ...props.series.map(({ name }, index) => ({
        label: name,
        stroke: token(`series-${index + 1}`),
        width: 1.5,
        dash: DASHES[index] ?? [],
        points: { show: false },
      })),
    ],
  }
}

function spanOf(marks: readonly number[]): number {
  return (marks.at(-1) ?? 0) - (marks[0] ?? 0)
}

/** As precise as the marks are apart; 24 hours. */
function timeLabel(seconds: number, span: number): string {
  const time = new Date(seconds * 1000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`
  if (span < MINUTES_SHOWN_SECONDS) return `${minutes}:${two(time.getSeconds())}`
  if (span < DAY_SECONDS) return minutes
  return `${time.toLocaleString('en', { month: 'short', day: 'numeric' })} ${minutes}`
}
