// A client program over the official Couchbase SDK, as a process of its own: the SDK's native part
// ends its process when it is given a config that it cannot read. It asserts what it does itself
// and fails with what went wrong.
//
//   node couchbase-program.ts items CONNECTION BUCKET PASSWORD
//   node couchbase-program.ts writes CONNECTION BUCKET PASSWORD   (until its input ends)
import assert from 'node:assert/strict'
import {
  CasMismatchError,
  type Collection,
  connect,
  DocumentExistsError,
  DocumentLockedError,
  DocumentNotFoundError,
  DurabilityImpossibleError,
  DurabilityLevel,
} from 'couchbase'

const WRITERS = 8
/** A machine that is busy with other things fails no operation of the first program. */
const PATIENT = { connectTimeout: 30_000, bootstrapTimeout: 30_000, kvTimeout: 30_000 }
/** What waits for a node that is gone waits no longer than this. */
const BRISK = { ...PATIENT, kvTimeout: 2500, kvDurableTimeout: 4000 }
/** An operation that fails is tried again for so long. */
const GIVE_UP_MS = 60_000
const PAUSE_MS = 20
/** It tells how far it is after so many writes. */
const WRITES_A_LINE = 100
const READS_AT_A_TIME = 50

const [, , program = '', connection = '', bucketName = '', password = ''] = process.argv
const cluster = await connect(connection, {
  username: bucketName,
  password,
  timeouts: program === 'items' ? PATIENT : BRISK,
})
const collection = cluster.bucket(bucketName).defaultCollection()
if (program === 'items') await useItems(collection)
else await writeUntilToldToStop(collection)
await cluster.close()
process.exit(0)

/** Every operation that a program of today does to single items. */
async function useItems(items: Collection): Promise<void> {
  const durable = { durabilityLevel: DurabilityLevel.Majority }
  await items.upsert('a', { n: 1 })
  const read = await items.get('a')
  assert.deepEqual(read.content, { n: 1 })
  assert.equal((await items.exists('a')).exists, true)
  assert.equal((await items.exists('missing')).exists, false)
  await assert.rejects(items.get('missing'), DocumentNotFoundError)
  await assert.rejects(items.insert('a', 1), DocumentExistsError)

  const replaced = await items.replace('a', { n: 2 }, { cas: read.cas })
  await assert.rejects(items.replace('a', { n: 3 }, { cas: read.cas }), CasMismatchError)
  assert.equal(String((await items.get('a')).cas), String(replaced.cas))

  await items.touch('a', 100)
  assert.deepEqual((await items.getAndTouch('a', 100)).content, { n: 2 })

  const locked = await items.getAndLock('a', 15)
  assert.deepEqual(locked.content, { n: 2 })
  await assert.rejects(items.upsert('a', { n: 4 }, { timeout: 500 }), isLocked)
  await items.unlock('a', locked.cas)
  await items.upsert('a', { n: 5 })
  const again = await items.getAndLock('a', 15)
  await items.replace('a', { n: 6 }, { cas: again.cas })
  await items.upsert('a', { n: 7 })

  const counters = items.binary()
  assert.equal((await counters.increment('c', 1, { initial: 10 })).value, 10)
  assert.equal((await counters.increment('c', 5)).value, 15)
  assert.equal((await counters.decrement('c', 3)).value, 12)

  await items.upsert('d', 'durable', durable)
  await items.replace('d', 'still', durable)
  await items.remove('d', durable)
  await assert.rejects(items.get('d'), DocumentNotFoundError)
  await assert.rejects(
    items.upsert('p', 1, { durabilityLevel: DurabilityLevel.PersistToMajority, timeout: 2000 }),
    DurabilityImpossibleError,
  )
  // Keys of every node: the map is followed.
  await Promise.all(Array.from({ length: 200 }, (_, i) => items.upsert(`k${i}`, i)))
  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => items.get(`k${i}`)))
  assert.deepEqual(
    all.map(({ content }) => content),
    Array.from({ length: 200 }, (_, i) => i),
  )
  console.log('all items as they should be')
}

/** The SDK may go on trying until its time is over, and then says that it is the lock. */
function isLocked(error: unknown): boolean {
  if (error instanceof DocumentLockedError) return true
  return error instanceof Error && /timeout/i.test(error.name + error.message)
}

/**
 * Writes of growing numbers, half of the writers' durable, each to a key of its own and to the one
 * of its writer; all that was acknowledged is read back in the end.
 */
async function writeUntilToldToStop(items: Collection): Promise<void> {
  let stopped = false
  process.stdin.once('end', () => {
    stopped = true
  })
  process.stdin.resume()
  const failures = new Map<string, number>()
  const acknowledged: number[] = Array.from({ length: WRITERS }, () => 0)
  let writes = 0
  let longestMs = 0
  const write = async (writer: number): Promise<void> => {
    for (let n = 1; !stopped; n++) {
      const startedMs = performance.now()
      const level = writer % 2 === 0 ? DurabilityLevel.Majority : DurabilityLevel.None
      const value = { n }
      await persist(failures, () =>
        items.upsert(`writer-${writer}`, value, { durabilityLevel: level }),
      )
      acknowledged[writer] = n
      writes++
      if (writes % WRITES_A_LINE === 0) console.log(`writes ${writes}`)
      longestMs = Math.max(longestMs, performance.now() - startedMs)
      const each = `writer-${writer}-${n}`
      await persist(failures, () => items.upsert(each, value, { durabilityLevel: level }))
    }
  }
  await Promise.all(acknowledged.map((_, writer) => write(writer)))
  let checked = 0
  for (const [writer, last] of acknowledged.entries()) {
    const final = await persist(failures, () => items.get(`writer-${writer}`))
    assert.equal(final.content.n, last)
    for (let from = 1; from <= last; from += READS_AT_A_TIME) {
      const count = Math.min(READS_AT_A_TIME, last - from + 1)
      const numbers = Array.from({ length: count }, (_, i) => from + i)
      const read = await Promise.all(
        numbers.map((n) => persist(failures, () => items.get(`writer-${writer}-${n}`))),
      )
      assert.deepEqual(
        read.map(({ content }) => content.n),
        numbers,
      )
      checked += count
    }
  }
  const told = { writes, checked, longestMs: Math.round(longestMs), failures: [...failures] }
  console.log(`done ${JSON.stringify(told)}`)
}

/** Repeats what fails, as an application would. */
async function persist<T>(failures: Map<string, number>, act: () => Promise<T>): Promise<T> {
  const giveUpMs = performance.now() + GIVE_UP_MS
  for (;;) {
    try {
      return await act()
    } catch (error) {
      const name = error instanceof Error ? error.name : String(error)
      failures.set(name, (failures.get(name) ?? 0) + 1)
      if (performance.now() > giveUpMs) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}
