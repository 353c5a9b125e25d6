/**
 * What an operator opens first: the health of the cluster in a word, with what to do; then members,
 * copies, traffic, memory and disk, and the alerts that last. Everything lives.
 */
import type { ComponentChildren, JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Card } from '../../parts/card.tsx'
import { Note } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { useWatch, type Watched } from '../../rest/live.ts'
import type { Alerts, Bucket, Pool, RebalanceProgress, Stats, Topology } from '../../rest/types.ts'
import { href } from '../../router.ts'
import { BucketsCard } from './buckets-card.tsx'
import { HealthCard } from './health-card.tsx'
import { MembersCard } from './members-card.tsx'
import { TrafficCard } from './traffic-card.tsx'
import './overview.css'

const TOPOLOGY = '/pools/default/topology'
const STATS = '/pools/default/stats?zoom=minute'

export function OverviewPage(): JSX.Element {
  const topology = useWatch<Topology>(TOPOLOGY).value
  const pool = useWatch<Pool>('/pools/default').value
  const buckets = useWatch<Bucket[]>('/pools/default/buckets').value
  const stats = useWatch<Stats>(STATS).value
  const alerts = useWatch<Alerts>('/alerts?limit=1').value
  const progress = useWatch<RebalanceProgress>('/pools/default/rebalanceProgress').value
  return (
    <>
      <PageHead title="Overview" />
      <div class="stack">
        <Part of={topology} heightRem={9}>
          {(body) => <HealthCard topology={body} progress={progress.body} />}
        </Part>
        <AlertsNote alerts={alerts.body} />
        <div class="overview-columns">
          <Part of={stats} heightRem={21}>
            {(body) => <TrafficCard stats={body} path={STATS} />}
          </Part>
          <Part of={pool} heightRem={21}>
            {(body) => (
              <Card
                title="Memory and disk"
                actions={<ApiLink path="/pools/default/buckets" of="buckets" />}
              >
                <BucketsCard pool={body} buckets={buckets.body ?? []} />
              </Card>
            )}
          </Part>
        </div>
        <Part of={topology} heightRem={16}>
          {(body) => <MembersCard topology={body} pool={pool.body} />}
        </Part>
      </div>
    </>
  )
}

function Part<T>(props: {
  of: Watched<T>
  heightRem: number
  children: (body: T) => ComponentChildren
}): JSX.Element {
  const { body, error, staleSince } = props.of
  if (error && body === null) {
    return (
      <Note tone="bad" urgent>
        {error.message}
      </Note>
    )
  }
  if (body === null) return <Skeleton heightRem={props.heightRem} />
  return <div class={staleSince === null ? 'part' : 'part is-stale'}>{props.children(body)}</div>
}

/** What the health card says already. */
const TOLD_BY_HEALTH: ReadonlySet<string> = new Set(['degraded', 'unavailable'])

/** The alerts that last, but for those that the health card tells. */
function AlertsNote({ alerts }: { alerts: Alerts | null }): JSX.Element | null {
  const current = (alerts?.current ?? []).filter(({ key }) => !TOLD_BY_HEALTH.has(key))
  if (current.length === 0) return null
  return (
    <Note tone="warning">
      <ul class="stack tight">
        {current.map(({ key, text }) => (
          <li key={`${key} ${text}`}>{text}</li>
        ))}
      </ul>
      <a href={href('log')}>Log and alerts</a>
    </Note>
  )
}
