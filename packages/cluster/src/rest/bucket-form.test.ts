import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUCKET_WISH, documentOf, documentWithBucket } from '../test-support/fixtures.ts'
import { readBucketForm } from './bucket-form.ts'

const FORM = {
  name: 'sessions',
  bucketType: 'membase',
  ramQuotaMB: '128',
  replicaNumber: '2',
  shards: '16',
  saslPassword: 'secret',
}

test('a whole form becomes a bucket as wished', () => {
  assert.deepEqual(readBucketForm(FORM, documentOf(1)), {
    wish: {
      name: 'sessions',
      type: 'membase',
      ramMegabytes: 128,
      replicaCount: 2,
      saslPassword: 'secret',
      shardCount: 16,
    },
  })
})

test('a name is enough: 100 MB, one replica, 8 shards, no password', () => {
  assert.deepEqual(readBucketForm({ name: 'default' }, documentOf(1)), {
    wish: { ...BUCKET_WISH, shardCount: 8 },
  })
})

test('couchbase is another name for membase', () => {
  const form = readBucketForm({ ...FORM, bucketType: 'couchbase' }, documentOf(1))
  assert.equal('wish' in form && form.wish.type, 'membase')
})

test('a memcached bucket has no replicas, whatever the form says', () => {
  const form = readBucketForm(
    { name: 'cache', bucketType: 'memcached', replicaNumber: '3' },
    documentOf(1),
  )
  assert.ok('wish' in form)
  assert.deepEqual([form.wish.replicaCount, form.wish.ramMegabytes], [0, 64])
})

const REFUSED: [field: string, change: Record<string, string>, message: RegExp][] = [
  ['name', { name: '' }, /^Bucket name cannot be empty$/],
  ['name', { name: 'a b' }, /^Bucket name can only contain characters in range A-Z, a-z, 0-9/],
  ['name', { name: '..' }, /^Bucket name can only contain/],
  ['name', { name: 'DEFAULT' }, /^Bucket with given name already exists$/],
  ['bucketType', { bucketType: 'disk' }, /^invalid bucket type$/],
  ['ramQuotaMB', { ramQuotaMB: 'x' }, /^The RAM Quota must be specified and must be a positive/],
  ['ramQuotaMB', { ramQuotaMB: '-1' }, /positive integer/],
  ['ramQuotaMB', { ramQuotaMB: '99' }, /^RAM quota cannot be less than 100 MB$/],
  ['ramQuotaMB', { bucketType: 'memcached', ramQuotaMB: '63' }, /cannot be less than 64 MB$/],
  ['replicaNumber', { replicaNumber: '4' }, /between 0 and 3$/],
  ['replicaNumber', { replicaNumber: 'two' }, /between 0 and 3$/],
  ['shards', { shards: '0' }, /between 1 and 64$/],
  ['shards', { shards: '65' }, /between 1 and 64$/],
]

for (const [field, change, message] of REFUSED) {
  test(`refused at the field ${field}: ${JSON.stringify(change)}`, () => {
    const form = readBucketForm({ ...FORM, ...change }, documentWithBucket(1))
    assert.ok('errors' in form)
    assert.deepEqual(Object.keys(form.errors), [field])
    assert.match(form.errors[field] ?? '', message)
  })
}

test('the default bucket has no password', () => {
  const form = readBucketForm({ ...FORM, name: 'default' }, documentOf(1))
  assert.deepEqual(form, { errors: { saslPassword: 'The default bucket has no password' } })
})

test('all wrong fields are told at once', () => {
  const form = readBucketForm({ name: '', ramQuotaMB: '1', replicaNumber: '9' }, documentOf(1))
  assert.ok('errors' in form)
  assert.deepEqual(Object.keys(form.errors).sort(), ['name', 'ramQuotaMB', 'replicaNumber'])
})
