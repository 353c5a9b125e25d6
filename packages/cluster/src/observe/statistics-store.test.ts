import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { STORED_STATS } from './stat-table.ts'
import { ARCHIVES, StatisticsStore, SYSTEM } from './statistics-store.ts'

let folder = ''
const START_MS = 1_700_000_006_400_000 / 1000
const T0 = Math.floor(START_MS / 21_600_000) * 21_600_000

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-statistics-'))
})

after(() => rm(folder, { recursive: true, force: true }))

/** All statistics at zero but the first. */
function sampleOf(bucket: string, ops: number) {
  return { bucket, values: STORED_STATS.map((_, index) => (index === 0 ? ops : 0)) }
}

test('a sample a second is shown as it was, and averaged where the step is coarser', () => {
  const store = new StatisticsStore(join(folder, 'a'))
  for (let i = 0; i < 10; i++) store.add(T0 + i * 1000 + 3, [sampleOf('x', i), sampleOf('y', 100)])
  const read = (stepMs: number) =>
    store.read({ buckets: ['x'], zoom: 'minute', stepMs, fromMs: T0 + 4000, stats: ['ops'] })
  assert.deepEqual(read(1000), {
    timestamps: [4, 5, 6, 7, 8, 9].map((s) => T0 + s * 1000),
    values: { ops: [4, 5, 6, 7, 8, 9] },
  })
  assert.deepEqual(read(4000), {
    timestamps: [T0 + 4000, T0 + 8000],
    values: { ops: [5.5, 8.5] },
  })
  store.close()
})

test('archives are rolled up, bounded, and there after a restart', () => {
  const path = join(folder, 'b')
  const store = new StatisticsStore(path)
  for (let i = 0; i < 1200; i++) store.add(T0 + i * 1000, [sampleOf('x', i)])
  store.close()
  const again = new StatisticsStore(path)
  const read = (zoom: 'minute' | 'hour' | 'day') => {
    const stepMs = ARCHIVES.find((one) => one.zoom === zoom)?.stepMs ?? 0
    return again.read({ buckets: ['x'], zoom, stepMs, fromMs: 0, stats: ['ops'] })
  }
  const hour = read('hour')
  assert.ok(hour.timestamps.length >= 290 && hour.timestamps.length <= 300)
  assert.equal(hour.timestamps.at(-1), T0 + 1192 * 1000)
  assert.equal(hour.values.ops?.at(-1), 1193.5)
  const day = read('day')
  assert.deepEqual(day.timestamps.slice(0, 2), [T0, T0 + 60_000])
  assert.equal(day.values.ops?.[1], 89.5)
  assert.ok(read('minute').timestamps.length < 80)
  again.close()
})

test('several buckets are added up, the machine among them', () => {
  const store = new StatisticsStore(join(folder, 'sum'))
  const last = STORED_STATS.at(-1) ?? ''
  const machine = STORED_STATS.map((name) => (name === last ? 9 : null))
  const own = (ops: number) => STORED_STATS.map((_, index) => (index === 0 ? ops : null))
  for (let i = 0; i < 4; i++) {
    store.add(T0 + i * 1000, [
      { bucket: 'x', values: own(i) },
      { bucket: 'y', values: own(10) },
      { bucket: SYSTEM, values: machine },
    ])
  }
  const stats = ['ops', last]
  const buckets = ['x', 'y', SYSTEM]
  const { values } = store.read({ buckets, zoom: 'minute', stepMs: 4000, fromMs: 0, stats })
  assert.deepEqual(values, { ops: [11.5], [last]: [9] })
  store.close()
})

test('of times the worst bucket counts, and seconds without any do not', () => {
  const store = new StatisticsStore(join(folder, 'max'))
  const of = (ms: number | null) => STORED_STATS.map((name) => (name === 'get_p99_ms' ? ms : null))
  for (const [index, ms] of [4, null, 8, null].entries()) {
    store.add(T0 + index * 1000, [
      { bucket: 'x', values: of(ms) },
      { bucket: 'y', values: of(1) },
    ])
  }
  const stats = ['get_p99_ms']
  const { values } = store.read({
    ...{ buckets: ['x', 'y'], zoom: 'minute', stepMs: 4000, fromMs: 0, stats },
  })
  assert.deepEqual(values, { get_p99_ms: [6] })
  store.close()
})

test('buckets that are gone are forgotten', () => {
  const store = new StatisticsStore(join(folder, 'c'))
  store.add(T0, [sampleOf('x', 1), sampleOf('y', 1)])
  store.keep(['y'])
  const count = (bucket: string) =>
    store.read({ buckets: [bucket], zoom: 'minute', stepMs: 1000, fromMs: 0 }).timestamps.length
  assert.deepEqual([count('x'), count('y')], [0, 1])
  store.close()
})

test('a file that is damaged is made anew', async () => {
  const path = join(folder, 'd')
  await writeFile(path, 'no database at all, but long enough to be looked at as one'.repeat(50))
  const store = new StatisticsStore(path)
  store.add(T0, [sampleOf('x', 7)])
  const { values } = store.read({ buckets: ['x'], zoom: 'minute', stepMs: 1000, fromMs: 0 })
  assert.deepEqual(values.ops, [7])
  store.close()
})

test('a file of a version with fewer statistics is taken up', () => {
  const path = join(folder, 'e')
  const old = new DatabaseSync(path)
  old.exec(
    'CREATE TABLE minute (bucket TEXT NOT NULL, t INTEGER NOT NULL, "ops" REAL, ' +
      'PRIMARY KEY (t, bucket)) WITHOUT ROWID',
  )
  old.prepare('INSERT INTO minute VALUES (?, ?, ?)').run('x', T0, 5)
  old.close()
  const store = new StatisticsStore(path)
  const { values } = store.read({ buckets: ['x'], zoom: 'minute', stepMs: 1000, fromMs: 0 })
  assert.deepEqual([values.ops, values.curr_items], [[5], [0]])
  store.close()
})
