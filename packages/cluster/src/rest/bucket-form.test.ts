import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentOf, documentWithBucket } from '../test-support/fixtures.ts'
import { formWarnings, readBucketEdit, readBucketForm } from './bucket-form.ts'

const FORM = {
  name: 'sessions',
  bucketType: 'membase',
  ramQuotaMB: '128',
  replicaNumber: '2',
  shards: '16',
  saslPassword: 'secret',
}

const SETTINGS = {
  authType: 'sasl',
  saslPassword: null,
  proxyPort: null,
  ramMegabytes: 100,
  replicaCount: 1,
  durability: 'replicated',
  degradedWrites: 'allow',
  eviction: 'refuse',
  persistence: 'everysec',
} as const

test('a whole form becomes a bucket as wished', () => {
  assert.deepEqual(readBucketForm(FORM, documentOf(1)), {
    wish: {
      ...SETTINGS,
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
    wish: { ...SETTINGS, name: 'default', type: 'membase', shardCount: 8 },
  })
})

test('what only this store has is taken from the form', () => {
  const more = {
    durability: 'none',
    degradedWrites: 'refuse',
    eviction: 'expiring',
    persistence: 'always',
  }
  const form = readBucketForm({ ...FORM, ...more }, documentOf(1))
  assert.ok('wish' in form)
  assert.deepEqual({ ...form.wish, ...more }, form.wish)
})

test('a bucket with a port of its own has no password', () => {
  const form = readBucketForm({ ...FORM, authType: 'none', proxyPort: '11300' }, documentOf(1))
  assert.ok('wish' in form)
  const { authType, proxyPort, saslPassword } = form.wish
  assert.deepEqual([authType, proxyPort, saslPassword], ['none', 11_300, ''])
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
  ['replicaNumber', { replicaNumber: '4' }, /^Replica number larger than 3 is not supported.$/],
  ['replicaNumber', { replicaNumber: 'two' }, /must be a non-negative integer.$/],
  ['name', { name: 'a'.repeat(101) }, /can't exceed 100 characters/],
  ['ramQuotaMB', { ramQuotaMB: '201' }, /^RAM quota specified is too large to be provisioned/],
  ['authType', { authType: 'ldap' }, /^invalid authType$/],
  ['saslPassword', { saslPassword: 'a\nb' }, /control characters/],
  ['proxyPort', { authType: 'none' }, /^proxy port is invalid$/],
  ['proxyPort', { authType: 'none', proxyPort: '80' }, /^proxy port is invalid$/],
  ['proxyPort', { authType: 'none', proxyPort: '11211' }, /^port is already in use$/],
  ['durability', { replicaNumber: '0', durability: 'replicated' }, /needs a replica/],
  ['durability', { durability: 'some' }, /replicated or none/],
  ['eviction', { eviction: 'lru' }, /refuse or expiring/],
  ['persistence', { bucketType: 'memcached', persistence: 'always' }, /none/],
  ['shards', { shards: '0' }, /between 1 and 64$/],
  ['shards', { shards: '65' }, /between 1 and 64$/],
]

for (const [field, change, message] of REFUSED) {
  test(`refused at the field ${field}: ${JSON.stringify(change)}`, () => {
    const document = documentWithBucket(1)
    document.memoryQuotaMegabytes = 300
    const form = readBucketForm({ ...FORM, ...change }, document)
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

const NOTHING_USED = { itemBytes: 0, engineItemBytesMax: 0 }
const MEGABYTE = 1024 * 1024

/** What comes of a form for the bucket `sessions` on two nodes, 300 MB each. */
function edit(body: Record<string, string>, usage = NOTHING_USED, wish = {}) {
  const document = documentWithBucket(2, { name: 'sessions', shardCount: 4, ...wish })
  document.memoryQuotaMegabytes = 300
  const [bucket] = document.buckets
  assert.ok(bucket)
  return readBucketEdit(body, document, bucket, usage)
}

function errorsOf(form: ReturnType<typeof edit>): Record<string, string> {
  assert.ok('errors' in form)
  return form.errors
}

test('what an edit does not name stays as it is', () => {
  const form = edit({ saslPassword: 'x' }, NOTHING_USED, { persistence: 'always' })
  const settings = { ...SETTINGS, saslPassword: 'x', persistence: 'always' }
  assert.deepEqual(form, { settings })
})

test('a quota may grow into what the node has left, and no further', () => {
  assert.ok('settings' in edit({ ramQuotaMB: '300' }))
  const errors = errorsOf(edit({ ramQuotaMB: '301' }))
  assert.match(errors.ramQuotaMB ?? '', /^RAM quota specified is too large/)
})

test('a quota does not shrink below what is used, on all nodes or in one engine', () => {
  const large = { ramMegabytes: 200 }
  const half = { itemBytes: 150 * 2 * MEGABYTE, engineItemBytesMax: 0 }
  const below = /^RAM quota cannot be set below current usage.$/
  assert.match(errorsOf(edit({ ramQuotaMB: '149' }, half, large)).ramQuotaMB ?? '', below)
  assert.ok('settings' in edit({ ramQuotaMB: '151' }, half, large))
  const lopsided = { itemBytes: 0, engineItemBytesMax: 26 * MEGABYTE }
  assert.match(errorsOf(edit({ ramQuotaMB: '100' }, lopsided, large)).ramQuotaMB ?? '', below)
  assert.ok('settings' in edit({ ramQuotaMB: '120' }, lopsided, large))
})

test('the quota of a memcached bucket, shards and type do not change', () => {
  const cache = { type: 'memcached', replicaCount: 0, ramMegabytes: 64 }
  const errors = errorsOf(edit({ ramQuotaMB: '128' }, NOTHING_USED, cache))
  assert.deepEqual(errors, { ramQuotaMB: 'cannot change quota of memcached buckets' })
  assert.ok('settings' in edit({ ramQuotaMB: '64' }, NOTHING_USED, cache))
  assert.deepEqual(Object.keys(errorsOf(edit({ shards: '8', bucketType: 'memcached' }))).sort(), [
    'bucketType',
    'shards',
  ])
})

test('the first replica makes a bucket replicated, the loss of the last one does not stop it', () => {
  const durability = (form: ReturnType<typeof edit>) =>
    'settings' in form ? form.settings.durability : form.errors
  const single = { replicaCount: 0 }
  assert.equal(durability(edit({ replicaNumber: '1' }, NOTHING_USED, single)), 'replicated')
  assert.equal(durability(edit({ replicaNumber: '0' })), 'none')
  const fast = { durability: 'none' }
  assert.equal(durability(edit({ replicaNumber: '2' }, NOTHING_USED, fast)), 'none')
})

test('too few servers for the replicas are a warning', () => {
  assert.deepEqual(formWarnings(documentOf(3), 2), {})
  assert.deepEqual(Object.keys(formWarnings(documentOf(2), 2)), ['replicaNumber'])
})
