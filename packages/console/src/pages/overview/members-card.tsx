/** The members: state first, then what each holds and how busy it is. */
import type { JSX } from 'preact'
import { nodeWords } from '../../node-words.ts'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { ButtonLink } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytes, count, percent } from '../../parts/units.ts'
import type { Pool, PoolNode, Topology, TopologyNode } from '../../rest/types.ts'
import { href } from '../../router.ts'

const MEGABYTE = 1024 * 1024

interface Row extends TopologyNode {
  load: PoolNode | undefined
}

const columns: readonly Column<Row>[] = [
  {
    name: 'Server',
    heads: true,
    cell: (row) => (
      <>
        <a href={href('servers')}>{row.hostname}</a>
        {row.load?.thisNode ? <span class="small quiet"> (serves this page)</span> : null}
      </>
    ),
  },
  {
    name: 'State',
    cell: (row) => {
      const { word, tone } = nodeWords(row)
      return (
        <span class="row">
          <Badge tone={tone}>{word}</Badge>
          {row.isLeader ? <Badge>leader</Badge> : null}
        </span>
      )
    },
  },
  {
    name: 'vBuckets',
    number: true,
    cell: ({ vBuckets, arbiter }) =>
      arbiter ? (
        <span class="quiet">votes only</span>
      ) : (
        `${count(vBuckets.active)} active, ${count(vBuckets.replica)} replica`
      ),
  },
  {
    name: 'Items',
    number: true,
    cell: ({ load }) => (load ? count(load.interestingStats.curr_items_tot) : ''),
  },
  {
    name: 'Data in memory',
    number: true,
    cell: ({ load }) => (load ? bytes(load.mcdMemoryAllocated * MEGABYTE) : ''),
  },
  {
    name: 'CPU',
    number: true,
    cell: ({ load, status }) =>
      load && status !== 'unhealthy' ? percent(load.systemStats.cpu_utilization_rate / 100) : '',
  },
]

export function MembersCard(props: { topology: Topology; pool: Pool | null }): JSX.Element {
  const { topology, pool } = props
  const rows = topology.nodes.map((node) => ({
    ...node,
    load: pool?.nodes.find((one) => one.otpNode === node.otpNode),
  }))
  const up = rows.filter((row) => row.status !== 'unhealthy').length
  const { whole, wanted } = copiesOf(topology)
  return (
    <Card
      title={`Servers: ${up} of ${rows.length} up`}
      actions={
        <>
          <ApiLink path="/pools/default" of="servers" />
          <ButtonLink href={href('topology')} icon="topology" small>
            Picture
          </ButtonLink>
        </>
      }
    >
      <p class="quiet copies">
        {wanted === 0
          ? 'No copies are wanted.'
          : `${count(whole)} of ${count(wanted)} copies of shards are there and in sync.`}
      </p>
      <Table caption="Servers" columns={columns} rows={rows} keyOf={(row) => row.otpNode} />
    </Card>
  )
}

function copiesOf({ buckets, nodes }: Topology): { whole: number; wanted: number } {
  const gone = new Set(nodes.filter((n) => n.status === 'unhealthy').map((n) => n.otpNode))
  let whole = 0
  let wanted = 0
  for (const { shards, replicaNumber } of buckets) {
    for (const { copies } of shards) {
      const good = copies.filter((c) => c.inSync && !gone.has(c.otpNode)).length
      wanted += 1 + replicaNumber
      whole += Math.min(good, 1 + replicaNumber)
    }
  }
  return { whole, wanted }
}
