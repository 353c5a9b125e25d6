/** All buckets with what they hold and use; here one is made. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Meter } from '../../parts/meter.tsx'
import { Empty } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytes, count, percent } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Bucket, Pool, StorageTotals, Topology } from '../../rest/types.ts'
import { mayChange } from '../../rest/who.ts'
import { href } from '../../router.ts'
import { type BucketState, stateOf } from './bucket-copies.ts'
import { CreateBucket } from './create-bucket.tsx'
import { kindOf } from './setting-words.ts'

const BUCKETS = '/pools/default/buckets'

export function BucketList(): JSX.Element {
  const buckets = useWatch<Bucket[]>(BUCKETS)
  const topology = useWatch<Topology>('/pools/default/topology').value.body
  const pool = useWatch<Pool>('/pools/default')
  const [isCreating, setCreating] = useState(false)
  const create = mayChange() ? (
    <Button kind="primary" icon="plus" onPress={() => setCreating(true)}>
      Create a bucket
    </Button>
  ) : null
  return (
    <>
      <PageHead title="Buckets" actions={create} />
      <div class="stack">
        <Shown of={pool} heightRem={6}>
          {(body) => <Storage of={body.storageTotals} />}
        </Shown>
        <Shown of={buckets} heightRem={20}>
          {(list) => (
            <Card title="All buckets" actions={<ApiLink path={BUCKETS} of="buckets" />}>
              {list.length === 0 ? (
                <Empty icon="bucket" title="No buckets yet" action={create}>
                  A bucket is a space of keys with a memory quota and copies of its own.
                </Empty>
              ) : (
                <Table
                  caption="Buckets"
                  columns={COLUMNS}
                  rows={list.map((bucket) => rowOf(bucket, topology, pool.value.body))}
                  keyOf={({ bucket }) => bucket.uuid}
                />
              )}
            </Card>
          )}
        </Shown>
      </div>
      {isCreating ? <CreateBucket onClose={() => setCreating(false)} /> : null}
    </>
  )
}

function Storage({ of: { ram, hdd } }: { of: StorageTotals }): JSX.Element {
  return (
    <Card>
      <div class="columns">
        <Meter
          name="Memory given to buckets"
          value={ram.quotaUsed}
          max={ram.quotaTotal}
          text={`${bytes(ram.quotaUsed)} of ${bytes(ram.quotaTotal)}`}
          tone="plain"
        />
        <Meter
          name="Disk"
          value={hdd.used}
          max={hdd.total}
          text={`${bytes(hdd.usedByData)} by data, ${bytes(hdd.free)} free of ${bytes(hdd.total)}`}
        />
      </div>
    </Card>
  )
}

interface Row {
  bucket: Bucket
  state: BucketState | null
  diskTotal: number
}

function rowOf(bucket: Bucket, topology: Topology | null, pool: Pool | null): Row {
  const found = topology?.buckets.find(({ name }) => name === bucket.name)
  return {
    bucket,
    state: topology && found ? stateOf(found, topology.nodes) : null,
    diskTotal: pool?.storageTotals.hdd.total ?? 0,
  }
}

const COLUMNS: readonly Column<Row>[] = [
  {
    name: 'Bucket',
    heads: true,
    cell: ({ bucket }) => (
      <>
        <a href={href('buckets', bucket.name)}>{bucket.name}</a>
        <div class="small quiet">{kindOf(bucket)}</div>
      </>
    ),
  },
  {
    name: 'State',
    cell: ({ bucket, state }) => (
      <>
        {state ? <Badge tone={state.tone}>{state.word}</Badge> : null}
        {bucket.troubles ? <Badge tone="bad">engines in trouble</Badge> : null}
      </>
    ),
  },
  { name: 'Items', number: true, cell: ({ bucket }) => count(bucket.basicStats.itemCount) },
  { name: 'Ops/s', number: true, cell: ({ bucket }) => count(bucket.basicStats.opsPerSec) },
  {
    name: 'Hit rate',
    number: true,
    cell: ({ bucket }) => percent(bucket.basicStats.hitRatio / 100),
  },
  {
    name: 'Memory',
    cell: ({ bucket }) => {
      const { memUsed } = bucket.basicStats
      const { ram } = bucket.quota
      return (
        <BareMeter
          name={`Memory of bucket ${bucket.name}`}
          value={memUsed}
          max={ram}
          text={`${bytes(memUsed)} of ${bytes(ram)}`}
        />
      )
    },
  },
  {
    name: 'Disk',
    cell: ({ bucket, diskTotal }) => {
      const { diskUsed } = bucket.basicStats
      if (bucket.persistence === 'none') return <span class="quiet">in memory only</span>
      return (
        <BareMeter
          name={`Disk of bucket ${bucket.name}`}
          value={diskUsed}
          max={diskTotal}
          text={`${bytes(diskUsed)} of ${bytes(diskTotal)}`}
        />
      )
    },
  },
]

/** The words below the bar, as the column has said what it is. */
function BareMeter(props: { name: string; value: number; max: number; text: string }): JSX.Element {
  return (
    <div class="bucket-meter">
      <Meter {...props} bare />
      <div class="small quiet">{props.text}</div>
    </div>
  )
}
