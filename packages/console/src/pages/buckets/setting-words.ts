/** The settings of a bucket in words, for the page that shows them and the form that asks. Pure. */
import { counted } from '../../parts/units.ts'
import type { Bucket } from '../../rest/types.ts'

export interface SettingChoice {
  value: string
  name: string
  hint: string
}

export const TYPES: readonly SettingChoice[] = [
  { value: 'membase', name: 'Store', hint: 'Copies on other servers, kept on disk.' },
  {
    value: 'memcached',
    name: 'Cache',
    hint: 'One copy, in memory only; drops what is used least.',
  },
]

export const DURABILITIES: readonly SettingChoice[] = [
  {
    value: 'replicated',
    name: 'When a replica has it',
    hint: 'No acknowledged write is lost when a server dies.',
  },
  {
    value: 'none',
    name: 'At once',
    hint: 'Faster; the last writes can be lost with a server.',
  },
]

export const DEGRADED_WRITES: readonly SettingChoice[] = [
  { value: 'allow', name: 'Accept', hint: 'Acknowledged with one copy until there is another.' },
  { value: 'refuse', name: 'Refuse', hint: 'Writes fail until a replica is there again.' },
]

export const EVICTIONS: readonly SettingChoice[] = [
  { value: 'refuse', name: 'Refuse writes', hint: 'Nothing that was stored is dropped.' },
  {
    value: 'expiring',
    name: 'Drop what expires soonest',
    hint: 'Sessions nearest to their end go first.',
  },
]

export const PERSISTENCES: readonly SettingChoice[] = [
  {
    value: 'everysec',
    name: 'Once a second',
    hint: 'A power cut on all servers loses a second at most.',
  },
  { value: 'always', name: 'Before each answer', hint: 'Survives any power cut; slower.' },
  { value: 'none', name: 'Never', hint: 'Data lives in the memory of the servers only.' },
]

export const ACCESSES: readonly SettingChoice[] = [
  {
    value: 'sasl',
    name: 'Name and password',
    hint: 'On the port of all buckets, by memcached login.',
  },
  { value: 'none', name: 'A port of its own', hint: 'No login: for clients that know none.' },
]

/** What a setting of a bucket is called. */
export function nameOf(choices: readonly SettingChoice[], value: string): string {
  return choices.find((choice) => choice.value === value)?.name ?? value
}

/** `Store, 1 replica`, `Cache`. */
export function kindOf({ bucketType, replicaNumber }: Bucket): string {
  const type = nameOf(TYPES, bucketType)
  return bucketType === 'memcached' ? type : `${type}, ${counted(replicaNumber, 'replica')}`
}

/** Every setting with its value, as the page shows them. */
export function settingsOf(bucket: Bucket): [name: string, value: string][] {
  const isCache = bucket.bucketType === 'memcached'
  const hasReplicas = bucket.replicaNumber > 0
  const evicts = isCache ? 'Drop what is used least' : nameOf(EVICTIONS, bucket.eviction)
  return [
    ['Type', nameOf(TYPES, bucket.bucketType)],
    ...(isCache ? [] : [['Replicas', String(bucket.replicaNumber)] satisfies [string, string]]),
    ...(hasReplicas ? replicaSettings(bucket) : []),
    ['When memory is full', evicts],
    ['Written to disk', nameOf(PERSISTENCES, bucket.persistence)],
    ['Access', accessOf(bucket)],
    ['UUID', bucket.uuid],
  ]
}

function replicaSettings(bucket: Bucket): [name: string, value: string][] {
  return [
    ['A write is acknowledged', nameOf(DURABILITIES, bucket.durability)],
    ['Writes without a replica', nameOf(DEGRADED_WRITES, bucket.degradedWrites)],
  ]
}

function accessOf({ authType, hasPassword, proxyPort, name }: Bucket): string {
  if (authType === 'none') return `Port ${proxyPort}, without a login`
  if (name === 'default') return 'Without a login, as the default bucket'
  return hasPassword ? `Login ${name} with a password` : `Login ${name} without a password`
}
