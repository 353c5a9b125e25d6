// The configuration file of a proxy changes under load, again and again: servers come and go, a
// bucket moves from a pool to a route and back, a file is bad. No connection ends, every request
// has its one reply, and a bad file changes nothing.
import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { CheckedClient } from './harness/checked-client.ts'
import { figure } from './harness/figures.ts'
import { noMemcached, onProxyStage, type ProxyStage } from './harness/proxy-stage.ts'
import { TextClient } from './harness/text-client.ts'
import { until } from './harness/until.ts'

const CLIENTS = 9
const KEYS = 8
const WAIT_MS = 90_000
const LOG_LINES = 200
const DIALECTS = ['text', 'meta', 'binary'] as const

interface Scene {
  readonly stage: ProxyStage
  readonly port: number
  readonly file: string
  readonly clients: readonly CheckedClient[]
}

test('the configuration changes under load', { skip: noMemcached }, async (t) => {
  await onProxyStage(t, async (stage) => {
    const servers = await Promise.all([1, 2, 3].map(() => stage.addMemcached()))
    const [a = '', b = '', c = ''] = servers.map((server) => `127.0.0.1:${server.port}`)
    const port = await stage.ports.port()
    const file = join(stage.folder, 'proxy.yaml')
    writeFileSync(file, configText(port, [a, b], c, 'main'))
    await stage.startProxy('--config', file)
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, client) => {
        const keys = Array.from({ length: KEYS }, (_, key) => `c${client}-${key}`)
        const dialect = DIALECTS[client % 3] ?? 'text'
        // A key that moves leaves an old value behind, which is there when it moves back.
        return stage.addClient({ port, dialect, keys, mayForget: () => true })
      }),
    )
    const scene = { stage, port, file, clients }
    await untilWell(clients)
    await change(scene, configText(port, [a, b, c], c, 'main'), 'configuration in use')
    assert.ok(await holdsKeys(c), 'the third server has got keys')
    await change(scene, configText(port, [a, b], c, 'both'), 'configuration in use')
    await change(
      scene,
      configText(port, [a], c, 'both').replace('backends:', 'backend:'),
      'refused',
    )
    await change(scene, configText(port, [a], c, 'main'), 'configuration in use')
    await judge(t, scene)
  })
})

function configText(port: number, main: readonly string[], spare: string, use: string): string {
  return `
listeners:
  - port: ${port}
backends:
  main: { type: memcached, servers: ${JSON.stringify(main)} }
  spare: { type: memcached, servers: ["${spare}"], protocol: meta }
routes:
  both: { type: failover, pools: [spare, main] }
buckets:
  default: { use: ${use} }
`
}

/** Puts another file in place, and waits until it was heeded and every key answered since. */
async function change({ stage, file, clients }: Scene, text: string, said: string): Promise<void> {
  const told = (): number => stage.proxy.logTail(LOG_LINES).split(said).length
  const toldBefore = told()
  writeFileSync(`${file}.next`, text)
  renameSync(`${file}.next`, file)
  await until(`the log says "${said}"`, WAIT_MS, () => told() > toldBefore)
  await untilWell(clients)
}

async function holdsKeys(address: string): Promise<boolean> {
  const client = await TextClient.open(Number(address.split(':')[1]))
  const stats = await client.ask('stats\r\n', 'END\r\n')
  client.close()
  return !stats.includes('STAT curr_items 0\r\n')
}

async function judge(t: TestContext, { clients }: Scene): Promise<void> {
  assert.ok(clients.every(({ closed }) => !closed))
  for (const client of clients) await client.stop()
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
}

async function untilWell(clients: readonly CheckedClient[]): Promise<void> {
  const sinceMs = performance.now()
  await until('every key is answered', WAIT_MS, () => {
    return clients.every((client) => client.isWellSince(sinceMs))
  })
}
