/** Routes that make, change, empty and delete buckets, and that set the memory they share. */
import { flushBucket } from '../buckets/flush.ts'
import { memoryQuotaRange } from '../buckets/quota.ts'
import { bucketSummaries, bucketUsage, type Reports } from '../buckets/usage.ts'
import { makeBucketLogin } from '../document/bucket-login.ts'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import { addBucket, type BucketWish, DEFAULT_SHARDS } from '../document/new-document.ts'
import type { StoreNode } from '../node.ts'
import { bucketLossSchema } from './answers-console.ts'
import { ApiError } from './api-error.ts'
import { defaultSettings, type FieldErrors } from './bucket-fields.ts'
import { formWarnings, readBucketEdit, readBucketForm, type WishedBucket } from './bucket-form.ts'
import {
  field,
  inForm,
  inQuery,
  numberField,
  type Parameter,
  type Route,
  type RouteContext,
} from './route.ts'

const CHECK_ONLY = inQuery('just_validate', 'integer', '1 only checks, and answers with summaries')
const RAM = inForm(
  'ramQuotaMB',
  'integer',
  'memory on each node, in MB: 100 or more, memcached 64',
  {
    minimum: 64,
  },
)
const REPLICAS = inForm('replicaNumber', 'integer', 'copies beside the primary', {
  minimum: 0,
  maximum: 3,
  standard: 1,
})
const TYPE = inForm('bucketType', 'string', 'replicated and persistent, or a cache', {
  values: ['membase', 'couchbase', 'memcached'],
  standard: 'membase',
})
const SETTINGS: readonly Parameter[] = [
  RAM,
  REPLICAS,
  inForm('authType', 'string', 'login by name and password, or none on a port of its own', {
    values: ['sasl', 'none'],
    standard: 'sasl',
  }),
  inForm('saslPassword', 'string', 'with authType sasl; empty lets everybody in'),
  inForm('proxyPort', 'integer', 'with authType none: its memcached port on every node', {
    minimum: 1025,
    maximum: 65_535,
  }),
  inForm('durability', 'string', 'a write is acknowledged once its replicas have it, or at once', {
    values: ['replicated', 'none'],
  }),
  inForm('degradedWrites', 'string', 'writes to a shard that has lost its replicas', {
    values: ['allow', 'refuse'],
    standard: 'allow',
  }),
  inForm('eviction', 'string', 'when full: refuse items, or drop those that expire soonest', {
    values: ['refuse', 'expiring'],
    standard: 'refuse',
  }),
  inForm('persistence', 'string', 'written to disk once a second, before an answer, never', {
    values: ['everysec', 'always', 'none'],
    standard: 'everysec',
  }),
]
const NOT_FOUND = 'The bucket to be deleted was not found.\r\n'
const FLUSH_FAILED = 'Unexpected error flushing buckets'

export const bucketRoutes: Route[] = [
  {
    method: 'POST',
    path: '/pools/default',
    access: 'admin',
    leader: true,
    summary: 'Sets the memory that all buckets together may take on a node.',
    parameters: [inForm('memoryQuota', 'integer', 'MB per node', { minimum: 256 })],
    handle: setMemoryQuota,
  },
  {
    method: 'POST',
    path: '/pools/default/buckets',
    access: 'admin',
    leader: true,
    summary: 'Creates a bucket.',
    parameters: [
      CHECK_ONLY,
      inForm('name', 'string', 'letters, digits and . _ - %', { required: true }),
      TYPE,
      inForm('shards', 'integer', 'parts that are placed and moved as one', {
        minimum: 1,
        maximum: 64,
        standard: DEFAULT_SHARDS,
      }),
      ...SETTINGS,
    ],
    answers: {
      202: { about: 'it is being made' },
      400: { about: 'errors by field, and summaries of memory and disk' },
    },
    handle: createBucket,
  },
  {
    method: 'POST',
    path: '/controller/setupDefaultBucket',
    access: 'admin',
    leader: true,
    summary: 'Creates the bucket "default"; one that has no items is replaced.',
    parameters: [CHECK_ONLY, RAM, TYPE, REPLICAS],
    handle: setUpDefaultBucket,
  },
  {
    method: 'POST',
    path: '/pools/default/buckets/:bucket',
    access: 'bucket',
    leader: true,
    owner: true,
    summary: 'Changes a bucket while it serves; what is not given stays as it is.',
    parameters: [CHECK_ONLY, ...SETTINGS],
    handle: editBucket,
  },
  {
    method: 'DELETE',
    path: '/pools/default/buckets/:bucket',
    access: 'admin',
    leader: true,
    summary: 'Deletes a bucket and its data.',
    parameters: [inQuery('just_validate', 'integer', '1: only say what would be gone.')],
    answers: {
      200: { about: 'Deleted; with just_validate what would be gone.', schema: bucketLossSchema },
    },
    handle: deleteBucket,
  },
  {
    method: 'POST',
    path: '/pools/default/buckets/:bucket/controller/doFlush',
    access: 'bucket',
    leader: true,
    summary: 'Removes every item of a bucket.',
    answers: { 200: { about: 'all shards are empty' }, 503: { about: 'not all of them are' } },
    handle: doFlush,
  },
]

const isCheckOnly = ({ query }: RouteContext): boolean => query.just_validate === '1'

function reportsOf(node: StoreNode): Reports {
  return {
    status: (member) => node.heartbeats.statusOf(member),
    disk: (member) => node.viewSource().figures?.(member)?.disk ?? null,
  }
}

/** A 400 with the errors by field and the figures that the form shows beside them. */
function refusal(
  node: StoreNode,
  document: ClusterDocument,
  errors: FieldErrors,
  wished: { name: string; megabytes: number },
): ApiError {
  const summaries = bucketSummaries(document, wished, reportsOf(node))
  return new ApiError(400, { errors, summaries })
}

function wishedOf(body: Record<string, unknown>, name: string, otherwise: number) {
  const megabytes = numberField(body, 'ramQuotaMB') ?? otherwise
  return { name, megabytes: Number.isNaN(megabytes) ? 0 : megabytes }
}

/** What is kept of the password that a form gives. */
async function loginOf(context: RouteContext): Promise<Bucket['login']> {
  return isCheckOnly(context) ? null : makeBucketLogin(field(context.body, 'saslPassword') ?? '')
}

/** A bucket that asks for no login has no password, whatever the form gives. */
function loginBy(password: string, login: Bucket['login']): Pick<Bucket, 'login'> {
  return { login: password === '' ? null : login }
}

function wishedBucket(wish: WishedBucket, login: Bucket['login']): BucketWish {
  const { saslPassword, ...settings } = wish
  return { ...settings, ...loginBy(saslPassword ?? '', login) }
}

async function createBucket(context: RouteContext): Promise<unknown> {
  const { node, body, reply } = context
  const name = field(body, 'name') ?? ''
  const wished = wishedOf(body, name, defaultSettings('membase').ramMegabytes)
  const login = await loginOf(context)
  const create = (draft: ClusterDocument): FieldErrors => {
    const form = readBucketForm(body, draft)
    if ('errors' in form) throw refusal(node, draft, form.errors, wished)
    checkPlace(draft, (errors) => refusal(node, draft, errors, wished))
    try {
      addBucket(draft, wishedBucket(form.wish, login), (id) => node.heartbeats.isLive(id))
    } catch (cause) {
      const shards = cause instanceof Error ? cause.message : String(cause)
      throw refusal(node, draft, { shards }, wished)
    }
    return formWarnings(draft, form.wish.replicaCount)
  }
  if (isCheckOnly(context)) {
    const summaries = bucketSummaries(node.document, wished, reportsOf(node))
    return { errors: {}, warnings: create(structuredClone(node.document)), summaries }
  }
  await node.change(create)
  reply.code(202).header('location', `/pools/default/buckets/${encodeURIComponent(name)}`)
  return ''
}

function checkPlace(draft: ClusterDocument, refuse: (errors: FieldErrors) => ApiError): void {
  if (draft.rebalancing) throw refuse({ name: 'Cannot create buckets during rebalance' })
  if (!draft.members.some((m) => m.membership === 'active' && !m.arbiter && !m.ejecting)) {
    throw refuse({ name: 'No node that can hold data' })
  }
}

/** The first-run wizard's step: a default bucket that holds nothing may be made again. */
async function setUpDefaultBucket(context: RouteContext): Promise<unknown> {
  const { node, body, reply } = context
  const { ramQuotaMB, bucketType, replicaNumber } = body
  const form = { name: 'default', ramQuotaMB, bucketType, replicaNumber }
  const old = node.document.buckets.find((b) => b.name === 'default')
  if (!old || bucketUsage(node.document, old, reportsOf(node).status).items > 0) {
    await createBucket({ ...context, body: form })
    if (!isCheckOnly(context)) reply.code(200)
    return ''
  }
  const wished = wishedOf(form, 'default', old.ramMegabytes)
  await node.change((draft) => {
    draft.buckets = draft.buckets.filter((b) => b.uuid !== old.uuid)
    const read = readBucketForm(form, draft)
    if ('errors' in read) throw refusal(node, draft, read.errors, wished)
    checkPlace(draft, (errors) => refusal(node, draft, errors, wished))
    addBucket(draft, wishedBucket(read.wish, null), (id) => node.heartbeats.isLive(id))
  })
  return ''
}

async function editBucket(context: RouteContext): Promise<unknown> {
  const { node, body, reply, params } = context
  const login = await loginOf(context)
  const edit = (draft: ClusterDocument): Bucket => {
    const bucket = draft.buckets.find((b) => b.name === params.bucket)
    if (!bucket) throw new ApiError(404, 'Requested resource not found.\r\n')
    const usage = bucketUsage(draft, bucket, reportsOf(node).status)
    const form = readBucketEdit(body, draft, bucket, usage)
    const wished = wishedOf(body, bucket.name, bucket.ramMegabytes)
    if ('errors' in form) throw refusal(node, draft, form.errors, wished)
    const { saslPassword, ...settings } = form.settings
    return Object.assign(
      bucket,
      settings,
      saslPassword === null ? {} : loginBy(saslPassword, login),
    )
  }
  if (isCheckOnly(context)) {
    const { name, ramMegabytes, replicaCount } = edit(structuredClone(node.document))
    reply.code(202)
    const wished = { name, megabytes: ramMegabytes }
    return {
      errors: {},
      warnings: formWarnings(node.document, replicaCount),
      summaries: bucketSummaries(node.document, wished, reportsOf(node)),
    }
  }
  await node.change((draft) => void edit(draft))
  return ''
}

async function deleteBucket(context: RouteContext): Promise<unknown> {
  const { node, params } = context
  if (isCheckOnly(context)) {
    const bucket = node.document.buckets.find((b) => b.name === params.bucket)
    if (!bucket) throw new ApiError(404, NOT_FOUND)
    const { items, itemBytes, diskBytes } = bucketUsage(
      node.document,
      bucket,
      reportsOf(node).status,
    )
    return { items, memoryBytes: itemBytes, diskBytes }
  }
  await node.change((draft) => {
    const index = draft.buckets.findIndex((b) => b.name === params.bucket)
    if (index < 0) throw new ApiError(404, NOT_FOUND)
    draft.buckets.splice(index, 1)
  })
  return ''
}

async function doFlush({ node, params }: RouteContext): Promise<unknown> {
  const bucket = node.document.buckets.find((b) => b.name === params.bucket)
  if (!bucket) throw new ApiError(404, 'Requested resource not found.\r\n')
  try {
    await flushBucket(node.document, bucket)
  } catch (cause) {
    throw new ApiError(503, FLUSH_FAILED, { cause })
  }
  return ''
}

async function setMemoryQuota({ node, body }: RouteContext): Promise<unknown> {
  if (field(body, 'memoryQuota') === undefined) return ''
  const megabytes = numberField(body, 'memoryQuota') ?? Number.NaN
  const error = checkMemoryQuota(node, megabytes)
  if (error) throw new ApiError(400, [error])
  await node.change((draft) => {
    draft.memoryQuotaMegabytes = megabytes
  })
  return ''
}

/** The quota is the same on every node, so the one with least memory sets the bound. */
function checkMemoryQuota(node: StoreNode, megabytes: number): string | null {
  if (Number.isNaN(megabytes)) return 'The RAM Quota value must be a number.'
  const totals = node.document.members.flatMap((m) => {
    const bytes = m.arbiter ? 0 : (node.heartbeats.statusOf(m.id)?.memoryTotalBytes ?? 0)
    return bytes > 0 ? [bytes] : []
  })
  const least = totals.length > 0 ? Math.min(...totals) : Number.POSITIVE_INFINITY
  const { megabytesMin, megabytesMax, why } = memoryQuotaRange(least)
  const range = `Quota must be between ${megabytesMin} MB and ${megabytesMax} MB (${why}).`
  if (megabytes < megabytesMin) return `The RAM Quota value is too small. ${range}`
  if (megabytes > megabytesMax) return `The RAM Quota value is too large. ${range}`
  const given = node.document.buckets.reduce((sum, b) => sum + b.ramMegabytes, 0)
  if (megabytes >= given) return null
  return `The RAM Quota value is too small. The buckets have ${given} MB.`
}
