// Twenty deaths at random moments under load: engine processes killed or frozen, managers killed,
// whole nodes killed and brought back. Every acknowledged key is read back afterwards, and it is
// printed how long each shard could not be written.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { LocalStore } from '../packages/holdfast/src/picture/local-store.ts'
import { figure } from './harness/figures.ts'
import { KeyWriter, keysMissing } from './harness/key-writer.ts'
import { ShardProber } from './harness/shard-prober.ts'
import { missing, onStage } from './harness/stage.ts'
import { primaryPids } from './harness/store-engines.ts'
import { until } from './harness/until.ts'

const DEATHS = 20
const RANDOM_MOMENT_MAX_MS = 300
const FROZEN_MS = 2500
const WRITABLE_TIMEOUT_MS = 60_000
const COPIES_TIMEOUT_MS = 120_000

type Death = 'engine killed' | 'engine frozen' | 'manager killed' | 'node killed'

/** The order is shuffled; most deaths are those of one process. */
const KINDS: readonly Death[] = [
  ...Array.from({ length: DEATHS - 9 }, () => 'engine killed' as const),
  ...Array.from({ length: 3 }, () => 'engine frozen' as const),
  ...Array.from({ length: 2 }, () => 'manager killed' as const),
  ...Array.from({ length: 4 }, () => 'node killed' as const),
]

const title = `${DEATHS} random deaths under load lose no acknowledged write`

test(title, { skip: missing('engine') }, async (t) => {
  await onStage(t, { nodes: 3 }, async ({ store, apps }) => {
    const proxy = await apps.addProxy(store.streamUrls())
    const prober = new ShardProber(proxy)
    const writer = KeyWriter.start({ port: proxy.port, name: 'key' })
    const outages = new Map<Death, number[]>()
    try {
      await prober.start()
      for (const kind of shuffled(KINDS)) {
        await delay(Math.random() * RANDOM_MOMENT_MAX_MS)
        const outageMs = await playDeath(kind, store, prober)
        outages.set(kind, [...(outages.get(kind) ?? []), outageMs])
        await store.untilFullCopies(COPIES_TIMEOUT_MS)
      }
    } finally {
      await Promise.all([prober.stop(), writer.stop()])
    }
    printOutages(t, outages)
    const lost = await keysMissing(proxy.port, [writer])
    figure(t, 'acknowledged keys lost', lost.length, `of ${writer.stored.size}`)
    figure(t, 'writes refused', writer.refused.length + prober.refused.length)
    assert.deepEqual(lost.slice(0, 5), [])
    assert.deepEqual([...writer.refused, ...prober.refused].slice(0, 5), [])
  })
})

/** Resolves with the milliseconds until every shard was writable. */
async function playDeath(kind: Death, store: LocalStore, prober: ShardProber): Promise<number> {
  const node = 1 + Math.floor(Math.random() * store.nodes.length)
  const engines = kind.startsWith('engine') ? primaryPids(store) : []
  const engine = engines[Math.floor(Math.random() * engines.length)] ?? 0
  const atMs = performance.now()
  if (kind === 'engine killed') process.kill(engine, 'SIGKILL')
  else if (kind === 'engine frozen') process.kill(engine, 'SIGSTOP')
  else if (kind === 'manager killed') store.nodes[node - 1]?.daemon?.kill()
  else await store.kill(node)
  await until('all shards are writable', WRITABLE_TIMEOUT_MS, () =>
    Number.isFinite(prober.toWritableMs(atMs)),
  )
  const outageMs = prober.toWritableMs(atMs)
  if (kind === 'engine frozen') {
    await delay(FROZEN_MS)
    thaw(engine)
  } else if (kind === 'manager killed') {
    await store.nodes[node - 1]?.daemon?.ended()
    await store.restartManager(node)
  } else if (kind === 'node killed') {
    await store.revive(node)
  }
  return outageMs
}

/** One that was silent for too long may have been replaced meanwhile. */
function thaw(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

function printOutages(t: TestContext, outages: ReadonlyMap<Death, readonly number[]>): void {
  for (const [kind, measured] of outages) {
    const sorted = measured.toSorted((a, b) => a - b)
    const middle = sorted[sorted.length >> 1] ?? 0
    figure(
      t,
      `ms to writable, ${kind}`,
      sorted.at(-1) ?? 0,
      `slowest of ${sorted.length}, median ${middle}`,
    )
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
