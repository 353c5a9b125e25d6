/**
 * A chart of figures over time. The drawing itself is a chunk of its own (chart-canvas.tsx), loaded
 * when the first chart is shown; its place has the final height from the start. What the picture
 * shows is said in words as well.
 */
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ChartCanvas } from './chart-canvas.tsx'
import { CHART_HEIGHT_PX, type ChartProps, inWords } from './chart-props.ts'

let loaded: typeof ChartCanvas | null = null

export function Chart(props: ChartProps): JSX.Element {
  const [Canvas, setCanvas] = useState<{ Drawn: typeof ChartCanvas } | null>(() =>
    loaded ? { Drawn: loaded } : null,
  )
  useEffect(() => {
    if (Canvas) return
    const load = async (): Promise<void> => {
      const { ChartCanvas: drawn } = await import('./chart-canvas.tsx')
      loaded = drawn
      setCanvas({ Drawn: drawn })
    }
    void load()
  }, [Canvas])
  const { heightPx = CHART_HEIGHT_PX } = props
  return (
    <div class="chart" style={{ minHeight: `${heightPx}px` }}>
      <div role="img" aria-label={inWords(props)}>
        {Canvas ? <Canvas.Drawn {...props} heightPx={heightPx} /> : null}
      </div>
    </div>
  )
}
