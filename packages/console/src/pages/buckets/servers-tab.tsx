/** What each server holds of the bucket, and how much of its traffic it has. */
import type { JSX } from 'preact'
import { nodeWords } from '../../node-words.ts'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Card } from '../../parts/card.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytes, count, counted } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { NodeStats, Topology } from '../../rest/types.ts'
import { href } from '../../router.ts'
import { type ServerShare, sharesOf } from './bucket-copies.ts'

interface Row extends ServerShare {
  bucket: string
  opsPerSecond: number | null
}

export function ServersTab({ path, name }: { path: string; name: string }): JSX.Element {
  const topology = useWatch<Topology>('/pools/default/topology')
  const opsPath = `${path}/stats/ops?zoom=minute`
  const ops = useWatch<NodeStats>(opsPath).value.body
  return (
    <Card
      title="What each server holds"
      actions={<ApiLink path={opsPath} of="operations by server" />}
    >
      <Shown of={topology} heightRem={12}>
        {(body) => {
          const bucket = body.buckets.find((one) => one.name === name)
          if (!bucket) return <p class="quiet">The bucket is being made.</p>
          const rows = sharesOf(bucket, body).map((share) => ({
            ...share,
            bucket: name,
            opsPerSecond: ops?.nodeStats[share.node.hostname]?.at(-1) ?? null,
          }))
          return (
            <Table
              caption={`Servers of bucket ${name}`}
              columns={COLUMNS}
              rows={rows}
              keyOf={({ node }) => node.otpNode}
            />
          )
        }}
      </Shown>
    </Card>
  )
}

const COLUMNS: readonly Column<Row>[] = [
  {
    name: 'Server',
    heads: true,
    cell: ({ node, bucket }) => (
      <a href={href('buckets', bucket, { server: node.hostname })}>{node.hostname}</a>
    ),
  },
  {
    name: 'State',
    cell: ({ node }) => {
      const { word, tone } = nodeWords(node)
      return <Badge tone={tone}>{word}</Badge>
    },
  },
  {
    name: 'vBuckets',
    number: true,
    cell: ({ vBuckets }) => pair(vBuckets.active, vBuckets.replica),
  },
  { name: 'Items', number: true, cell: ({ items }) => pair(items.active, items.replica) },
  { name: 'Memory', number: true, cell: ({ memoryBytes }) => bytes(memoryBytes) },
  {
    name: 'Ops/s',
    number: true,
    cell: ({ opsPerSecond }) =>
      opsPerSecond === null ? <span class="quiet">not heard</span> : count(opsPerSecond),
  },
  {
    name: 'Its replicas',
    cell: ({ vBuckets, behind, lagBytes }) => {
      if (vBuckets.replica === 0) return <span class="quiet">none</span>
      if (behind === 0) return <Badge tone="good">in sync</Badge>
      return (
        <>
          <Badge tone="busy">{counted(behind, 'shard')} syncing</Badge>
          {lagBytes > 0 ? <div class="small quiet">{bytes(lagBytes)} behind</div> : null}
        </>
      )
    },
  },
]

function pair(active: number, replica: number): JSX.Element {
  return (
    <>
      <div>{count(active)} active</div>
      <div class="small quiet">{count(replica)} replica</div>
    </>
  )
}
