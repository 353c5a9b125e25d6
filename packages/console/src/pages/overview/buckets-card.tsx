/** Memory of the cluster and of each bucket against its quota; disk. */
import type { JSX } from 'preact'
import { ButtonLink } from '../../parts/button.tsx'
import { Meter } from '../../parts/meter.tsx'
import { Empty } from '../../parts/note.tsx'
import { bytes, counted } from '../../parts/units.ts'
import type { Bucket, Pool } from '../../rest/types.ts'
import { href } from '../../router.ts'

export function BucketsCard(props: { pool: Pool; buckets: readonly Bucket[] }): JSX.Element {
  const { ram, hdd } = props.pool.storageTotals
  return (
    <div class="stack">
      <Meter
        name="Memory given to buckets"
        value={ram.quotaUsed}
        max={ram.quotaTotal}
        text={`${bytes(ram.quotaUsed)} of ${bytes(ram.quotaTotal)}`}
        tone="plain"
      />
      {props.buckets.length === 0 ? (
        <Empty
          icon="bucket"
          title="No buckets yet"
          action={
            <ButtonLink href={href('buckets')} icon="plus">
              Create a bucket
            </ButtonLink>
          }
        />
      ) : (
        <ul class="stack bucket-meters">
          {props.buckets.map((bucket) => (
            <li key={bucket.name}>
              <BucketMeter bucket={bucket} />
            </li>
          ))}
        </ul>
      )}
      <Meter
        name="Disk"
        value={hdd.used}
        max={hdd.total}
        text={`${bytes(hdd.usedByData)} by data, ${bytes(hdd.free)} free of ${bytes(hdd.total)}`}
      />
    </div>
  )
}

function BucketMeter({ bucket }: { bucket: Bucket }): JSX.Element {
  const { memUsed, itemCount, diskUsed } = bucket.basicStats
  const { ram } = bucket.quota
  const text = `${bytes(memUsed)} of ${bytes(ram)}`
  return (
    <div class="meter">
      <div class="meter-line">
        <a href={href('buckets', bucket.name)}>{bucket.name}</a>
        <span class="small quiet">{text}</span>
      </div>
      <Meter name={`Memory of bucket ${bucket.name}`} value={memUsed} max={ram} text={text} bare />
      <p class="small quiet">
        {counted(itemCount, 'item')}
        {diskUsed > 0 ? `, ${bytes(diskUsed)} on disk` : ', in memory only'}
      </p>
    </div>
  )
}
