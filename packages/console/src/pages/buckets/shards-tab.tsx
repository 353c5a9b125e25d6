/** The shards of a bucket: which vBuckets each owns, and where its copies are. */
import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Card } from '../../parts/card.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytes, count } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Copy, Topology, TopologyNode, TopologyShard } from '../../rest/types.ts'
import { copyWords } from './bucket-copies.ts'

const TOPOLOGY = '/pools/default/topology'

interface Row {
  shard: TopologyShard
  primary: Copy | undefined
  replicas: Copy[]
  wanted: number
  nodes: readonly TopologyNode[]
}

export function ShardsTab({ name }: { name: string }): JSX.Element {
  const topology = useWatch<Topology>(TOPOLOGY)
  return (
    <Card title="Shards and their copies" actions={<ApiLink path={TOPOLOGY} of="shards" />}>
      <Shown of={topology} heightRem={24}>
        {({ buckets, nodes }) => {
          const bucket = buckets.find((one) => one.name === name)
          if (!bucket) return <p class="quiet">The bucket is being made.</p>
          const rows = bucket.shards.map((shard) => ({
            shard,
            primary: shard.copies.find((copy) => copy.otpNode === shard.primary),
            replicas: shard.copies.filter((copy) => copy.otpNode !== shard.primary),
            wanted: bucket.replicaNumber,
            nodes,
          }))
          return (
            <Table
              caption={`Shards of bucket ${name}`}
              columns={bucket.replicaNumber > 0 ? COLUMNS : COLUMNS.slice(0, -1)}
              rows={rows}
              keyOf={(row) => String(row.shard.shard)}
            />
          )
        }}
      </Shown>
    </Card>
  )
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'Shard', heads: true, cell: ({ shard }) => shard.shard },
  { name: 'vBuckets', cell: ({ shard }) => `${shard.vBuckets[0]} to ${shard.vBuckets[1]}` },
  { name: 'Items', number: true, cell: ({ primary }) => count(primary?.items ?? 0) },
  { name: 'Memory', number: true, cell: ({ primary }) => bytes(primary?.memoryBytes ?? 0) },
  {
    name: 'Primary',
    cell: ({ primary, nodes }) =>
      primary ? <ShownCopy copy={primary} nodes={nodes} /> : <Badge tone="bad">none</Badge>,
  },
  {
    name: 'Replicas',
    cell: ({ replicas, wanted, nodes }) => (
      <div class="stack tight">
        {replicas.map((copy) => (
          <ShownCopy key={copy.otpNode} copy={copy} nodes={nodes} />
        ))}
        {replicas.length < wanted ? (
          <Badge tone="warning">{`${wanted - replicas.length} missing`}</Badge>
        ) : null}
      </div>
    ),
  },
]

function ShownCopy(props: { copy: Copy; nodes: readonly TopologyNode[] }): JSX.Element {
  const { copy, nodes } = props
  const node = nodes.find(({ otpNode }) => otpNode === copy.otpNode)
  const { word, tone } = copyWords(copy, node)
  return (
    <div class="row copy">
      <span>{node?.hostname ?? copy.otpNode}</span>
      <Badge tone={tone}>{word}</Badge>
      {copy.lagBytes ? <span class="small quiet">{bytes(copy.lagBytes)} behind</span> : null}
    </div>
  )
}
