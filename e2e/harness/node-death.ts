// The main scene: a hundred visitors click through the balancer while every process of one store
// node is killed at a random moment, and later while it comes back. HOLDFAST_E2E_VICTIM=N in the
// environment names the node, to play a failure again.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { figure } from './figures.ts'
import { ShardProber } from './shard-prober.ts'
import { type Cast, onStage, type Stage } from './stage.ts'
import { until } from './until.ts'
import { Visitors } from './visitors.ts'

const VISITORS = 100
const APP_SERVERS = 4
const WARM_UP_ANSWERS = 3
const ANSWERS_AFTER_DEATH = 8
const ANSWERS_AFTER_RETURN = 5
const ANSWERS_TIMEOUT_MS = 120_000
const RANDOM_MOMENT_MAX_MS = 1_000
/** A proxy holds a request so long; how long it was on a quiet machine is printed. */
const WRITABLE_MAX_MS = 5_000
const COPIES_MAX_MS = 120_000
const RETURN_MAX_MS = 120_000

export interface NodeDeath {
  readonly nodes: number
  readonly arbiter: boolean
  readonly sticky: boolean
  /** Whether enough nodes survive for the missing copies to be placed on them. */
  readonly healsBeforeReturn: boolean
}

/** Plays the scene and asserts that nobody notices anything. */
export async function playNodeDeath(t: TestContext, options: NodeDeath): Promise<void> {
  const cast: Cast = {
    nodes: options.nodes,
    arbiter: options.arbiter,
    appServers: APP_SERVERS,
    sessions: { sticky: options.sticky, asyncBackup: false },
  }
  await onStage(t, cast, async (stage) => {
    const [proxy] = stage.apps.proxies
    assert.ok(proxy !== undefined)
    const visitors = new Visitors(stage.apps.entryPort, VISITORS)
    const prober = new ShardProber(proxy)
    try {
      await playWith(t, options, stage, visitors, prober)
    } finally {
      await Promise.all([prober.stop(), visitors.stop()])
      visitors.close()
    }
  })
}

async function playWith(
  t: TestContext,
  { nodes, healsBeforeReturn }: NodeDeath,
  stage: Stage,
  visitors: Visitors,
  prober: ShardProber,
): Promise<void> {
  const { store } = stage
  visitors.start()
  await prober.start()
  await untilAnswers(visitors, WARM_UP_ANSWERS)

  await delay(Math.random() * RANDOM_MOMENT_MAX_MS)
  const victim = Number(process.env.HOLDFAST_E2E_VICTIM ?? 1 + Math.floor(Math.random() * nodes))
  const killedAtMs = performance.now()
  const killedAt = new Date().toISOString()
  const processes = await store.kill(victim)
  figure(t, 'killed node', victim, `${processes} processes, ${killedAt}`)
  if (healsBeforeReturn) {
    await store.untilFullCopies(COPIES_MAX_MS)
    figure(t, 'ms to full copies', Math.round(performance.now() - killedAtMs))
  }
  await untilAnswers(visitors, visitors.fewestAnswers + ANSWERS_AFTER_DEATH)
  const toWritableMs = prober.toWritableMs(killedAtMs)
  figure(t, 'ms to writable', toWritableMs, `slowest of ${prober.shards} shards`)

  const returnedAtMs = performance.now()
  await store.revive(victim)
  await store.untilFullCopies(RETURN_MAX_MS)
  const returnMs = Math.round(performance.now() - returnedAtMs)
  figure(t, 'ms from the return of the node to full copies', returnMs)
  await untilAnswers(visitors, visitors.fewestAnswers + ANSWERS_AFTER_RETURN)
  await prober.stop()
  await visitors.stop()
  await judge(t, stage, visitors, prober)
  assert.ok(toWritableMs <= WRITABLE_MAX_MS, `all shards writable after ${toWritableMs} ms`)
}

async function judge(
  t: TestContext,
  { apps }: Stage,
  visitors: Visitors,
  prober: ShardProber,
): Promise<void> {
  const notes = `of ${visitors.answers + visitors.failed.length}`
  figure(t, 'failed requests', visitors.failed.length, notes)
  figure(t, 'lost increments', visitors.lostIncrements)
  figure(t, 'ms of the slowest request', visitors.slowestMs)
  figure(t, 'refused writes of the prober', prober.refused.length)
  assert.deepEqual(visitors.failed.slice(0, 5), [])
  assert.deepEqual(visitors.lost.slice(0, 10), [])
  assert.deepEqual(prober.refused.slice(0, 5), [])
  // What the app servers hold in memory proves little: another app server must find each session
  // in the store, with every increment that was acknowledged.
  const elsewhere = await visitors.wrongCountsAt(({ app }) => {
    return apps.apps.find(({ route }) => route !== app)?.port ?? 0
  })
  figure(t, 'sessions whose stored counter differs', elsewhere.length, `of ${VISITORS}`)
  assert.deepEqual(elsewhere, [])
}

async function untilAnswers(visitors: Visitors, answers: number): Promise<void> {
  await until(`${answers} answers for each visitor`, ANSWERS_TIMEOUT_MS, () => {
    return visitors.fewestAnswers >= answers
  })
}
