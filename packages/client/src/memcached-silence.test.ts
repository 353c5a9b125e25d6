// A slow server is told from a frozen one, and from a stall of this very process.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, test } from 'node:test'
import { MemcachedClient } from './memcached-client.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'

const AWAY_AFTER_MS = 250

const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Greets everybody and answers `get a`, nothing else. */
async function startSlowServer(): Promise<{ port: number; greetings: () => number }> {
  let greetings = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      const request = chunk.toString()
      if (/^(mn|version)\r\n/.test(request)) {
        greetings++
        socket.write(request.startsWith('mn') ? 'MN\r\n' : 'VERSION 1\r\n')
      } else if (request.startsWith('get a')) socket.write('END\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, greetings: () => greetings }
}

function open(port: number, timeoutMs: number): MemcachedClient {
  const awayAfterMs = AWAY_AFTER_MS
  const client = new MemcachedClient({ host: '127.0.0.1', port, timeoutMs, awayAfterMs })
  closing.push(() => client.close())
  return client
}

test('a server that owes an answer but greets is slow, not away', async () => {
  const server = await startSlowServer()
  const client = open(server.port, 1000)
  await client.get('a')
  await assert.rejects(client.get('slow'), { code: 'HOLDFAST_OPERATION_TIMEOUT' })
  assert.equal(client.downSinceMs, undefined)
  assert.ok(server.greetings() > 1, 'it was asked over a second connection')
})

test('a frozen server is away before the deadline, and what waits fails together', async () => {
  const server = await MemcachedProcess.start()
  closing.push(() => server.kill())
  const client = open(server.port, 30_000)
  await client.set('a', Buffer.from('1'))
  await server.freeze()
  const startMs = performance.now()
  const waiting = [1, 2, 3].map(() =>
    assert.rejects(client.get('a'), { code: 'HOLDFAST_CONNECTION_LOST', message: /frozen/ }),
  )
  await Promise.all(waiting)
  assert.ok(performance.now() - startMs < 10_000, 'long before the deadline')
  assert.notEqual(client.downSinceMs, undefined)
  server.thaw()
  assert.equal((await client.get('a'))?.value.toString(), '1')
  assert.equal(client.downSinceMs, undefined)
})

test('a stall of this process is not the silence of the server', async () => {
  const server = await MemcachedProcess.start()
  closing.push(() => server.kill())
  const client = open(server.port, 30_000)
  await client.set('a', Buffer.from('1'))
  for (let time = 0; time < 3; time++) {
    const reading = client.get('a')
    const untilMs = performance.now() + 2 * AWAY_AFTER_MS
    while (performance.now() < untilMs);
    assert.equal((await reading)?.value.toString(), '1')
  }
  assert.equal(client.downSinceMs, undefined)
})
