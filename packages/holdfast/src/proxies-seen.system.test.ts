/**
 * Two store nodes with their gateways, an arbiter, and a proxy of two workers that follows that:
 * every member shows all three, with what they do, and statistics of the bucket tell how long
 * requests take.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MemcachedClient } from '@holdfast/client'
import { until } from '@holdfast/client/testing'
import { z } from 'zod'
import { Daemon } from './picture/daemon.ts'
import { addressOf, LocalStore, STORE_PASSWORD, STORE_USER } from './picture/local-store.ts'
import { PortPlan } from './picture/ports.ts'
import { findPrograms, runHoldfast } from './picture/programs.ts'

const WAIT_MS_MAX = 60_000
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const AUTHORIZATION = `Basic ${Buffer.from(`${STORE_USER}:${STORE_PASSWORD}`).toString('base64')}`

const proxiesSchema = z.object({
  proxies: z.array(
    z.object({
      id: z.string(),
      pid: z.number(),
      version: z.string(),
      kind: z.enum(['proxy', 'gateway']),
      node: z.string(),
      buckets: z.array(z.string()),
      rev: z.number(),
      upToDate: z.boolean(),
      upstreamConnections: z.number(),
      clients: z.array(z.object({ address: z.string(), connections: z.number() })),
      operationsPerSecond: z.number(),
      errors: z.number(),
      getP99Ms: z.number().nullable(),
      setP99Ms: z.number().nullable(),
    }),
  ),
  missing: z.array(z.string()).optional(),
})
type Proxies = z.infer<typeof proxiesSchema>
const statsSchema = z.object({
  op: z.object({ samples: z.record(z.string(), z.array(z.number())) }),
})

const programs = findPrograms(ROOT)
let folder = ''
let store: LocalStore
let proxy: Daemon
let proxyPort = 0
const clients: MemcachedClient[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-proxies-'))
  const ports = new PortPlan()
  store = new LocalStore(programs, folder, ports)
  for (let number = 1; number <= 2; number++) await store.addNode({ enginePorts: 20 })
  const arbiter = await store.addNode({ isArbiter: true, enginePorts: 20 })
  await store.form()
  await post('/pools/default/buckets', { name: 'default', shards: '2', ramQuotaMB: '100' })
  await store.untilFullCopies(WAIT_MS_MAX)
  proxyPort = await ports.port()
  const url = `http://${addressOf(arbiter)}/pools/default/bucketsStreaming/default`
  const httpPort = String(await ports.port())
  proxy = await Daemon.start({
    name: 'proxy',
    command: programs.node,
    args: [
      ...[programs.holdfast, 'proxy', '--listen', '127.0.0.1', '--port', String(proxyPort)],
      ...['--http-port', httpPort, '--workers', '2', url],
    ],
    logPath: join(folder, 'proxy.log'),
    readyLine: /^holdfast proxy ready /,
  })
})

after(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await proxy?.stop()
  await store?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('every node shows all proxies and gateways, their map and who uses them', async () => {
  const first = store.nodes[0]
  assert.ok(first)
  await useProxy(proxyPort, 3)
  await useProxy(first.ports.gateway, 1)
  for (const number of [1, 2, 3]) {
    await untilShown(`node ${number} shows them`, number, ({ proxies }) => {
      const [one, ...others] = proxies.filter(({ kind }) => kind === 'proxy')
      const gateways = proxies.filter(({ kind }) => kind === 'gateway')
      const isUsed = one?.upstreamConnections === 3 && one.operationsPerSecond > 0
      const [client] = one?.clients ?? []
      return (
        isUsed &&
        others.length === 0 &&
        gateways.length === 2 &&
        gateways.some(({ upstreamConnections }) => upstreamConnections === 1) &&
        client?.address === '127.0.0.1' &&
        client.connections === 3 &&
        proxies.every(({ upToDate, buckets }) => upToDate && buckets.join() === 'default')
      )
    })
  }
  const { proxies } = await get(1, '/proxies', proxiesSchema)
  const one = proxies.find(({ kind }) => kind === 'proxy')
  assert.equal(one?.node, `n_${store.nodes[2]?.ports.rest}@127.0.0.1`)
  assert.equal(one.errors, 0)
})

test('statistics of the bucket tell how long requests take, at every node', async () => {
  for (const number of [1, 3]) {
    await until(
      `statistics at node ${number}`,
      async () => {
        await Promise.all(clients.map((client) => exercise(client)))
        const uri = '/pools/default/buckets/default/stats'
        const { samples } = (await get(number, uri, statsSchema)).op
        const latest = (name: string): number => Math.max(...(samples[name] ?? [0]).slice(-5))
        const times = ['get_p50_ms', 'get_p99_ms', 'set_p50_ms', 'set_p99_ms'].map(latest)
        return times.every((ms) => ms > 0) && latest('proxy_connections') === 4
      },
      WAIT_MS_MAX,
    )
  }
})

test('the command line lists them', async () => {
  const [node] = store.nodes
  assert.ok(node)
  const login = ['-c', addressOf(node), '-u', STORE_USER, '-p', STORE_PASSWORD]
  const said = await runHoldfast(programs, ['proxy-list', ...login])
  const lines = said.trim().split('\n')
  assert.equal(lines.filter((line) => / gateway /.test(line)).length, 2, said)
  assert.equal(lines.filter((line) => / proxy .* current +3 /.test(line)).length, 1, said)
})

test('a map that is made anew is in use at once', async () => {
  await post('/pools/default/buckets', { name: 'carts', shards: '2', ramQuotaMB: '100' })
  await untilShown('the gateways serve it', 1, ({ proxies }) => {
    const gateways = proxies.filter(({ kind }) => kind === 'gateway')
    return (
      gateways.length === 2 && gateways.every(({ buckets }) => buckets.join() === 'carts,default')
    )
  })
})

test('a proxy that is killed disappears, and so does what was measured by it', async () => {
  proxy.kill()
  await proxy.ended()
  await untilShown('it is gone', 1, ({ proxies }) => proxies.every(({ kind }) => kind !== 'proxy'))
  const text = await (await ask(2, '/metrics')).text()
  assert.match(text, /^holdfast_proxies 1$/m)
})

test('who knows one bucket reports on no other', async () => {
  const path = '/pools/default/buckets/default/proxies'
  const [node] = store.nodes
  assert.ok(node)
  const send = (body: unknown): Promise<Response> =>
    fetch(`http://${addressOf(node)}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const bucket = { name: 'carts', rev: 1, connections: 0, operations: 0, errors: 0 }
  const report = {
    ...{ id: 'x', source: 's', hostname: 'h', pid: 1, version: '1', uptimeSeconds: 1 },
    ...{
      intervalMs: 2000,
      clients: [],
      buckets: [{ ...bucket, errorsTotal: 0, gets: [], sets: [] }],
    },
  }
  assert.equal((await send(report)).status, 400, 'the bucket default is open to everybody')
  assert.equal((await send({})).status, 400)
})

/** Opens so many connections and uses them. */
async function useProxy(port: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const client = new MemcachedClient({ host: '127.0.0.1', port })
    clients.push(client)
    await until('the proxy serves', () => exercise(client), WAIT_MS_MAX)
  }
}

async function exercise(client: MemcachedClient): Promise<boolean> {
  try {
    await client.set('key', Buffer.from('value'))
    return (await client.get('key')) !== undefined
  } catch {
    return false
  }
}

/** Asks again and again, and goes on using the proxies, so that they have something to tell. */
async function untilShown(
  what: string,
  number: number,
  isShown: (answer: Proxies) => boolean,
): Promise<void> {
  let last: Proxies | undefined
  try {
    await until(
      what,
      async () => {
        await Promise.all(clients.map((client) => exercise(client)))
        last = await get(number, '/proxies', proxiesSchema)
        return isShown(last)
      },
      WAIT_MS_MAX,
    )
  } catch (cause) {
    throw new Error(`${what}: ${JSON.stringify(last)}`, { cause })
  }
}

async function ask(number: number, path: string): Promise<Response> {
  const node = store.nodes[number - 1]
  assert.ok(node)
  return await fetch(`http://${addressOf(node)}${path}`, {
    headers: { authorization: AUTHORIZATION },
  })
}

async function get<T>(number: number, path: string, schema: z.ZodType<T>): Promise<T> {
  const answer = await ask(number, path)
  const text = await answer.text()
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`)
  return schema.parse(JSON.parse(text))
}

async function post(path: string, form: Record<string, string>): Promise<void> {
  const [node] = store.nodes
  assert.ok(node)
  const answer = await fetch(`http://${addressOf(node)}${path}`, {
    method: 'POST',
    headers: { authorization: AUTHORIZATION },
    body: new URLSearchParams(form),
  })
  const text = await answer.text()
  assert.ok(answer.ok || /already exists/.test(text), `${path}: ${answer.status} ${text}`)
}
