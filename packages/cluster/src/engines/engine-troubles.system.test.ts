/**
 * Engines that cannot go on by themselves: damaged files, a full disk. Each with real engines: what
 * state is told, what comes back alone, and that the last copy of anything is never removed.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { Bucket } from '../document/cluster-document.ts'
import type { EngineTrouble } from '../membership/messages.ts'
import { keyIn, LocalCluster, type LocalEngine } from '../test-support/local-cluster.ts'

const run = promisify(execFile)
const ITEMS = 200
const VALUE_LENGTH = 500
const REPLICATED_MS = 400

let cluster: LocalCluster
let pair: Bucket
let single: Bucket

before(async () => {
  cluster = await LocalCluster.start(2)
  pair = await cluster.makeBucket({ name: 'pair', shards: '2', replicaNumber: '1' })
  single = await cluster.makeBucket({ name: 'single', shards: '1', replicaNumber: '0' })
  await write(pair, 0)
  await write(single, 0)
})

after(() => cluster?.stop())

async function write(bucket: Bucket, shard: number): Promise<void> {
  const { control } = await cluster.primary(bucket, shard)
  const value = 'v'.repeat(VALUE_LENGTH)
  for (let i = 0; i < ITEMS; i++) await control.call('SET', keyIn(bucket, shard, `k${i}`), value)
  await control.call('WAIT', bucket.replicaCount, 1000)
}

async function holdsAll(bucket: Bucket, shard: number): Promise<boolean> {
  try {
    const { control } = await cluster.primary(bucket, shard)
    if (Number(await control.call('DBSIZE')) !== ITEMS) return false
    return (
      (await control.text('GET', keyIn(bucket, shard, `k${ITEMS - 1}`))).length === VALUE_LENGTH
    )
  } catch {
    return false
  }
}

/** The primary has every item, and so has the copy that was in trouble. */
async function untilBothHoldAll(mended: LocalEngine): Promise<void> {
  await cluster.until('both copies have all items', async () => {
    const count = await mended.control.call('DBSIZE').catch(() => 0)
    return Number(count) === ITEMS && (await holdsAll(pair, 0))
  })
}

async function replicaOf(bucket: Bucket, shard: number): Promise<LocalEngine> {
  const [member] = cluster.bucket(bucket.name).shards[shard]?.replicas ?? []
  assert.ok(member)
  return cluster.engine(member, bucket, shard)
}

/** Path of the file that the engine appends to. */
async function aofOf({ folder }: LocalEngine): Promise<string> {
  const files = await readdir(join(folder, 'appendonlydir'))
  const name = files
    .filter((file) => file.endsWith('.incr.aof'))
    .sort()
    .at(-1)
  assert.ok(name)
  return join(folder, 'appendonlydir', name)
}

/**
 * Damage in the middle, which the engine cannot cut off as it does with a torn end; longer than a
 * value, as there is no checksum on what lies within one.
 */
async function damageAof(engine: LocalEngine): Promise<void> {
  // After a full sync the engine writes its file anew: what is damaged before that is replaced.
  await cluster.until('the file is not being rewritten', async () => {
    const info = await engine.control.text('INFO', 'persistence')
    return info.includes('aof_rewrite_in_progress:0') && info.includes('aof_rewrite_scheduled:0')
  })
  await using file = await open(await aofOf(engine), 'r+')
  const { size } = await file.stat()
  await file.write('!'.repeat(2 * VALUE_LENGTH), Math.floor(size / 2))
}

function kill({ pid }: LocalEngine): void {
  process.kill(pid, 'SIGKILL')
}

async function untilReplaced(old: LocalEngine, bucket: Bucket, shard: number): Promise<void> {
  await cluster.until('another process runs', async () => {
    const { pid } = await cluster.engine(old.member, bucket, shard)
    return pid !== old.pid && cluster.status(old.member, bucket, shard)?.state === 'running'
  })
}

/** A trouble may be over within a moment: the log is asked too. */
async function untilTold(
  engine: LocalEngine,
  bucket: Bucket,
  shard: number,
  trouble: EngineTrouble,
): Promise<void> {
  await cluster.until(`${trouble} is told`, () => {
    return cluster.troublesTold.includes(`${bucket.name} ${shard} ${engine.member} ${trouble}`)
  })
}

test('a torn end of the append-only file is cut off', async () => {
  const engine = await cluster.primary(single, 0)
  await engine.control.call('CONFIG', 'SET', 'appendfsync', 'everysec')
  kill(engine)
  const path = await aofOf(engine)
  const text = await readFile(path)
  await writeFile(path, Buffer.concat([text, Buffer.from('*3\r\n$3\r\nSET\r\n$9\r\n{torn')]))
  await untilReplaced(engine, single, 0)
  await cluster.until('all items are there', () => holdsAll(single, 0))
})

test('a replica with a damaged append-only file is emptied and filled by the primary', async () => {
  const replica = await replicaOf(pair, 0)
  await damageAof(replica)
  kill(replica)
  await untilTold(replica, pair, 0, 'dataDamaged')
  await untilReplaced(replica, pair, 0)
  await cluster.untilWhole('pair')
  await untilBothHoldAll(replica)
})

test('a primary with a damaged append-only file is replaced, then filled by its replica', async () => {
  const primary = await cluster.primary(pair, 0)
  await damageAof(primary)
  kill(primary)
  await untilTold(primary, pair, 0, 'dataDamaged')
  await untilReplaced(primary, pair, 0)
  await cluster.untilWhole('pair')
  await untilBothHoldAll(primary)
})

test('an engine whose nodes.conf is damaged comes back as another and is filled', async () => {
  for (const engine of [await replicaOf(pair, 0), await cluster.primary(pair, 0)]) {
    const before = await engine.control.text('CLUSTER', 'MYID')
    await writeFile(join(engine.folder, 'nodes.conf'), 'nonsense')
    kill(engine)
    await untilReplaced(engine, pair, 0)
    await cluster.untilWhole('pair')
    await untilBothHoldAll(engine)
    assert.notEqual(await engine.control.text('CLUSTER', 'MYID'), before)
  }
})

test('the last copy keeps its items when its nodes.conf is damaged', async () => {
  const engine = await cluster.primary(single, 0)
  await writeFile(join(engine.folder, 'nodes.conf'), 'nonsense')
  kill(engine)
  await untilReplaced(engine, single, 0)
  await cluster.until('all items are there', () => holdsAll(single, 0))
  const other = await cluster.makeBucket({ name: 'proof', shards: '1', replicaNumber: '0' })
  assert.ok(other.shards[0]?.created, 'the cluster goes on')
})

test('the last copy is never removed: it waits for a person, and serves when it is mended', async () => {
  const engine = await cluster.primary(single, 0)
  const path = await aofOf(engine)
  await copyFile(path, `${path}.kept`)
  await damageAof(engine)
  const damaged = await readFile(path)
  kill(engine)
  await cluster.until('its trouble is told', () => {
    return cluster.status(engine.member, single, 0)?.trouble === 'dataDamaged'
  })
  assert.deepEqual(await readFile(path), damaged)
  const view = await cluster.request('GET', '/pools/default/buckets/single')
  assert.deepEqual(((await view.json()) as { troubles: object }).troubles, { dataDamaged: 1 })
  await copyFile(`${path}.kept`, path)
  await untilReplaced(engine, single, 0)
  await cluster.until('all items are there', () => holdsAll(single, 0))
  assert.equal(cluster.status(engine.member, single, 0)?.trouble, null)
})

/** Stores an item; false when it was refused, or is not known to be on that many replicas. */
async function isStored(
  { control }: LocalEngine,
  key: string,
  value: string,
  replicas: number,
): Promise<boolean> {
  try {
    await control.call('SET', key, value)
    return Number(await control.call('WAIT', replicas, REPLICATED_MS)) >= replicas
  } catch {
    return false
  }
}

/** 0 while the engine does not answer. */
async function itemsOn(
  of: LocalCluster,
  member: number,
  bucket: Bucket,
  shard: number,
): Promise<number> {
  try {
    const { control } = await of.engine(member, bucket, shard)
    return Number(await control.call('DBSIZE'))
  } catch {
    return 0
  }
}

/** A disk of that size for a folder; false where this process may not mount one. */
async function mountDisk(path: string, size: string): Promise<boolean> {
  await mkdir(path, { recursive: true })
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path])
    return true
  } catch {
    return false
  }
}

test('a full disk: writes go on at the other copy, and all is whole when there is room', async (t) => {
  const cleanup = new AsyncDisposableStack()
  t.after(() => cleanup.disposeAsync())
  const own = cleanup.adopt(await LocalCluster.start(2), (started) => started.stop())
  const disk = join(own.folderOf(2), 'engines')
  if (!(await mountDisk(disk, '3m'))) {
    t.skip('may not mount a small disk')
    return
  }
  cleanup.defer(async () => void (await run('umount', [disk])))
  cleanup.defer(() => own.stopNodes())
  const bucket = await own.makeBucket({ name: 'tight', shards: '2', replicaNumber: '1' })
  const index = bucket.shards.findIndex((shard) => shard.primary === 2)
  const value = 'v'.repeat(10_000)
  const small = await own.primary(bucket, index)
  let written = 0
  await own.until('its disk is full and that is told', async () => {
    if (await isStored(small, keyIn(bucket, index, `d${written}`), value, 1)) written++
    return own.troublesTold.includes(`tight ${index} 2 diskFull`)
  })
  let takenBy = 0
  await own.until('writes go on', async () => {
    const primary = await own.primary(bucket, index).catch(() => null)
    if (primary === null) return false
    takenBy = primary.member
    // What was refused last may have been stored all the same: with its key the count is known.
    const key = keyIn(bucket, index, `d${written}`)
    // A write counts when all the replicas have it that the document lists.
    const { replicas = [] } = own.bucket('tight').shards[index] ?? {}
    return isStored(primary, key, value, replicas.length)
  })
  assert.equal(takenBy, 1)
  await run('mount', ['-o', 'remount,size=200m', disk])
  await own.until('both copies have all items', async () => {
    const counts = await Promise.all([1, 2].map((member) => itemsOn(own, member, bucket, index)))
    return counts.every((count) => count === written + 1)
  })
  await own.untilWhole('tight')
  await own.until('no engine is in trouble', () => {
    const { engines } = own.node(2).supervisor.status()
    return engines.every((engine) => engine.trouble === null)
  })
})
