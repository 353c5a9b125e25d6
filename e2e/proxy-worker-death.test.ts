// One of two workers of a proxy is killed under load: its own connections end, the others go on as
// if nothing were, and another worker takes its place.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isAlive } from '../packages/holdfast/src/picture/node-processes.ts'
import type { CheckedClient } from './harness/checked-client.ts'
import { figure } from './harness/figures.ts'
import { childPids, noProc, ownerOf } from './harness/processes.ts'
import { noMemcached, onProxyStage, type ProxyStage } from './harness/proxy-stage.ts'
import { until } from './harness/until.ts'

const CLIENTS = 18
const KEYS = 6
const WORKERS = 2
const WAIT_MS = 90_000
const DIALECTS = ['text', 'meta', 'binary'] as const

test('a worker of a proxy is killed', { skip: noMemcached || noProc }, async (t) => {
  await onProxyStage(t, async (stage) => {
    const memcached = await stage.addMemcached()
    const port = await stage.ports.port()
    const pool = `${port}=127.0.0.1:${memcached.port}`
    await stage.startProxy('-t', String(WORKERS), '-z', pool)
    await play(t, stage, port)
  })
})

async function play(t: TestContext, stage: ProxyStage, port: number): Promise<void> {
  const clients = await connect(stage, port, 'first')
  await untilWell(clients)
  const workers = childPids(stage.proxy.pid)
  assert.equal(workers.length, WORKERS)
  const owners = clients.map(({ localPort }) => ownerOf(port, localPort, workers))
  const victim = owners.find((pid) => pid !== undefined)
  assert.ok(victim !== undefined)
  const struck = clients.filter((_, index) => owners[index] === victim)
  const spared = clients.filter((_, index) => owners[index] !== victim)
  figure(t, 'connections of the killed worker', struck.length, `of ${CLIENTS}`)

  const killedAtMs = performance.now()
  process.kill(victim, 'SIGKILL')
  await until('its connections end', WAIT_MS, () => struck.every(({ closed }) => closed))
  await until('the others go on', WAIT_MS, () => {
    return spared.every((client) => client.isWellSince(killedAtMs))
  })
  await until('another worker is there', WAIT_MS, () => {
    return childPids(stage.proxy.pid).filter(isAlive).length === WORKERS
  })
  figure(t, 'ms until another worker is there', Math.round(performance.now() - killedAtMs))
  const others = await connect(stage, port, 'second')
  await untilWell(others)

  const living = [...spared, ...others]
  assert.ok(living.every(({ closed }) => !closed))
  for (const client of [...clients, ...others]) await client.stop()
  figure(
    t,
    'replies',
    living.reduce((sum, { answers }) => sum + answers, 0),
  )
  assert.deepEqual(
    [...clients, ...others].flatMap(({ wrong, failed }) => [...wrong, ...failed]),
    [],
  )
}

async function connect(stage: ProxyStage, port: number, name: string): Promise<CheckedClient[]> {
  return await Promise.all(
    Array.from({ length: CLIENTS }, (_, client) => {
      const keys = Array.from({ length: KEYS }, (_, key) => `${name}-${client}-${key}`)
      return stage.addClient({ port, dialect: DIALECTS[client % 3] ?? 'text', keys })
    }),
  )
}

async function untilWell(clients: readonly CheckedClient[]): Promise<void> {
  const sinceMs = performance.now()
  await until('every key is answered', WAIT_MS, () => {
    return clients.every((client) => client.isWellSince(sinceMs))
  })
}
