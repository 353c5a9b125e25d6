import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { PortPlan } from './ports.ts'

test('a busy preferred port is replaced by a free one', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const busy = (server.address() as AddressInfo).port
  const port = await new PortPlan().port(busy)
  server.close()
  assert.notEqual(port, busy)
})

test('no port is handed out twice', async () => {
  const plan = new PortPlan()
  const first = await plan.port()
  assert.notEqual(await plan.port(first), first)
  const range = await plan.engineRange(5)
  const other = await plan.engineRange(5, range.from)
  assert.ok(other.from > range.to || other.to < range.from)
})

test('engine ports keep their cluster bus below the ephemeral ports', async () => {
  const { from, to } = await new PortPlan().engineRange(20)
  assert.equal(to - from, 19)
  assert.ok(from >= 12_000 && to < 22_768)
})
