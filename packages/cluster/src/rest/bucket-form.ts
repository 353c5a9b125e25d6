/** Checks the form that creates a bucket, with Membase's field errors. Pure. */
import type { ClusterDocument } from '../document/cluster-document.ts'
import { type BucketWish, DEFAULT_SHARDS } from '../document/new-document.ts'
import { field, numberField } from './route.ts'

const RAM_MEGABYTES_MIN = { membase: 100, memcached: 64 }
const REPLICAS_MAX = 3
const SHARDS_MAX = 64

export type BucketForm = { wish: BucketWish } | { errors: Record<string, string> }

export function readBucketForm(
  body: Record<string, unknown>,
  document: ClusterDocument,
): BucketForm {
  const errors: Record<string, string> = {}
  const name = field(body, 'name') ?? ''
  const nameError = checkName(name, document)
  if (nameError) errors.name = nameError
  const typeText = field(body, 'bucketType') ?? 'membase'
  const type = typeText === 'couchbase' ? 'membase' : typeText
  if (type !== 'membase' && type !== 'memcached') {
    errors.bucketType = 'invalid bucket type'
    return { errors }
  }
  const ramMegabytes = numberField(body, 'ramQuotaMB') ?? RAM_MEGABYTES_MIN[type]
  if (Number.isNaN(ramMegabytes)) {
    errors.ramQuotaMB = 'The RAM Quota must be specified and must be a positive integer.'
  } else if (ramMegabytes < RAM_MEGABYTES_MIN[type]) {
    const min = RAM_MEGABYTES_MIN[type]
    errors.ramQuotaMB = `RAM quota cannot be less than ${min} MB`
  }
  const replicaCount = type === 'memcached' ? 0 : (numberField(body, 'replicaNumber') ?? 1)
  if (!(replicaCount >= 0 && replicaCount <= REPLICAS_MAX)) {
    errors.replicaNumber = `Replica number must be an integer between 0 and ${REPLICAS_MAX}`
  }
  const shardCount = numberField(body, 'shards') ?? DEFAULT_SHARDS
  if (!(shardCount >= 1 && shardCount <= SHARDS_MAX)) {
    errors.shards = `Shards must be an integer between 1 and ${SHARDS_MAX}`
  }
  const saslPassword = field(body, 'saslPassword') ?? ''
  if (name === 'default' && saslPassword !== '') {
    errors.saslPassword = 'The default bucket has no password'
  }
  if (Object.keys(errors).length > 0) return { errors }
  return { wish: { name, type, ramMegabytes, replicaCount, saslPassword, shardCount } }
}

function checkName(name: string, document: ClusterDocument): string | null {
  if (name === '') return 'Bucket name cannot be empty'
  if (!/^[A-Za-z0-9._%-]+$/.test(name) || name === '.' || name === '..') {
    return (
      'Bucket name can only contain characters in range A-Z, a-z, 0-9 as well as underscore, ' +
      'period, dash & percent. Consult the documentation.'
    )
  }
  const taken = document.buckets.some((b) => b.name.toLowerCase() === name.toLowerCase())
  return taken ? 'Bucket with given name already exists' : null
}
