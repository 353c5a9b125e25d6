// What the original's test list misses: nothing is left in a server's memory of sessions that have
// come and gone. Seen by the gauges that metrics show, the timers of the process, and its heap.
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { until } from '@holdfast/client/testing'
import { Registry } from 'prom-client'
import { SessionManager } from '../session-manager.ts'
import { BehaviourStage, MODES, type Mode } from '../test-support/behaviour-stage.ts'
import { SECRET } from '../test-support/test-site.ts'

/** Those that keep something per session: the session itself, or its lock. */
const CAST = MODES.filter(({ name }) => name === 'sticky, none' || name === 'non-sticky, all')
const SESSIONS = 10_000
const AT_ONCE = 500
/** Expired sessions leave memory a thousand at a time, twice a second. */
const EXPIRY_TIMEOUT_MS = 60_000
const RELEASE_TIMEOUT_MS = 60_000
/** What ten thousand sessions would hold many times over. */
const HEAP_GROWTH_BYTES_MAX = 8 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

test('ten thousand sessions in each mode that are created, used and expired leave nothing behind', async (t) => {
  const watching = await Promise.all(CAST.map((mode) => watched(t, mode)))
  const expired = (): Promise<void> =>
    until(
      'they have expired',
      async () => (await Promise.all(watching.map(({ gauges }) => gauges()))).every(isIdle),
      EXPIRY_TIMEOUT_MS,
    )
  for (const { manager } of watching) await rounds(manager, AT_ONCE)
  await expired()
  const before = footprint()
  for (const { manager } of watching) await rounds(manager, SESSIONS)
  await expired()
  // What is weakly held, or waits for its turn to be let go, outlives one collection or two.
  await until(
    `timers and heap are as before: ${JSON.stringify(before)}`,
    () => {
      const { timers, heapBytes } = footprint()
      return timers <= before.timers && heapBytes - before.heapBytes < HEAP_GROWTH_BYTES_MAX
    },
    RELEASE_TIMEOUT_MS,
  )
})

interface Gauges {
  local: number
  queue: number
  locks: number
}

async function watched(
  t: TestContext,
  mode: Mode,
): Promise<{ manager: SessionManager; gauges: () => Promise<Gauges> }> {
  const stage = await BehaviourStage.open(t, mode)
  const { sticky, lockingMode } = mode
  const manager = new SessionManager({
    memcachedNodes: stage.nodes,
    secret: SECRET,
    sticky,
    lockingMode,
    maxInactiveInterval: 1,
    operationTimeout: 60_000,
    storeWait: 60_000,
  })
  t.after(() => manager.close())
  const registry = new Registry()
  manager.registerMetrics(registry)
  const gauge = async (name: string): Promise<number> => {
    const metric = await registry.getSingleMetric(`holdfast_session_${name}`)?.get()
    return metric?.values[0]?.value ?? Number.NaN
  }
  const gauges = async (): Promise<Gauges> => ({
    local: await gauge('sessions_local'),
    queue: await gauge('backup_queue_length'),
    locks: await gauge('locks_held'),
  })
  return { manager, gauges }
}

function isIdle({ local, queue, locks }: Gauges): boolean {
  return local === 0 && queue === 0 && locks === 0
}

async function rounds(manager: SessionManager, count: number): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => life(manager)))
  }
}

/** A session is created by one request and changed by another. */
async function life(manager: SessionManager): Promise<void> {
  const facts = { method: 'POST', url: '/change', raw: undefined }
  let cookie: string | undefined
  for (const word of ['first', 'second']) {
    const active = await manager.load(cookie === undefined ? [] : [cookie], facts)
    active.attributes.word = word
    active.accessed = true
    const { saved } = manager.commit(active)
    await saved
    manager.release(active)
    cookie = manager.cookieValue(active)
  }
}

function footprint(): { timers: number; heapBytes: number } {
  collectGarbage()
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  return { timers, heapBytes: process.memoryUsage().heapUsed }
}
