import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Card } from '../../parts/card.tsx'
import { Chart } from '../../parts/chart.tsx'
import { Figure, Figures } from '../../parts/figure.tsx'
import { count, milliseconds, percent } from '../../parts/units.ts'
import type { Stats } from '../../rest/types.ts'

/** Operations of all buckets, now and in the last minute. */
export function TrafficCard(props: { stats: Stats; path: string }): JSX.Element {
  const { samples } = props.stats.op
  const track = (name: string): number[] => samples[name] ?? []
  const gets = track('cmd_get').at(-1) ?? 0
  const p99 = track('get_p99_ms').at(-1)
  return (
    <Card title="Traffic" actions={<ApiLink path={props.path} of="traffic of all buckets" />}>
      <div class="stack">
        <Figures>
          <Figure name="Operations per second" value={count(track('ops').at(-1) ?? 0)} />
          <Figure
            name="Hit rate"
            value={gets === 0 ? 'no gets' : percent((track('hit_ratio').at(-1) ?? 0) / 100)}
            detail={`${count(gets)} gets per second`}
          />
          {p99 === undefined ? null : (
            <Figure
              name="Gets, p99"
              value={p99 === 0 ? 'no gets' : milliseconds(p99)}
              detail={`sets ${milliseconds(track('set_p99_ms').at(-1) ?? 0)}`}
            />
          )}
        </Figures>
        <Chart
          name="Operations per second in the last minute"
          times={samples.timestamp}
          series={[
            { name: 'all', values: track('ops') },
            { name: 'gets', values: track('cmd_get') },
          ]}
          format={count}
          heightPx={170}
        />
        <p class="small quiet legend">
          <span class="key key-1">all operations</span>
          <span class="key key-2">gets</span>
        </p>
      </div>
    </Card>
  )
}
