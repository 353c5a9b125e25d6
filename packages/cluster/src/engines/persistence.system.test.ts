/**
 * What each mode of persistence keeps when all engines of a bucket are killed at once while it
 * takes writes. Prints what was lost. The promise, in docs/internals/promises.md: with `everysec`
 * nothing that was acknowledged more than two seconds before, with `always` nothing at all.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Bucket } from '../document/cluster-document.ts'
import { keyIn, LocalCluster } from '../test-support/local-cluster.ts'

const WINDOW_MS = 2000
const WRITERS = 20
/** The kill comes once this many writes are acknowledged, and the window has passed twice. */
const WRITES_MIN = 2000
const WRITES_MAX = 200_000

let cluster: LocalCluster

before(async () => {
  cluster = await LocalCluster.start(2)
})

after(() => cluster?.stop())

interface Acknowledged {
  key: string
  atMs: number
}

/** Writes until `stopped`, a few at a time; each write is acknowledged when the replica has it. */
async function writeUntil(bucket: Bucket, stopped: () => boolean): Promise<Acknowledged[]> {
  const { control } = await cluster.primary(bucket, 0)
  const acknowledged: Acknowledged[] = []
  const value = 'v'.repeat(200)
  for (let round = 0; !stopped() && acknowledged.length < WRITES_MAX; round++) {
    const keys = Array.from({ length: WRITERS }, (_, i) => keyIn(bucket, 0, `${round}-${i}`))
    try {
      const writes = keys.map((key) => control.call('SET', key, value))
      const answers = await Promise.all([...writes, control.call('WAIT', 1, 400)])
      if (Number(answers.at(-1)) < 1) continue
    } catch {
      // On a busy machine an answer may be late: what is not known to be stored does not count.
      continue
    }
    const atMs = performance.now()
    for (const key of keys) acknowledged.push({ key, atMs })
  }
  return acknowledged
}

async function enginesOf(bucket: Bucket) {
  return Promise.all([1, 2].map((member) => cluster.engine(member, bucket, 0)))
}

/** Kills every engine under load; the acknowledged writes with how long before the kill each was. */
async function killAllUnderLoad(bucket: Bucket): Promise<{ key: string; ageMs: number }[]> {
  const engines = await enginesOf(bucket)
  const startMs = performance.now()
  let killedMs = 0
  let count = 0
  const writing = writeUntil(bucket, () => killedMs > 0)
  try {
    await cluster.until('enough is written', async () => {
      count = Number(await engines[0]?.control.call('DBSIZE').catch(() => 0))
      return count > WRITES_MIN && performance.now() - startMs > 2 * WINDOW_MS
    })
    for (const { pid } of engines) process.kill(pid, 'SIGKILL')
  } finally {
    killedMs = performance.now()
  }
  const acknowledged = await writing
  return acknowledged.map(({ key, atMs }) => ({ key, ageMs: killedMs - atMs }))
}

async function missing(bucket: Bucket, keys: readonly string[]): Promise<Set<string>> {
  const lost = new Set<string>()
  for (let from = 0; from < keys.length; from += 500) {
    const part = keys.slice(from, from + 500)
    let found: unknown = null
    await cluster.until('what is there is told', async () => {
      const { control } = await cluster.primary(bucket, 0)
      found = await control.call('MGET', ...part).catch(() => null)
      return Array.isArray(found)
    })
    const values: unknown[] = Array.isArray(found) ? found : []
    for (const [index, key] of part.entries()) if (values[index] === null) lost.add(key)
  }
  return lost
}

async function untilServing(bucket: Bucket, pids: readonly number[]): Promise<void> {
  await cluster.until('other processes run', async () => {
    const engines = await enginesOf(bucket)
    return engines.every(({ pid }) => !pids.includes(pid))
  })
  await cluster.untilWhole(bucket.name)
}

for (const persistence of ['everysec', 'always', 'none']) {
  test(`all engines killed at once, persistence ${persistence}`, async (t) => {
    const form = { name: persistence, persistence, shards: '1', replicaNumber: '1' }
    const bucket = await cluster.makeBucket(form)
    const pids = (await enginesOf(bucket)).map(({ pid }) => pid)
    const acknowledged = await killAllUnderLoad(bucket)
    assert.ok(acknowledged.length > WRITES_MIN / 2, String(acknowledged.length))
    await untilServing(bucket, pids)
    const lost = await missing(
      bucket,
      acknowledged.map(({ key }) => key),
    )
    const ages = acknowledged.filter(({ key }) => lost.has(key)).map(({ ageMs }) => ageMs)
    const oldestMs = Math.round(Math.max(0, ...ages))
    t.diagnostic(`${acknowledged.length} acknowledged, ${lost.size} lost, oldest ${oldestMs} ms`)
    if (persistence === 'none') assert.equal(lost.size, acknowledged.length)
    else if (persistence === 'always') assert.equal(lost.size, 0)
    else assert.ok(oldestMs < WINDOW_MS, `${oldestMs} ms`)
  })
}
