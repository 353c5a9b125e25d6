/** The table of servers and what can be done with each. */
import type { JSX } from 'preact'
import { nodeWords } from '../../node-words.ts'
import { attempt } from '../../parts/attempt.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Meter } from '../../parts/meter.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytes, count, duration, percent } from '../../parts/units.ts'
import { mayChange } from '../../rest/who.ts'
import type { OnAsk } from './ask.ts'
import { mark, unmark } from './marks.ts'
import { opsOf } from './server-ops.tsx'
import { isGone, type ServerRow } from './server-row.ts'

const MEGABYTE = 1024 * 1024

/** The servers: state, load, what each holds, where it listens, and what can be done with it. */
export function ServersTable(props: {
  rows: readonly ServerRow[]
  /** Whether the operations of all buckets are known. */
  hasOps: boolean
  onAsk: OnAsk
}): JSX.Element {
  const columns: Column<ServerRow>[] = [
    { name: 'Server', heads: true, cell: (row) => <Name row={row} /> },
    { name: 'State', cell: (row) => <State row={row} /> },
    { name: 'Load', cell: (row) => <Load row={row} /> },
    { name: 'vBuckets', number: true, cell: (row) => <Held row={row} /> },
    {
      name: 'Items',
      number: true,
      cell: ({ load }) => (load ? count(load.interestingStats.curr_items_tot) : ''),
    },
  ]
  if (props.hasOps) {
    columns.push({
      name: 'Ops/s',
      number: true,
      cell: ({ hostname, status, arbiter }) => {
        const ops = opsOf(hostname)
        return arbiter || status === 'unhealthy' || ops === null ? '' : count(ops)
      },
    })
  }
  columns.push({ name: 'Ports', number: true, cell: (row) => <Ports row={row} /> })
  if (mayChange()) {
    columns.push({
      name: 'Actions',
      unnamed: true,
      cell: (row) => <Actions row={row} onAsk={props.onAsk} rows={props.rows} />,
    })
  }
  return (
    <Table
      caption="Servers"
      columns={columns}
      rows={props.rows}
      keyOf={(row) => row.otpNode}
      rowClass={(row) => (row.next === 'leaves' ? 'server leaves' : 'server')}
    />
  )
}

function Name({ row }: { row: ServerRow }): JSX.Element {
  const { load, serverGroup } = row
  const uptime = load && row.status !== 'unhealthy' ? `, up ${duration(Number(load.uptime))}` : ''
  return (
    <>
      <div class="server-name">{row.hostname}</div>
      <div class="quiet small">
        {serverGroup}
        {load?.thisNode ? ', serves this page' : ''}
      </div>
      <div class="quiet small">{load ? `${load.version}${uptime}` : ''}</div>
    </>
  )
}

function State({ row }: { row: ServerRow }): JSX.Element {
  const { word, tone } = nodeWords(row)
  const { running, wanted } = row.engines
  return (
    <div class="stack tight">
      <span class="row">
        <Badge tone={tone}>{word}</Badge>
        {row.isLeader ? <Badge>leader</Badge> : null}
      </span>
      {row.load?.ejecting ? (
        <span class="small">Leaves the cluster</span>
      ) : row.next === 'leaves' ? (
        <span class="small">Leaves with the next rebalance</span>
      ) : null}
      {row.status !== 'unhealthy' && running < wanted ? (
        <span class="small">
          {count(running)} of {count(wanted)} engines run
        </span>
      ) : null}
    </div>
  )
}

function Load({ row: { load, status } }: { row: ServerRow }): JSX.Element | null {
  if (!load || status === 'unhealthy') return <span class="quiet small">not known</span>
  const { mcdMemoryAllocated, mcdMemoryReserved, systemStats } = load
  const cpu = systemStats.cpu_utilization_rate
  const used = `${bytes(mcdMemoryAllocated * MEGABYTE)} of ${bytes(mcdMemoryReserved * MEGABYTE)}`
  return (
    <div class="server-load">
      <Meter name="CPU" value={cpu} max={100} text={percent(cpu / 100)} />
      {load.arbiter ? null : (
        <Meter name="Memory" value={mcdMemoryAllocated} max={mcdMemoryReserved} text={used} />
      )}
    </div>
  )
}

function Held({ row: { arbiter, vBuckets } }: { row: ServerRow }): JSX.Element {
  if (arbiter) return <span class="quiet">votes only</span>
  return (
    <>
      <div>{count(vBuckets.active)} active</div>
      <div class="quiet">{count(vBuckets.replica)} replica</div>
    </>
  )
}

function Ports({ row: { load, arbiter } }: { row: ServerRow }): JSX.Element | null {
  if (!load || arbiter) return null
  return (
    <>
      <div>{load.ports.proxy} gateway</div>
      <div class="quiet">{load.ports.direct} data</div>
    </>
  )
}

function Actions(props: {
  row: ServerRow
  rows: readonly ServerRow[]
  onAsk: OnAsk
}): JSX.Element | null {
  const { row, rows, onAsk } = props
  const { hostname, otpNode, clusterMembership } = row
  if (row.load?.ejecting) return null
  if (clusterMembership === 'inactiveFailed') {
    return (
      <div class="row-actions">
        <Button small label={`Re-add ${hostname}`} onPress={() => void reAdd(row)}>
          Re-add
        </Button>
      </div>
    )
  }
  if (clusterMembership === 'inactiveAdded') {
    return (
      <div class="row-actions">
        <Button
          small
          label={`Cancel adding ${hostname}`}
          onPress={() => onAsk({ kind: 'cancelAdd', row })}
        >
          Cancel adding
        </Button>
      </div>
    )
  }
  const isLast = !rows.some(
    (one) => one !== row && one.clusterMembership === 'active' && !one.arbiter,
  )
  if (isLast && !row.arbiter) {
    return (
      <div class="row-actions">
        <span class="quiet small">the last one with data</span>
      </div>
    )
  }
  return (
    <div class="row-actions">
      {row.arbiter ? null : (
        <Button
          small
          label={`Fail over ${hostname}`}
          onPress={() => onAsk({ kind: 'failOver', row })}
        >
          Fail over
        </Button>
      )}
      {row.marked ? (
        <Button small label={`Keep ${hostname}`} onPress={() => unmark(otpNode)}>
          Keep
        </Button>
      ) : (
        <Button
          small
          label={`Remove ${hostname}`}
          onPress={() => (isGone(row) ? onAsk({ kind: 'remove', row }) : mark(otpNode))}
        >
          Remove
        </Button>
      )}
    </div>
  )
}

/** Takes a failed-over server in again; it gets its copies with the next rebalance. */
export async function reAdd({ otpNode, hostname }: ServerRow): Promise<void> {
  const done = `${hostname} is taken in again. It gets its copies with the next rebalance.`
  await attempt('/controller/reAddNode', { otpNode }, done)
}
