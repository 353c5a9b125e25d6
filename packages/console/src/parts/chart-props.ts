/** What a chart is given, and what it shows in words. Pure. */

export interface ChartSeries {
  name: string
  values: readonly number[]
}

export interface ChartProps {
  /** What the chart is of. */
  name: string
  /** Unix times in milliseconds. */
  times: readonly number[]
  /** Four at most; each has a colour and a dash of its own. */
  series: readonly ChartSeries[]
  /** A figure in words, such as `1.2 MB`. */
  format: (value: number) => string
  heightPx?: number
  /** Charts of one word share their cursor. */
  cursor?: string
  /** Top of the scale where it is fixed, such as 100 for percent. */
  max?: number
  /** The scale is marked in powers of two, as bytes are read. */
  binary?: boolean
  /** Told which sample the pointer is at; null when it is at none. */
  onCursor?: (index: number | null) => void
}

export const CHART_HEIGHT_PX = 160

/** The last, the least and the greatest of each series. */
export function inWords({ name, series, format }: ChartProps): string {
  const parts = series.map(({ name: of, values }) => {
    const last = values.at(-1)
    if (last === undefined) return `${of}: no samples yet`
    const [min, max] = [Math.min(...values), Math.max(...values)]
    return `${of}: last ${format(last)}, least ${format(min)}, greatest ${format(max)}`
  })
  return `${name}. ${parts.join('; ')}.`
}
