/*
 * The statistics of memcached-session-manager by their names, made from what is counted anyway.
 */
import type { Distribution } from './distribution.ts'
import type { SessionCounts } from './session-counts.ts'

/** One measured quantity in milliseconds. */
export interface StatisticsProbe {
  count: number
  min: number
  avg: number
  max: number
}

/** Counters and probes of one session manager since its start. */
export interface SessionStatistics {
  requestsWithoutSession: number
  requestsWithSession: number
  requestsWithTomcatFailover: number
  requestsWithMemcachedFailover: number
  requestsWithBackupFailures: number
  requestsWithoutSessionAccess: number
  requestsWithoutAttributesAccess: number
  requestsWithoutSessionModification: number
  nonStickySessionsPingFailed: number
  nonStickySessionsReadOnlyRequest: number
  effectiveBackup: StatisticsProbe
  backup: StatisticsProbe
  attributesSerialization: StatisticsProbe
  memcachedUpdate: StatisticsProbe
  sessionsLoadedFromMemcached: StatisticsProbe
  sessionDeserialization: StatisticsProbe
  sessionsDeletedFromMemcached: StatisticsProbe
  nonStickyAfterLoad: StatisticsProbe
  afterBackup: StatisticsProbe
  onBackupWithoutLoadedSession: StatisticsProbe
  afterDelete: StatisticsProbe
  acquireLock: StatisticsProbe
  acquireLockFailure: StatisticsProbe
  releaseLock: StatisticsProbe
}

export function sessionStatistics(counts: SessionCounts): SessionStatistics {
  const { loads } = counts
  const none = probe([])
  return {
    requestsWithoutSession: counts.requestsWithoutSession,
    requestsWithSession: Object.values(loads).reduce((sum, count) => sum + count, 0),
    requestsWithTomcatFailover: counts.countFailovers('server'),
    requestsWithMemcachedFailover: counts.countFailovers('node'),
    requestsWithBackupFailures: counts.saves.error,
    requestsWithoutSessionAccess: counts.withoutAccess,
    requestsWithoutAttributesAccess: 0,
    requestsWithoutSessionModification: counts.withoutModification,
    nonStickySessionsPingFailed: counts.copiesMissing,
    nonStickySessionsReadOnlyRequest: counts.readOnlyRequests,
    effectiveBackup: probe([counts.holdSeconds]),
    backup: probe([counts.saveSeconds]),
    attributesSerialization: probe([counts.encodeSeconds]),
    memcachedUpdate: probe(operations(counts, ['set', 'add', 'cas'])),
    sessionsLoadedFromMemcached: probe(operations(counts, ['get', 'gat'])),
    sessionDeserialization: probe([counts.decodeSeconds]),
    sessionsDeletedFromMemcached: probe(operations(counts, ['delete'])),
    nonStickyAfterLoad: none,
    afterBackup: probe([counts.copySeconds]),
    onBackupWithoutLoadedSession: none,
    afterDelete: none,
    acquireLock: probe([counts.lockWaitSeconds]),
    acquireLockFailure: probe([counts.lockFailureSeconds]),
    releaseLock: probe([counts.lockReleaseSeconds]),
  }
}

function operations(counts: SessionCounts, names: readonly string[]): Distribution[] {
  return [...counts.nodeOperations.values()]
    .filter(({ operation }) => names.includes(operation))
    .map(({ durations }) => durations)
}

function probe(parts: readonly Distribution[]): StatisticsProbe {
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  if (count === 0) return { count: 0, min: 0, avg: 0, max: 0 }
  const seconds = parts.reduce((sum, part) => sum + part.sum, 0)
  return {
    count,
    min: Math.min(...parts.map(({ min }) => min)) * 1000,
    avg: (seconds / count) * 1000,
    max: Math.max(...parts.map(({ max }) => max)) * 1000,
  }
}
