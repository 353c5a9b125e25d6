/**
 * What the cluster's log tells: kinds of events with the module, code and weight that the original
 * gave them, and the events that a change of the cluster document means. Pure.
 */
import { type Bucket, type ClusterDocument, otpNodeOf } from '../document/cluster-document.ts'

export type EventWeight = 'info' | 'warning' | 'critical'

export interface EventKind {
  module: string
  code: number
  type: EventWeight
  shortText: string
}

export type EventName =
  | 'started'
  | 'memberAdded'
  | 'memberRemoved'
  | 'memberUp'
  | 'memberDown'
  | 'failedOver'
  | 'failedOverByItself'
  | 'failoverRefused'
  | 'leads'
  | 'rebalanceStarted'
  | 'rebalanceEnded'
  | 'rebalanceStopped'
  | 'rebalanceTrouble'
  | 'bucketCreated'
  | 'bucketChanged'
  | 'bucketDeleted'
  | 'settingsChanged'
  | 'clientError'
  | 'alert'
  | 'alertOver'

const kind = (module: string, code: number, type: EventWeight, shortText: string): EventKind => ({
  module,
  code,
  type,
  shortText,
})

export const EVENT_KINDS: Readonly<Record<EventName, EventKind>> = {
  started: kind('menelaus_sup', 1, 'info', 'web start ok'),
  memberAdded: kind('ns_cluster', 3, 'info', 'node joined cluster'),
  memberRemoved: kind('ns_cluster', 1, 'info', 'node left cluster'),
  memberUp: kind('ns_node_disco', 4, 'info', 'node up'),
  memberDown: kind('ns_node_disco', 5, 'warning', 'node down'),
  failedOver: kind('ns_rebalancer', 1, 'warning', 'node failed over'),
  failedOverByItself: kind('auto_failover', 1, 'warning', 'node failed over automatically'),
  failoverRefused: kind('auto_failover', 2, 'critical', 'could not fail over'),
  leads: kind('mb_master', 0, 'info', 'leads the cluster'),
  rebalanceStarted: kind('ns_orchestrator', 4, 'info', 'rebalance started'),
  rebalanceEnded: kind('ns_orchestrator', 1, 'info', 'rebalance completed'),
  rebalanceStopped: kind('ns_orchestrator', 7, 'info', 'rebalance stopped'),
  rebalanceTrouble: kind('ns_orchestrator', 2, 'critical', 'rebalance stands still'),
  bucketCreated: kind('menelaus_web', 12, 'info', 'bucket created'),
  bucketChanged: kind('menelaus_web', 13, 'info', 'bucket changed'),
  bucketDeleted: kind('menelaus_web', 11, 'info', 'bucket deleted'),
  settingsChanged: kind('menelaus_web', 14, 'info', 'settings changed'),
  clientError: kind('menelaus_web', 102, 'warning', 'client-side error'),
  alert: kind('menelaus_web_alerts_srv', 1, 'warning', 'alert'),
  alertOver: kind('menelaus_web_alerts_srv', 2, 'info', 'alert is over'),
}

export interface DocumentEvent {
  name: EventName
  text: string
}

/** What happened between two documents of one cluster, in the words of the log. */
export function documentEvents(before: ClusterDocument, after: ClusterDocument): DocumentEvent[] {
  return [
    ...memberEvents(before, after),
    ...rebalanceEvents(before, after),
    ...bucketEvents(before, after),
    ...settingsEvents(before, after),
  ]
}

function memberEvents(before: ClusterDocument, after: ClusterDocument): DocumentEvent[] {
  const events: DocumentEvent[] = []
  for (const member of after.members) {
    const name = otpNodeOf(member)
    const old = before.members.find((m) => m.id === member.id)
    if (!old) events.push({ name: 'memberAdded', text: `Node ${name} joined cluster` })
    else if (old.membership !== 'inactiveFailed' && member.membership === 'inactiveFailed') {
      events.push({ name: 'failedOver', text: `Failed over '${name}': ok` })
    } else if (old.membership === 'inactiveFailed' && member.membership !== 'inactiveFailed') {
      events.push({ name: 'memberAdded', text: `Node ${name} is added back` })
    }
  }
  for (const old of before.members) {
    if (after.members.some((m) => m.id === old.id)) continue
    events.push({ name: 'memberRemoved', text: `Node ${otpNodeOf(old)} left cluster` })
  }
  for (const id of after.autoFailover.failedOver) {
    const member = after.members.find((m) => m.id === id)
    if (!member || before.autoFailover.failedOver.includes(id)) continue
    const text = `Node ('${otpNodeOf(member)}') was automatically failed over.`
    events.push({ name: 'failedOverByItself', text })
  }
  return events
}

function rebalanceEvents(before: ClusterDocument, after: ClusterDocument): DocumentEvent[] {
  const events: DocumentEvent[] = []
  if (!before.rebalancing && after.rebalancing) {
    const names = (ejecting: boolean): string =>
      after.members
        .filter((m) => m.ejecting === ejecting)
        .map(otpNodeOf)
        .join(', ')
    const text = `Starting rebalance, KeepNodes = [${names(false)}], EjectNodes = [${names(true)}]`
    events.push({ name: 'rebalanceStarted', text })
  } else if (before.rebalancing && !after.rebalancing) {
    if (after.rebalance.stopped) {
      events.push({ name: 'rebalanceStopped', text: 'Rebalance stopped by user.' })
    } else events.push({ name: 'rebalanceEnded', text: 'Rebalance completed successfully.' })
  }
  const { trouble } = after.rebalance
  if (after.rebalancing && trouble !== null && trouble !== before.rebalance.trouble) {
    events.push({ name: 'rebalanceTrouble', text: `Rebalance stands still: ${trouble}` })
  }
  return events
}

function bucketEvents(before: ClusterDocument, after: ClusterDocument): DocumentEvent[] {
  const events: DocumentEvent[] = []
  for (const bucket of after.buckets) {
    const old = before.buckets.find((b) => b.uuid === bucket.uuid)
    const text = `"${bucket.name}" of type: ${bucket.type}`
    if (!old) events.push({ name: 'bucketCreated', text: `Created bucket ${text}` })
    else if (settingsOf(old) !== settingsOf(bucket)) {
      events.push({ name: 'bucketChanged', text: `Changed settings of bucket ${text}` })
    }
  }
  for (const old of before.buckets) {
    if (after.buckets.some((b) => b.uuid === old.uuid)) continue
    events.push({ name: 'bucketDeleted', text: `Deleted bucket "${old.name}"` })
  }
  return events
}

/** What a person has set, to be compared. */
function settingsOf({ shards, arbiterInstances, ...settings }: Bucket): string {
  return JSON.stringify(settings)
}

function settingsEvents(before: ClusterDocument, after: ClusterDocument): DocumentEvent[] {
  const events: DocumentEvent[] = []
  const note = (changed: boolean, text: string): void => {
    if (changed) events.push({ name: 'settingsChanged', text })
  }
  const { enabled, timeoutMs, maxCount } = after.autoFailover
  const old = before.autoFailover
  note(
    enabled !== old.enabled || timeoutMs !== old.timeoutMs || maxCount !== old.maxCount,
    `Automatic failover: ${enabled ? `on, after ${timeoutMs} ms, at most ${maxCount}` : 'off'}`,
  )
  note(after.admin?.passwordHash !== before.admin?.passwordHash, 'Credentials of the admin set')
  note(
    after.readOnlyUser?.passwordHash !== before.readOnlyUser?.passwordHash,
    after.readOnlyUser ? 'Credentials of the read-only user set' : 'Read-only user removed',
  )
  note(
    after.memoryQuotaMegabytes !== before.memoryQuotaMegabytes,
    `Memory quota per node: ${after.memoryQuotaMegabytes} MB`,
  )
  const areas = new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])
  for (const area of areas) {
    const changed = JSON.stringify(before.settings[area]) !== JSON.stringify(after.settings[area])
    note(changed, `Settings changed: ${area}`)
  }
  return events
}
