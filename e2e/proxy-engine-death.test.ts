// An engine that is a primary is killed while clients of all dialects use its cluster through a
// proxy: every request has exactly one reply, in order, no acknowledged value is lost, and nothing
// fails, because operations are held until the replica is in its place.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CheckedClient } from './harness/checked-client.ts'
import { figure } from './harness/figures.ts'
import { missing, onStage, type Stage } from './harness/stage.ts'
import { until } from './harness/until.ts'

const CLIENTS = 6
const KEYS = 24
const KILLS = 2
const WAIT_MS = 90_000
const COPIES_MAX_MS = 120_000
const DIALECTS = ['text', 'meta', 'binary'] as const

test('engines die under clients of all dialects', { skip: missing('engine') }, async (t) => {
  await onStage(t, { nodes: 2 }, async (stage) => {
    const { port } = await stage.apps.addProxy(stage.store.streamUrls())
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, client) => {
        const keys = Array.from({ length: KEYS }, (_, key) => `c${client}-${key}`)
        return CheckedClient.start({ port, dialect: DIALECTS[client % 3] ?? 'text', keys })
      }),
    )
    await play(t, stage, clients).finally(() => Promise.all(clients.map((one) => one.stop())))
    figure(
      t,
      'replies',
      clients.reduce((sum, { answers }) => sum + answers, 0),
    )
    figure(t, 'ms of the slowest reply', Math.round(Math.max(...clients.map((c) => c.slowestMs))))
    assert.deepEqual(
      clients.flatMap(({ wrong, failed }) => [...wrong, ...failed.slice(0, 3)]),
      [],
    )
    assert.ok(clients.every(({ owed }) => owed === 0))
  })
})

async function play(
  t: TestContext,
  { store }: Stage,
  clients: readonly CheckedClient[],
): Promise<void> {
  await untilWell(clients)
  for (let kill = 0; kill < KILLS; kill++) {
    const folder = store.nodes[kill % store.nodes.length]?.dataFolder ?? ''
    const pids = enginePids(folder)
    assert.ok(pids.length > 0, 'the node has engines')
    for (const pid of pids.slice(0, 2)) process.kill(pid, 'SIGKILL')
    await untilWell(clients)
    await store.untilFullCopies(COPIES_MAX_MS)
    figure(t, 'engines killed', Math.min(2, pids.length), `of node ${kill + 1}`)
  }
  await untilWell(clients)
}

function enginePids(dataFolder: string): number[] {
  const folder = join(dataFolder, 'run')
  return readdirSync(folder)
    .filter((file) => /^engine-.*\.pid$/.test(file))
    .map((file) => Number(readFileSync(join(folder, file), 'utf8')))
}

async function untilWell(clients: readonly CheckedClient[]): Promise<void> {
  const sinceMs = performance.now()
  await until('every key is answered', WAIT_MS, () => {
    return clients.every((client) => client.isWellSince(sinceMs))
  })
}
