// A proxy in front of three memcached servers under pipelined load: one is killed, one stands
// still, both come back. Only their own keys may notice, and every request has exactly one reply.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CheckedClient, FailedOperation } from './harness/checked-client.ts'
import { figure } from './harness/figures.ts'
import { noMemcached, onProxyStage, type ProxyStage } from './harness/proxy-stage.ts'
import { TextClient } from './harness/text-client.ts'
import { until } from './harness/until.ts'

const CANDIDATES = 240
const FAILURES_MIN = 60
const DOWNSTREAM_TIMEOUT_MS = 6000
/** Far below the timeout of a request, far above what a loaded machine takes. */
const AT_ONCE_MS = 4500
const WAIT_MS = 90_000
const PROBES_AFTER_RETURN_MS = 20_000
const DIALECTS = ['text', 'meta', 'binary'] as const

type Servers = Awaited<ReturnType<ProxyStage['addMemcached']>>[]

test('a pool whose servers die and stand still', { skip: noMemcached }, async (t) => {
  await onProxyStage(t, async (stage) => {
    const servers = await Promise.all([1, 2, 3].map(() => stage.addMemcached()))
    const port = await stage.ports.port()
    const list = servers.map((server) => `127.0.0.1:${server.port}`).join(',')
    const settings = `downstream_timeout=${DOWNSTREAM_TIMEOUT_MS},connect_timeout=400`
    await stage.startProxy('-Z', settings, '-z', `${port}=${list}`)
    await play(t, stage, servers, port)
  })
})

async function play(t: TestContext, stage: ProxyStage, servers: Servers, port: number) {
  const [killed, frozen] = servers
  const [ofKilled = [], ofFrozen = [], ofOther = []] = await keysOf(servers, port)
  const mayForget = (key: string): boolean => ofKilled.includes(key) || ofFrozen.includes(key)
  const third = (keys: readonly string[], i: number): string[] =>
    keys.filter((_, index) => index % 4 === i)
  const mixed: CheckedClient[] = []
  for (const [i, dialect] of DIALECTS.entries()) {
    const keys = [ofKilled, ofFrozen, ofOther].flatMap((all) => third(all, i).slice(0, 8))
    mixed.push(await stage.addClient({ port, dialect, keys, mayForget }))
  }
  const bystander = await stage.addClient({ port, dialect: 'text', keys: third(ofOther, 3) })
  const all = [...mixed, bystander]
  await untilWell(all, performance.now())
  const failures = (): FailedOperation[] => all.flatMap(({ failed }) => failed)
  assert.deepEqual(failures(), [])

  const killedAtMs = performance.now()
  await killed?.kill()
  figure(t, 'ms of the slowest failure, server dead', await missed(failures, ofKilled))
  onlyOf(failures(), ofKilled)
  await untilWell([bystander], killedAtMs)

  const frozenAtMs = performance.now()
  await frozen?.freeze()
  figure(t, 'ms of the slowest failure, server frozen', await missed(failures, ofFrozen))
  onlyOf(failures(), [...ofKilled, ...ofFrozen])
  await untilWell([bystander], frozenAtMs)

  frozen?.thaw()
  await killed?.restart()
  const backAtMs = performance.now()
  await until('all keys are served again', PROBES_AFTER_RETURN_MS, () => {
    return all.every((client) => client.isWellSince(backAtMs))
  })
  figure(t, 'ms until all keys are served again', Math.round(performance.now() - backAtMs))
  const failedBefore = failures().length
  await untilWell(all, performance.now())
  assert.equal(failures().length, failedBefore, 'nothing fails any more')
  for (const client of all) await client.stop()
  assert.deepEqual(
    all.flatMap(({ wrong }) => wrong),
    [],
  )
  assert.deepEqual(bystander.failed, [])
  figure(t, 'ms of the slowest reply of a bystander', Math.round(bystander.slowestMs))
  figure(
    t,
    'replies',
    all.reduce((sum, { answers }) => sum + answers, 0),
    `${failures().length} failed`,
  )
  assert.ok(bystander.slowestMs < AT_ONCE_MS)
}

/** Sets keys through the proxy and asks each server which of them it has. */
async function keysOf(servers: Servers, port: number): Promise<string[][]> {
  const proxy = await TextClient.open(port)
  const keys = Array.from({ length: CANDIDATES }, (_, index) => `key-${index}`)
  for (const key of keys) assert.equal(await proxy.set(key, 'x'), 'STORED')
  // Left behind, they would be values that the checked clients have not set.
  const found = await Promise.all(servers.map(({ port: own }) => keysIn(own, keys)))
  for (const key of keys) assert.equal(await proxy.ask(`delete ${key}\r\n`), 'DELETED')
  proxy.close()
  return found
}

async function keysIn(port: number, keys: readonly string[]): Promise<string[]> {
  const server = await TextClient.open(port)
  const found: string[] = []
  for (const key of keys) {
    if ((await server.get(key)) !== undefined) found.push(key)
  }
  server.close()
  return found
}

/** Resolves with the slowest failure of many that were asked for once the first had failed. */
async function missed(failures: () => FailedOperation[], keys: readonly string[]): Promise<number> {
  const ofServer = (): FailedOperation[] => failures().filter(({ key }) => keys.includes(key))
  await until('the server is missed', WAIT_MS, () => ofServer().length > 0)
  const missedAtMs = performance.now()
  const later = (): FailedOperation[] => ofServer().filter(({ sentAtMs }) => sentAtMs > missedAtMs)
  await until('many fail', WAIT_MS, () => later().length > FAILURES_MIN)
  assert.ok(slowest(later()) < AT_ONCE_MS, `fails at once, not after ${slowest(later())} ms`)
  return slowest(later())
}

async function untilWell(clients: readonly CheckedClient[], sinceMs: number): Promise<void> {
  await until('every key is answered', WAIT_MS, () => {
    assert.deepEqual(
      clients.flatMap(({ wrong }) => wrong),
      [],
    )
    return clients.every((client) => client.isWellSince(sinceMs))
  })
}

function onlyOf(failed: readonly FailedOperation[], keys: readonly string[]): void {
  assert.deepEqual(
    failed.filter(({ key }) => !keys.includes(key)),
    [],
  )
}

function slowest(failed: readonly FailedOperation[]): number {
  return Math.round(Math.max(0, ...failed.map(({ tookMs }) => tookMs)))
}
