/** Routes that make, change and delete buckets. */
import { addBucket } from '../document/new-document.ts'
import { ApiError } from './api-error.ts'
import { readBucketForm } from './bucket-form.ts'
import { field, type Route, type RouteContext } from './route.ts'

export const bucketRoutes: Route[] = [
  {
    method: 'POST',
    path: '/pools/default/buckets',
    access: 'admin',
    leader: true,
    summary: 'Creates a bucket: name, bucketType, ramQuotaMB, replicaNumber, saslPassword, shards.',
    handle: createBucket,
  },
  {
    method: 'DELETE',
    path: '/pools/default/buckets/:bucket',
    access: 'admin',
    leader: true,
    summary: 'Deletes a bucket and its data.',
    handle: deleteBucket,
  },
]

async function createBucket({ node, body, reply }: RouteContext): Promise<unknown> {
  if (node.document.rebalancing) {
    throw new ApiError(400, { errors: { name: 'Cannot create buckets during rebalance' } })
  }
  await node.change((draft) => {
    const form = readBucketForm(body, draft)
    if ('errors' in form) throw new ApiError(400, { errors: form.errors })
    if (!draft.members.some((m) => m.membership === 'active' && !m.arbiter)) {
      throw new ApiError(400, { errors: { name: 'No node that can hold data' } })
    }
    addBucket(draft, form.wish)
  })
  reply.code(202).header('location', `/pools/default/buckets/${field(body, 'name')}`)
  return ''
}

async function deleteBucket({ node, params }: RouteContext): Promise<unknown> {
  await node.change((draft) => {
    const index = draft.buckets.findIndex((b) => b.name === params.bucket)
    if (index < 0) throw new ApiError(404, 'The bucket to be deleted was not found.\r\n')
    draft.buckets.splice(index, 1)
  })
  return ''
}
