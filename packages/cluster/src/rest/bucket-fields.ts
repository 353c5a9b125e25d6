/**
 * The fields of a bucket's form, the same for a bucket that is made and one that is changed: what
 * is not given stays as it was. Errors by field in the original's words. Pure.
 */
import { isPortFree } from '../buckets/ports.ts'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import { field, numberField } from './route.ts'

export const RAM_MEGABYTES_MIN: Record<Bucket['type'], number> = { membase: 100, memcached: 64 }
const REPLICAS_MAX = 3
const PORT_MIN = 1025
const PORT_MAX = 65_535

/** What may be changed while a bucket serves, but its password. */
export type BucketSettings = Pick<
  Bucket,
  | 'authType'
  | 'proxyPort'
  | 'ramMegabytes'
  | 'replicaCount'
  | 'durability'
  | 'degradedWrites'
  | 'eviction'
  | 'persistence'
>

/** The settings of a form, with the password that it gives; null where it gives none. */
export interface FormSettings extends BucketSettings {
  saslPassword: string | null
}

export type FieldErrors = Record<string, string>
type Body = Record<string, unknown>

/** Settings of a bucket for which nothing is said. */
export function defaultSettings(type: Bucket['type']): BucketSettings {
  const isCache = type === 'memcached'
  return {
    authType: 'sasl',
    proxyPort: null,
    ramMegabytes: RAM_MEGABYTES_MIN[type],
    replicaCount: isCache ? 0 : 1,
    durability: isCache ? 'none' : 'replicated',
    degradedWrites: 'allow',
    eviction: isCache ? 'lru' : 'refuse',
    persistence: isCache ? 'none' : 'everysec',
  }
}

/** The bucket that the form is about. */
export interface FormBucket {
  name: string
  /** Empty for one that is yet to be made. */
  uuid: string
  type: Bucket['type']
}

/** Reads every setting; wrong ones are told in `errors` and stay as they were. */
export function readSettings(
  body: Body,
  before: BucketSettings,
  about: { bucket: FormBucket; document: ClusterDocument; errors: FieldErrors },
): FormSettings {
  const { bucket, errors } = about
  const isCache = bucket.type === 'memcached'
  const replicaCount = isCache ? 0 : readReplicas(body, before.replicaCount, errors)
  return {
    ...readAccess(body, before, about),
    ramMegabytes: readRam(body, before.ramMegabytes, bucket.type, errors),
    replicaCount,
    durability: readDurability(body, before, replicaCount, errors),
    degradedWrites:
      choice(body, 'degradedWrites', ['allow', 'refuse'], errors) ?? before.degradedWrites,
    eviction:
      choice(body, 'eviction', isCache ? ['lru'] : ['refuse', 'expiring'], errors) ??
      before.eviction,
    persistence:
      choice(body, 'persistence', isCache ? ['none'] : ['everysec', 'always', 'none'], errors) ??
      before.persistence,
  }
}

function readAccess(
  body: Body,
  before: BucketSettings,
  about: { bucket: FormBucket; document: ClusterDocument; errors: FieldErrors },
): Pick<FormSettings, 'authType' | 'saslPassword' | 'proxyPort'> {
  const { bucket, document, errors } = about
  const authType = field(body, 'authType') ?? before.authType
  if (authType !== 'sasl' && authType !== 'none') {
    errors.authType = 'invalid authType'
    return { ...before, saslPassword: null }
  }
  const saslPassword = field(body, 'saslPassword') ?? null
  if (bucket.name === 'default') {
    if (authType === 'none') errors.authType = 'The default bucket has no port of its own'
    if (saslPassword) errors.saslPassword = 'The default bucket has no password'
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(saslPassword ?? '')) {
    errors.saslPassword = 'The bucket password must not contain control characters.'
  }
  if (authType === 'sasl') return { authType, saslPassword, proxyPort: null }
  const proxyPort = numberField(body, 'proxyPort') ?? before.proxyPort ?? Number.NaN
  if (!(proxyPort >= PORT_MIN && proxyPort <= PORT_MAX)) {
    errors.proxyPort = 'proxy port is invalid'
  } else if (!isPortFree(document, proxyPort, bucket.uuid)) {
    errors.proxyPort = 'port is already in use'
  }
  return { authType, saslPassword: '', proxyPort }
}

function readRam(body: Body, before: number, type: Bucket['type'], errors: FieldErrors): number {
  const megabytes = numberField(body, 'ramQuotaMB') ?? before
  if (Number.isNaN(megabytes)) {
    errors.ramQuotaMB = 'The RAM Quota must be specified and must be a positive integer.'
    return before
  }
  if (megabytes < RAM_MEGABYTES_MIN[type]) {
    errors.ramQuotaMB = `RAM quota cannot be less than ${RAM_MEGABYTES_MIN[type]} MB`
  }
  return megabytes
}

function readReplicas(body: Body, before: number, errors: FieldErrors): number {
  const count = numberField(body, 'replicaNumber') ?? before
  if (Number.isNaN(count)) {
    errors.replicaNumber =
      'The replica number must be specified and must be a non-negative integer.'
    return before
  }
  if (count > REPLICAS_MAX) {
    errors.replicaNumber = `Replica number larger than ${REPLICAS_MAX} is not supported.`
  }
  return count
}

/** A bucket that gets its first replica is replicated from then on, unless the form says else. */
function readDurability(
  body: Body,
  before: BucketSettings,
  replicaCount: number,
  errors: FieldErrors,
): Bucket['durability'] {
  const given = choice(body, 'durability', ['replicated', 'none'], errors)
  if (replicaCount > 0) {
    return given ?? (before.replicaCount === 0 ? 'replicated' : before.durability)
  }
  if (given === 'replicated') errors.durability = 'durability replicated needs a replica'
  return 'none'
}

function choice<T extends string>(
  body: Body,
  name: string,
  choices: readonly T[],
  errors: FieldErrors,
): T | undefined {
  const text = field(body, name)
  if (text === undefined) return undefined
  const found = choices.find((one) => one === text)
  if (found === undefined) errors[name] = `${name} must be ${choices.join(' or ')}`
  return found
}
