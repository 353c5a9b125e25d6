/**
 * Who uses the store: every proxy and gateway that reports, those first that need a look: behind
 * the map, with errors, silent. Figures are what each says of its last seconds.
 */
import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Card } from '../../parts/card.tsx'
import { Figure, Figures } from '../../parts/figure.tsx'
import { Empty, Note } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { count, counted, duration, milliseconds } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Proxies, ProxyReport } from '../../rest/types.ts'
import { byUrgency, isSilent, totalsOf } from './proxy-order.ts'

const PATH = '/proxies'
const CLIENTS_SHOWN = 3
const KINDS: Record<ProxyReport['kind'], string> = {
  proxy: 'Proxy',
  gateway: 'Gateway',
  session: 'Application',
}

export function ProxiesPage(): JSX.Element {
  const answer = useWatch<Proxies>(PATH)
  return (
    <>
      <PageHead title="Proxies" actions={<ApiLink path={PATH} of="proxies" />} />
      <Shown of={answer} heightRem={28}>
        {({ proxies, missing = [] }) => (
          <div class="stack">
            {missing.length > 0 ? (
              <Note tone="warning">
                Not heard: {missing.join(', ')}. What follows only them is not in this list.
              </Note>
            ) : null}
            {proxies.length === 0 ? <NoProxies /> : <Connected proxies={proxies} />}
          </div>
        )}
      </Shown>
    </>
  )
}

function NoProxies(): JSX.Element {
  return (
    <Card>
      <Empty icon="proxy" title="No proxy follows this cluster">
        Start one on each application host:
        <pre class="api-line">{startLine()}</pre>
      </Empty>
    </Card>
  )
}

function startLine(): string {
  return `holdfast proxy ${location.origin}/pools/default/bucketsStreaming/BUCKET`
}

function Connected({ proxies }: { proxies: readonly ProxyReport[] }): JSX.Element {
  const totals = totalsOf(proxies)
  return (
    <>
      <Card>
        <Figures>
          <Figure name="Connected" value={count(proxies.length)} />
          <Figure
            name="Behind the map"
            value={count(totals.behind)}
            detail={totals.behind > 0 ? 'They follow by themselves.' : 'All know where data is.'}
          />
          <Figure name="Client connections" value={count(totals.connections)} />
          <Figure name="Operations per second" value={count(totals.operationsPerSecond)} />
          <Figure name="Errors per second" value={totals.errorsPerSecond.toFixed(1)} />
        </Figures>
      </Card>
      <Card title="Proxies and gateways">
        <Table
          caption="All that follow the cluster"
          columns={COLUMNS}
          rows={byUrgency(proxies)}
          keyOf={(proxy) => proxy.id}
        />
      </Card>
    </>
  )
}

const COLUMNS: readonly Column<ProxyReport>[] = [
  {
    name: 'Where',
    heads: true,
    cell: (proxy) => (
      <>
        <div>{proxy.hostname}</div>
        <div class="quiet small">
          {KINDS[proxy.kind]} {proxy.version}, process {proxy.pid}, up{' '}
          {duration(proxy.uptimeSeconds)}
        </div>
      </>
    ),
  },
  { name: 'State', cell: (proxy) => <State proxy={proxy} /> },
  {
    name: 'Follows',
    cell: (proxy) => (
      <>
        <div>{proxy.node}</div>
        <div class="quiet small">{proxy.buckets.join(', ') || 'no bucket'}</div>
      </>
    ),
  },
  {
    name: 'Clients',
    number: true,
    cell: (proxy) => (
      <>
        <div>{count(proxy.upstreamConnections)}</div>
        <div class="quiet small">{clientsOf(proxy)}</div>
      </>
    ),
  },
  { name: 'Ops/s', number: true, cell: (proxy) => count(proxy.operationsPerSecond) },
  { name: 'Get p99', number: true, cell: (proxy) => latency(proxy.getP99Ms) },
  { name: 'Set p99', number: true, cell: (proxy) => latency(proxy.setP99Ms) },
  {
    name: 'Errors',
    number: true,
    cell: (proxy) => (
      <>
        <div>{count(proxy.errors)}</div>
        {proxy.errorsPerSecond > 0 ? (
          <div class="quiet small">{proxy.errorsPerSecond.toFixed(1)} per s</div>
        ) : null}
      </>
    ),
  },
]

function State({ proxy }: { proxy: ProxyReport }): JSX.Element {
  if (isSilent(proxy)) {
    return <Badge tone="bad">Silent for {duration(proxy.lastSeenSeconds)}</Badge>
  }
  if (!proxy.upToDate) {
    return (
      <>
        <Badge tone="warning">Behind</Badge>
        <div class="quiet small">map revision {proxy.rev}</div>
      </>
    )
  }
  return (
    <>
      <Badge tone="good">Up to date</Badge>
      <div class="quiet small">map revision {proxy.rev}</div>
    </>
  )
}

function clientsOf({ clients }: ProxyReport): string {
  const shown = clients.slice(0, CLIENTS_SHOWN).map((c) => `${c.address} (${c.connections})`)
  const rest = clients.length - shown.length
  return rest > 0 ? `${shown.join(', ')} and ${counted(rest, 'more', 'more')}` : shown.join(', ')
}

function latency(ms: number | null): string {
  return ms === null ? 'none' : milliseconds(ms)
}
