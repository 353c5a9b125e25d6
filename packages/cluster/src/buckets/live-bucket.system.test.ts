/** Buckets on real engines: changed while they serve, emptied, full, deleted behind someone's back. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Bucket } from '../document/cluster-document.ts'
import { keyIn, LocalCluster, type LocalEngine } from '../test-support/local-cluster.ts'
import { engineMemory } from './quota.ts'

const MEGABYTE = 1024 * 1024
const PATH = '/pools/default/buckets'

let cluster: LocalCluster
let bucket: Bucket

before(async () => {
  cluster = await LocalCluster.start(3)
  bucket = await cluster.makeBucket({ name: 'live', shards: '3', ramQuotaMB: '200' })
})

after(() => cluster?.stop())

async function enginesOf(of: Bucket): Promise<LocalEngine[]> {
  const shards = cluster.bucket(of.name).shards.entries()
  const places = [...shards].flatMap(([index, shard]) =>
    shard.instances.map(({ member }) => ({ index, member })),
  )
  return Promise.all(places.map(({ index, member }) => cluster.engine(member, of, index)))
}

async function setting({ control }: LocalEngine, name: string): Promise<string> {
  const answer = await control.call('CONFIG', 'GET', name)
  return Array.isArray(answer) ? String(answer[1]) : ''
}

async function everyEngineHas(name: string, value: string): Promise<void> {
  const engines = await enginesOf(bucket)
  await cluster.until(`${name} is ${value} everywhere`, async () => {
    const values = await Promise.all(engines.map((engine) => setting(engine, name)))
    return values.every((one) => one === value)
  })
  for (const { folder } of engines) {
    assert.ok((await readFile(join(folder, 'engine.conf'), 'utf8')).includes(`${name} ${value}\n`))
  }
}

async function fill(of: Bucket, shard: number, megabytes: number, options = { from: 0 }) {
  const { control } = await cluster.primary(of, shard)
  const value = 'x'.repeat(MEGABYTE)
  for (let i = 0; i < megabytes; i++) {
    await control.call('SET', keyIn(of, shard, `large-${options.from + i}`), value)
  }
}

async function itemCount(name: string): Promise<number> {
  const answer = await cluster.request('GET', `${PATH}/${name}`)
  const body = (await answer.json()) as { basicStats: { itemCount: number } }
  return body.basicStats.itemCount
}

test('eviction, persistence and quota reach running engines and their files', async () => {
  await cluster.post(`${PATH}/live`, { eviction: 'expiring', persistence: 'always' })
  await everyEngineHas('maxmemory-policy', 'volatile-ttl')
  await everyEngineHas('appendfsync', 'always')
  await cluster.post(`${PATH}/live`, { persistence: 'none' })
  await everyEngineHas('appendonly', 'no')
  await cluster.post(`${PATH}/live`, { persistence: 'everysec', eviction: 'refuse' })
  await everyEngineHas('appendonly', 'yes')
  await cluster.post(`${PATH}/live`, { ramQuotaMB: '240' })
  const { totalBytes } = engineMemory(cluster.node(1).document, cluster.bucket('live'))
  await everyEngineHas('maxmemory', String(totalBytes))
})

test('a quota is not set below what the fullest engine holds', async () => {
  await fill(bucket, 0, 60)
  await cluster.until('the use is known', () => {
    const member = cluster.bucket('live').shards[0]?.primary ?? 0
    const usage = cluster.status(member, bucket, 0)?.usage
    return (usage?.itemBytes ?? 0) > 60 * MEGABYTE
  })
  const refused = await cluster.request('POST', `${PATH}/live`, { ramQuotaMB: '110' })
  assert.equal(refused.status, 400)
  const body = (await refused.json()) as { errors: object; summaries: { ramSummary: object } }
  assert.deepEqual(body.errors, { ramQuotaMB: 'RAM quota cannot be set below current usage.' })
  assert.ok('thisUsed' in body.summaries.ramSummary)
})

test('a check changes nothing', async () => {
  const form = { ramQuotaMB: '250' }
  const checked = await cluster.request('POST', `${PATH}/live?just_validate=1`, form)
  assert.equal(checked.status, 202)
  assert.equal(cluster.bucket('live').ramMegabytes, 240)
  const another = { name: 'other', ramQuotaMB: '100' }
  const made = await cluster.request('POST', `${PATH}?just_validate=1`, another)
  assert.equal(made.status, 200)
  assert.deepEqual(Object.keys((await made.json()) as object).sort(), [
    'errors',
    'summaries',
    'warnings',
  ])
  assert.equal((await cluster.request('GET', `${PATH}/other`)).status, 404)
})

test('a flush empties every shard and its replicas', async () => {
  for (const shard of [0, 1, 2]) await fill(bucket, shard, 2)
  await cluster.until('items are counted', async () => (await itemCount('live')) > 0)
  await cluster.post(`${PATH}/live/controller/doFlush`)
  for (const { control } of await enginesOf(bucket)) {
    assert.equal(Number(await control.call('DBSIZE')), 0)
  }
  await cluster.until('no items are counted', async () => (await itemCount('live')) === 0)
})

test('a flush that does not reach a shard says so', async () => {
  const { pid } = await cluster.primary(bucket, 1)
  process.kill(pid, 'SIGSTOP')
  const answer = await cluster.request('POST', `${PATH}/live/controller/doFlush`)
  process.kill(pid, 'SIGCONT')
  assert.equal(answer.status, 503)
  assert.equal(await answer.text(), 'Unexpected error flushing buckets')
  await cluster.untilWhole('live')
})

test('replicas come and go with replicaNumber, and durability with them', async () => {
  await cluster.post(`${PATH}/live`, { replicaNumber: '0' })
  await cluster.until('one copy of each shard is left', () =>
    cluster.bucket('live').shards.every((s) => s.instances.length === 1),
  )
  assert.equal(cluster.bucket('live').durability, 'none')
  await cluster.post(`${PATH}/live`, { replicaNumber: '2' })
  assert.equal(cluster.bucket('live').durability, 'replicated')
  await cluster.untilWhole('live')
  assert.ok(cluster.bucket('live').shards.every((s) => s.replicas.length === 2))
})

test('the owner of a bucket changes it by its own password; a bucket without one has none', async () => {
  const { restPort } = cluster.node(2).selfMember
  const as = (user: string, password: string) =>
    fetch(`http://127.0.0.1:${restPort}${PATH}/live`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      },
      body: new URLSearchParams({ degradedWrites: 'refuse' }),
    })
  assert.equal((await as('live', '')).status, 401)
  await cluster.post(`${PATH}/live`, { saslPassword: 'secret' })
  assert.equal((await as('live', 'wrong')).status, 401)
  assert.equal((await as('live', 'secret')).status, 200)
  assert.equal(cluster.bucket('live').degradedWrites, 'refuse')
})

test('a bucket that is deleted while a node is away is gone from it when it returns', async () => {
  const [engine] = (await enginesOf(bucket)).filter(({ member }) => member === 3)
  assert.ok(engine)
  await cluster.stopNode(3)
  assert.ok(existsSync(engine.folder))
  await cluster.order('DELETE', `${PATH}/live`)
  await cluster.startNode(3)
  await cluster.until('its files are gone', () => !existsSync(engine.folder))
})

test('a full bucket refuses, says so, and takes items again with a larger quota', async () => {
  const full = await cluster.makeBucket({ name: 'full', shards: '1', replicaNumber: '0' })
  await assert.rejects(fill(full, 0, 130), /OOM/)
  const member = full.shards[0]?.primary ?? 0
  await cluster.until('its trouble is told', () => {
    return cluster.status(member, full, 0)?.trouble === 'memoryFull'
  })
  await cluster.post(`${PATH}/full`, { ramQuotaMB: '200' })
  await cluster.until('it is well again', () => cluster.status(member, full, 0)?.trouble === null)
  await fill(full, 0, 20, { from: 1000 })
})

test('a memcached bucket drops items when it is full', async () => {
  const form = { name: 'cache', bucketType: 'memcached', ramQuotaMB: '64', shards: '1' }
  const cache = await cluster.makeBucket(form)
  await fill(cache, 0, 90)
  const { control } = await cluster.primary(cache, 0)
  const left = Number(await control.call('DBSIZE'))
  assert.ok(left > 30 && left < 66, String(left))
})

test('the default bucket is set up anew while it holds nothing', async () => {
  await cluster.post('/controller/setupDefaultBucket', { ramQuotaMB: '100', replicaNumber: '1' })
  await cluster.untilWhole('default')
  await cluster.post('/controller/setupDefaultBucket', { ramQuotaMB: '120', replicaNumber: '0' })
  await cluster.untilWhole('default')
  const made = cluster.bucket('default')
  assert.deepEqual([made.ramMegabytes, made.replicaCount], [120, 0])
  const { control } = await cluster.primary(made, 0)
  await control.call('SET', keyIn(made, 0, 'kept'), 'x')
  await cluster.until('the item is counted', async () => (await itemCount('default')) === 1)
  const refused = await cluster.request('POST', '/controller/setupDefaultBucket', {})
  assert.equal(refused.status, 400)
})

test('the memory quota keeps to the machine and to the buckets', async () => {
  const set = (memoryQuota: string) => cluster.request('POST', '/pools/default', { memoryQuota })
  const small = await set('100')
  assert.equal(small.status, 400)
  assert.match(await small.text(), /too small. Quota must be between 256 MB and \d+ MB/)
  assert.match(await (await set('99999999')).text(), /too large/)
  assert.match(await (await set('x')).text(), /must be a number/)
  assert.equal((await set('300')).status, 400)
  assert.equal((await set('1000')).status, 200)
  const large = await cluster.request('POST', PATH, { name: 'large', ramQuotaMB: '700' })
  assert.match(await large.text(), /too large to be provisioned/)
})
