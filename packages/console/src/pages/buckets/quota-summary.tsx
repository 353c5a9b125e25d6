import type { JSX } from 'preact'
import { bytes, counted } from '../../parts/units.ts'
import type { BucketSummaries } from '../../rest/types.ts'

const MEGABYTE = 1024 * 1024

/** What a quota would mean for the cluster: a bar of all its memory, and the same in words. */
export function QuotaSummary({ of }: { of: BucketSummaries | null }): JSX.Element {
  if (!of) return <div class="quota" aria-hidden="true" />
  const { total, otherBuckets, thisAlloc, thisUsed, free, nodesCount, perNodeMegs } = of.ramSummary
  const shareOf = (part: number): string =>
    `${total > 0 ? (Math.min(part, total) / total) * 100 : 0}%`
  const isTooMuch = free < 0
  return (
    <div class="quota">
      <div class="quota-bar" aria-hidden="true">
        <div class="quota-others" style={{ width: shareOf(otherBuckets) }} />
        <div
          class={isTooMuch ? 'quota-own too-much' : 'quota-own'}
          style={{ width: shareOf(thisAlloc) }}
        />
      </div>
      <ul class="quota-words small" aria-live="polite">
        <li class={isTooMuch ? 'key-own too-much' : 'key-own'}>
          This bucket {bytes(thisAlloc)}: {bytes(perNodeMegs * MEGABYTE)} on each of{' '}
          {counted(nodesCount, 'server')}
          {thisUsed > 0 ? `, ${bytes(thisUsed)} in use` : ''}
        </li>
        <li class="key-others">Other buckets {bytes(otherBuckets)}</li>
        <li class="key-free">
          {isTooMuch
            ? `${bytes(-free)} more than the ${bytes(total)} there is`
            : `${bytes(free)} of ${bytes(total)} left`}
        </li>
      </ul>
    </div>
  )
}
