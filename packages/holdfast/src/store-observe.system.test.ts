/**
 * Three node processes: log and statistics are the whole cluster's at every node, also while one is
 * dead; its death is told in alerts, log and by webhook.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '@holdfast/client/testing'
import { z } from 'zod'
import { addressOf, LocalStore, STORE_PASSWORD, STORE_USER } from './picture/local-store.ts'
import { PortPlan } from './picture/ports.ts'
import { findPrograms } from './picture/programs.ts'

const WAIT_MS_MAX = 60_000
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const AUTHORIZATION = `Basic ${Buffer.from(`${STORE_USER}:${STORE_PASSWORD}`).toString('base64')}`

const logSchema = z.object({
  list: z.array(z.object({ node: z.string(), text: z.string(), tstamp: z.number() })),
  nodesMissing: z.array(z.string()).optional(),
})
const statsSchema = z.object({
  op: z.object({ samples: z.record(z.string(), z.array(z.number())), lastTStamp: z.number() }),
  nodesMissing: z.array(z.string()).optional(),
})
const poolSchema = z.object({ alerts: z.array(z.string()) })
const alertSchema = z.object({ key: z.string(), text: z.string(), node: z.string() })

let folder = ''
let store: LocalStore
let webhook: Server
const posted: z.infer<typeof alertSchema>[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-observe-'))
  webhook = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    request.on('end', () => {
      posted.push(alertSchema.parse(JSON.parse(text)))
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(webhook, 'listening')
  store = new LocalStore(findPrograms(ROOT), folder, new PortPlan())
  for (let number = 1; number <= 3; number++) await store.addNode({ enginePorts: 20 })
  await store.form()
  await post('/pools/default/buckets', { name: 'default', shards: '3', ramQuotaMB: '100' })
  await store.untilFullCopies(WAIT_MS_MAX)
})

after(async () => {
  await store?.stop()
  webhook?.close()
  await rm(folder, { recursive: true, force: true })
})

test('every node shows the log of all', async () => {
  for (const number of [1, 2, 3]) {
    await until(
      `the log at node ${number}`,
      async () => {
        const { list } = await get(number, '/logs', logSchema)
        const texts = list.map(({ text }) => text).join('\n')
        const started = new Set(list.filter((e) => /has started/.test(e.text)).map((e) => e.node))
        const created = texts.match(/Created bucket "default"/g)?.length
        return started.size === 3 && created === 1 && /Starting rebalance/.test(texts)
      },
      WAIT_MS_MAX,
    )
  }
})

test('every node shows the statistics of all, summed', async () => {
  for (const number of [1, 2, 3]) {
    await until(
      `statistics at node ${number}`,
      async () => {
        const uri = '/pools/default/buckets/default/stats'
        const { op } = await get(number, uri, statsSchema)
        const { vb_active_num: active, vb_replica_num: replica } = op.samples
        return active?.at(-1) === 1024 && replica?.at(-1) === 1024
      },
      WAIT_MS_MAX,
    )
  }
})

test('the death of a node is told; log and statistics go on and name it', async () => {
  const { port } = webhook.address() as AddressInfo
  await post('/settings/alerts', { webhookUrl: `http://127.0.0.1:${port}/` })
  await store.kill(3)
  await until(
    'the webhook is called',
    () => posted.some(({ key }) => key === 'auto_failover_node'),
    WAIT_MS_MAX,
  )
  await until(
    'the log tells it',
    async () => {
      const { list, nodesMissing = [] } = await get(1, '/logs', logSchema)
      const texts = list.map(({ text }) => text).join('\n')
      return (
        nodesMissing.length === 1 &&
        /went down/.test(texts) &&
        /automatically failed over/.test(texts)
      )
    },
    WAIT_MS_MAX,
  )
  await until(
    'another node shows the alert',
    async () => (await get(2, '/pools/default', poolSchema)).alerts.length > 0,
    WAIT_MS_MAX,
  )
  const uri = '/pools/default/buckets/default/stats'
  const before = await get(2, uri, statsSchema)
  await until(
    'statistics go on',
    async () => {
      const { op, nodesMissing = [] } = await get(2, uri, statsSchema)
      return op.lastTStamp > before.op.lastTStamp && nodesMissing.length === 1
    },
    WAIT_MS_MAX,
  )
})

async function get<T>(number: number, path: string, schema: z.ZodType<T>): Promise<T> {
  const node = store.nodes[number - 1]
  assert.ok(node)
  const answer = await fetch(`http://${addressOf(node)}${path}`, {
    headers: { authorization: AUTHORIZATION },
  })
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
