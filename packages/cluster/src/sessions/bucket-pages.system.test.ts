/**
 * Pages of a bucket's items, read from real engines: all are found whatever the size of a page, a
 * copy that dies between two pages is followed by another, a shard without one is named.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { shardOfVbucket, TAGS, vbucketOf } from '@holdfast/topology'
import type { Bucket } from '../document/cluster-document.ts'
import { EngineError } from '../engines/engine-control.ts'
import { LocalCluster } from '../test-support/local-cluster.ts'
import { type PagedBucket, readItems, readPage } from './bucket-pages.ts'
import { parseCursor } from './page-cursor.ts'
import type { ItemQuestion } from './session-browser.ts'

const ITEMS = 700
const LIVES_MS = 3_600_000
const KEYS = Array.from({ length: ITEMS }, (_, index) => `item-${index}`)

let cluster: LocalCluster
let bucket: Bucket

before(async () => {
  cluster = await LocalCluster.start(2)
  bucket = await cluster.makeBucket({ name: 'pages', shards: '3', replicaNumber: '1' })
  for (const key of KEYS) await write(key, `value of ${key}`)
  await write('empty', '')
  for (const shard of bucket.shards.keys()) {
    const { control } = await cluster.primary(bucket, shard)
    await control.call('WAIT', 1, 30_000)
  }
})

after(() => cluster?.stop())

async function write(key: string, value: string): Promise<void> {
  const vBucket = vbucketOf(Buffer.from(key))
  const { control } = await cluster.primary(bucket, shardOfVbucket(vBucket, bucket.shards.length))
  await control.call('SET', `{${TAGS[vBucket]}}${key}`, value, 'PX', LIVES_MS)
}

function paged(isLive: (member: number) => boolean = () => true): PagedBucket {
  const { document, selfMember } = cluster.node(1)
  return { document, bucket: cluster.bucket('pages'), self: selfMember.id, isLive }
}

const question = (limit: number, start?: string): ItemQuestion => {
  return { limit, start, headBytes: 5, accepts: (_key, head) => head.toString() === 'value' }
}

async function all(limit: number): Promise<string[]> {
  const keys: string[] = []
  let start: string | undefined
  do {
    const page = await readPage(paged(), question(limit, start))
    assert.ok(page.items.length <= limit)
    assert.deepEqual(page.missingShards, [])
    keys.push(...page.items.map(({ key }) => key))
    start = page.next ?? undefined
  } while (start !== undefined)
  return keys
}

test('all items are found, once each, whatever the size of a page', async () => {
  for (const limit of [1000, 200, 37]) {
    assert.deepEqual((await all(limit)).sort(), [...KEYS].sort(), `pages of ${limit}`)
  }
})

test('an item comes with its value and its expiry, which stays', async () => {
  const read = async (): Promise<number> => {
    const [item, ...others] = await readItems(paged(), ['item-7', 'nothing'])
    assert.deepEqual(others, [])
    assert.equal(item?.key, 'item-7')
    assert.equal(item?.value.toString(), 'value of item-7')
    return item?.expiresAtMs ?? 0
  }
  const expiresAtMs = await read()
  assert.ok(expiresAtMs > Date.now() && expiresAtMs <= Date.now() + LIVES_MS)
  assert.equal(await read(), expiresAtMs)
})

test('where the copy that was read is gone, another one is read from its beginning', async () => {
  const first = await readPage(paged(), question(20))
  const { member } = parseCursor(first.next ?? '')
  assert.ok(member > 0)
  const others = paged((one) => one !== member)
  const next = await readPage(others, question(1000, first.next ?? ''))
  const found = new Set([...first.items, ...next.items].map(({ key }) => key))
  assert.equal(found.size, ITEMS)
})

test('a shard that no live member has is named, the others are read', async () => {
  const page = await readPage(
    paged(() => false),
    question(1000),
  )
  assert.deepEqual(page.missingShards, [0, 1, 2])
  assert.equal(page.next, null)
  await assert.rejects(
    readItems(
      paged(() => false),
      ['item-1'],
    ),
    EngineError,
  )
})
