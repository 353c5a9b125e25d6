/** Checks the forms that create and change a bucket, with Membase's field errors. Pure. */
import { engineMemory, MEGABYTE, quotaMembers } from '../buckets/quota.ts'
import type { BucketUsage } from '../buckets/usage.ts'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import { type BucketWish, DEFAULT_SHARDS } from '../document/new-document.ts'
import {
  type BucketSettings,
  defaultSettings,
  type FieldErrors,
  type FormSettings,
  readSettings,
} from './bucket-fields.ts'
import { field, numberField } from './route.ts'

const NAME_LENGTH_MAX = 100
const SHARDS_MAX = 64
const TOO_LARGE = 'RAM quota specified is too large to be provisioned into this cluster.'
const BELOW_USAGE = 'RAM quota cannot be set below current usage.'

/** A bucket that is wished for; its password is hashed by whoever makes it. */
export type WishedBucket = Omit<BucketWish, 'login'> & FormSettings

export type BucketForm = { wish: WishedBucket } | { errors: FieldErrors }
export type BucketEdit = { settings: FormSettings } | { errors: FieldErrors }

export function readBucketForm(
  body: Record<string, unknown>,
  document: ClusterDocument,
): BucketForm {
  const errors: FieldErrors = {}
  const name = field(body, 'name') ?? ''
  const nameError = checkName(name, document)
  if (nameError) errors.name = nameError
  const type = readType(body)
  if (type === null) {
    errors.bucketType = 'invalid bucket type'
    return { errors }
  }
  const about = { bucket: { name, uuid: '', type }, document, errors }
  const settings = readSettings(body, defaultSettings(type), about)
  if (!errors.ramQuotaMB && isTooLarge(document, settings.ramMegabytes, null)) {
    errors.ramQuotaMB = TOO_LARGE
  }
  const shardCount = numberField(body, 'shards') ?? DEFAULT_SHARDS
  if (!(shardCount >= 1 && shardCount <= SHARDS_MAX)) {
    errors.shards = `Shards must be an integer between 1 and ${SHARDS_MAX}`
  }
  if (Object.keys(errors).length > 0) return { errors }
  return { wish: { name, type, shardCount, ...settings } }
}

/** The form of a bucket that exists; `usage` is what it holds. */
export function readBucketEdit(
  body: Record<string, unknown>,
  document: ClusterDocument,
  bucket: Bucket,
  usage: Pick<BucketUsage, 'itemBytes' | 'engineItemBytesMax'>,
): BucketEdit {
  const errors: FieldErrors = {}
  if (field(body, 'bucketType') !== undefined && readType(body) !== bucket.type) {
    errors.bucketType = 'Cannot change bucket type.'
  }
  const shardCount = numberField(body, 'shards') ?? bucket.shards.length
  if (shardCount !== bucket.shards.length) {
    errors.shards = 'Shards are fixed when a bucket is created'
  }
  const settings = readSettings(body, bucket, { bucket, document, errors })
  if (!errors.ramQuotaMB && settings.ramMegabytes !== bucket.ramMegabytes) {
    const error = checkQuotaChange(document, bucket, settings, usage)
    if (error) errors.ramQuotaMB = error
  }
  return Object.keys(errors).length > 0 ? { errors } : { settings }
}

/** Too few servers for the replicas is no error: they are made when servers come. */
export function formWarnings(document: ClusterDocument, replicaCount: number): FieldErrors {
  if (quotaMembers(document).length > replicaCount) return {}
  const replicaNumber =
    'Warning: you do not have enough data servers to support this number of replicas.'
  return { replicaNumber }
}

function checkQuotaChange(
  document: ClusterDocument,
  bucket: Bucket,
  settings: BucketSettings,
  usage: Pick<BucketUsage, 'itemBytes' | 'engineItemBytesMax'>,
): string | null {
  if (bucket.type === 'memcached') return 'cannot change quota of memcached buckets'
  if (isTooLarge(document, settings.ramMegabytes, bucket)) return TOO_LARGE
  const allocated = settings.ramMegabytes * MEGABYTE * quotaMembers(document).length
  const share = engineMemory(document, { ...bucket, ...settings }).itemBytes
  const isBelow = allocated < usage.itemBytes || share < usage.engineItemBytesMax
  return isBelow && settings.ramMegabytes < bucket.ramMegabytes ? BELOW_USAGE : null
}

function isTooLarge(document: ClusterDocument, megabytes: number, own: Bucket | null): boolean {
  const others = document.buckets.filter((b) => b.uuid !== own?.uuid)
  const sum = others.reduce((total, b) => total + b.ramMegabytes, megabytes)
  return sum > document.memoryQuotaMegabytes && megabytes > (own?.ramMegabytes ?? 0)
}

function readType(body: Record<string, unknown>): Bucket['type'] | null {
  const text = field(body, 'bucketType') ?? 'membase'
  if (text === 'couchbase' || text === 'membase') return 'membase'
  return text === 'memcached' ? 'memcached' : null
}

function checkName(name: string, document: ClusterDocument): string | null {
  if (name === '') return 'Bucket name cannot be empty'
  if (!/^[A-Za-z0-9._%-]+$/.test(name) || name === '.' || name === '..') {
    return (
      'Bucket name can only contain characters in range A-Z, a-z, 0-9 as well as underscore, ' +
      'period, dash & percent. Consult the documentation.'
    )
  }
  if (name.length > NAME_LENGTH_MAX) {
    return `Length of the bucket name can't exceed ${NAME_LENGTH_MAX} characters.`
  }
  const taken = document.buckets.some((b) => b.name.toLowerCase() === name.toLowerCase())
  return taken ? 'Bucket with given name already exists' : null
}
