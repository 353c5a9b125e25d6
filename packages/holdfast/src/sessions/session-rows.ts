/**
 * A stored session as the REST shows it. Pure but for the clock that it is given. When a session
 * was last used the stored copy does not say: a request that changes nothing only renews its
 * expiry. So the expiry tells, to the slack that sticky servers leave between two renewals.
 */
import type { SessionRow, StoredItem } from '@holdfast/cluster'
import {
  prefixOf,
  renewedTtlSeconds,
  type StoredView,
  shownValues,
} from '@holdfast/session/operator'

/** Values of one session that are shown, as text. */
export const VALUES_BYTES_MAX: number = 64 * 1024
const MILLISECONDS = 1000

export interface RowFacts {
  bucket: string
  /** Undefined: judged by the key. */
  prefix: string | undefined
  user: string | undefined
  nowMs: number
  values?: boolean
}

export function sessionRow(item: StoredItem, view: StoredView, facts: RowFacts): SessionRow {
  const { bucket, prefix = prefixOf(item.key), user = null, nowMs } = facts
  const lastMs = lastAccessedMs(item, view, nowMs)
  const createdMs = view.times?.createdMs
  return {
    id: item.key,
    bucket,
    prefix,
    user,
    createdAt: timeOf(createdMs),
    lastAccessedAt: timeOf(lastMs),
    ageSeconds: secondsBetween(createdMs, nowMs),
    idleSeconds: secondsBetween(lastMs, nowMs),
    expiresInSeconds: item.expiresAtMs === 0 ? null : secondsBetween(nowMs, item.expiresAtMs),
    sizeBytes: item.value.length,
    encoding: view.encoding,
    compressed: view.compressed,
    encrypted: view.encrypted,
    attributes: view.attributes.map(({ name, type, sizeBytes }) => ({ name, type, sizeBytes })),
    ...(view.note === undefined ? {} : { note: view.note }),
    ...(facts.values === true ? valuesOf(view) : {}),
  }
}

function valuesOf({ attributes }: StoredView): Pick<SessionRow, 'values' | 'cut'> {
  const { values, cut } = shownValues(attributes, VALUES_BYTES_MAX)
  return cut.length === 0 ? { values } : { values, cut }
}

function lastAccessedMs(
  { expiresAtMs }: StoredItem,
  { times }: StoredView,
  nowMs: number,
): number | undefined {
  if (times === undefined) return undefined
  const ttlSeconds = renewedTtlSeconds(times.maxInactiveSeconds)
  const renewedMs = expiresAtMs === 0 ? 0 : expiresAtMs - ttlSeconds * MILLISECONDS
  return Math.max(times.lastAccessedMs, Math.min(renewedMs, nowMs))
}

function secondsBetween(fromMs: number | undefined, toMs: number): number | null {
  return fromMs === undefined ? null : Math.max(0, Math.round((toMs - fromMs) / MILLISECONDS))
}

/** A time that no Date can have is not known. */
function timeOf(ms: number | undefined): number | null {
  const time = new Date(ms ?? Number.NaN).getTime()
  return Number.isNaN(time) ? null : time
}
