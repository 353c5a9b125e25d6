import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedClient } from './memcached-client.ts'
import { freeze } from './testing/engines.ts'
import { freePort } from './testing/free-port.ts'

const START_TIMEOUT_MS = 5000

async function startMemcached(port: number): Promise<ChildProcess> {
  const child = spawn(
    'memcached',
    ['-u', 'nobody', '-l', '127.0.0.1', '-p', String(port), '-U', '0'],
    {
      stdio: 'ignore',
    },
  )
  const probe = new MemcachedClient({ host: '127.0.0.1', port, timeoutMs: 500 })
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      await probe.version()
      break
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await delay(10)
    }
  }
  await probe.close()
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A server that answers with what `answer` says, or not at all. */
async function startFake(answer: (socket: Socket, request: string) => void): Promise<{
  server: Server
  port: number
  stop: () => Promise<void>
}> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => answer(socket, chunk.toString()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { server, port: (server.address() as AddressInfo).port, stop }
}

const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected

describe('against memcached', () => {
  let child: ChildProcess
  let client: MemcachedClient
  before(async () => {
    const port = await freePort()
    child = await startMemcached(port)
    client = new MemcachedClient({ host: '127.0.0.1', port })
  })
  after(async () => {
    await client.close()
    await kill(child)
  })

  test('what was set is got, with its flags, byte for byte', async () => {
    const value = Buffer.from([0, 13, 10, 255, 69, 78, 68, 13, 10])
    await client.set('bytes', value, { flags: 4_000_000_000 })
    assert.deepEqual(await client.get('bytes'), { value, flags: 4_000_000_000 })
  })

  test('a missing key is undefined or false, not an error', async () => {
    assert.equal(await client.get('missing'), undefined)
    assert.equal(await client.gets('missing'), undefined)
    assert.equal(await client.gats('missing', 10), undefined)
    assert.equal(await client.delete('missing'), false)
    assert.equal(await client.touch('missing', 10), false)
    assert.equal((await client.replace('missing', Buffer.from('x'))).outcome, 'NOT_FOUND')
    assert.equal((await client.cas('missing', Buffer.from('x'), '1')).outcome, 'NOT_FOUND')
    assert.equal(await client.incr('missing'), undefined)
  })

  test('add stores only a key that is not there', async () => {
    assert.equal((await client.add('added', Buffer.from('1'))).outcome, 'STORED')
    assert.equal((await client.add('added', Buffer.from('2'))).outcome, 'EXISTS')
    assert.equal((await client.get('added'))?.value.toString(), '1')
    assert.equal((await client.replace('added', Buffer.from('3'))).outcome, 'STORED')
    assert.equal(await client.delete('added'), true)
  })

  test('cas stores only the version that was read', async () => {
    await client.set('versioned', Buffer.from('a'))
    const read = await client.gets('versioned')
    assert.ok(read)
    assert.equal((await client.cas('versioned', Buffer.from('b'), read.cas)).outcome, 'STORED')
    assert.equal((await client.cas('versioned', Buffer.from('c'), read.cas)).outcome, 'EXISTS')
    const renewed = await client.gats('versioned', 100)
    assert.equal(renewed?.value.toString(), 'b')
    assert.notEqual(renewed?.cas, read.cas)
  })

  test('a time to live over 30 days is not taken for a date in 1970', async () => {
    await client.set('long', Buffer.from('x'), { ttlSeconds: 2_592_001 })
    assert.ok(await client.get('long'))
    assert.ok(await client.gat('long', 5_000_000))
    assert.equal(await client.touch('long', 31_536_000), true)
    assert.ok(await client.get('long'))
  })

  test('incr counts', async () => {
    await client.set('number', Buffer.from('41'))
    assert.equal(await client.incr('number'), 42n)
    assert.equal(await client.incr('number', 8n), 50n)
  })

  test('a refusal of the server rejects with its text and leaves the connection in step', async () => {
    const tooLarge = client.set('large', Buffer.alloc(2 * 1024 * 1024))
    const beside = client.version()
    await assert.rejects(tooLarge, code('HOLDFAST_SERVER_REPLY'))
    assert.match(await beside, /^1\./)
    await client.set('word', Buffer.from('x'))
    await assert.rejects(client.incr('word'), /CLIENT_ERROR/)
  })

  test('a key that could smuggle in another command is a TypeError', async () => {
    await assert.rejects(client.get('a\r\nflush_all'), TypeError)
    await assert.rejects(client.set('a b', Buffer.from('x')), TypeError)
    await assert.rejects(client.delete('k'.repeat(251)), TypeError)
  })

  test('a thousand requests at once get each their own answer', async () => {
    const numbers = Array.from({ length: 1000 }, (_, index) => index)
    await Promise.all(numbers.map((n) => client.set(`n${n}`, Buffer.from(String(n)))))
    const read = await Promise.all(numbers.map((n) => client.get(`n${n}`)))
    assert.deepEqual(
      read.map((item) => Number(item?.value)),
      numbers,
    )
    assert.equal(client.pending, 0)
  })
})

test('a killed server is reported at once, and found again by the next request', async (t) => {
  const port = await freePort()
  let child = await startMemcached(port)
  const client = new MemcachedClient({ host: '127.0.0.1', port, timeoutMs: 1000 })
  t.after(async () => {
    await client.close()
    await kill(child)
  })
  await client.set('a', Buffer.from('1'))
  await kill(child)
  const startMs = performance.now()
  for (let attempt = 0; attempt < 5; attempt++) {
    await assert.rejects(client.get('a'), /lost|connect to/)
  }
  assert.ok(performance.now() - startMs < 1500, 'five failures took no more than their delays')
  assert.notEqual(client.downSinceMs, undefined)
  child = await startMemcached(port)
  await client.set('a', Buffer.from('2'))
  assert.equal(client.downSinceMs, undefined)
})

test('a frozen server costs each request its deadline, then the connection', async (t) => {
  const port = await freePort()
  const child = await startMemcached(port)
  const client = new MemcachedClient({
    host: '127.0.0.1',
    port,
    timeoutMs: 5000,
    silenceTimeoutMs: 400,
  })
  t.after(async () => {
    await client.close()
    await kill(child)
  })
  await client.set('a', Buffer.from('1'))
  await freeze(child)
  const startMs = performance.now()
  await assert.rejects(client.get('a', { timeoutMs: 100 }), code('HOLDFAST_OPERATION_TIMEOUT'))
  assert.ok(performance.now() - startMs < 350, 'the deadline of the call counts')
  await assert.rejects(client.get('a'), code('HOLDFAST_CONNECTION_LOST'))
  child.kill('SIGCONT')
  assert.equal((await client.get('a'))?.value.toString(), '1')
})

test('an answer that comes after its deadline is not given to the next request', async (t) => {
  const fake = await startFake((socket, request) => {
    const answer = request.startsWith('get slow') ? 'VALUE slow 0 4\r\nslow\r\nEND\r\n' : 'END\r\n'
    setTimeout(() => socket.write(answer), request.startsWith('get slow') ? 100 : 0)
  })
  const client = new MemcachedClient({ host: '127.0.0.1', port: fake.port, timeoutMs: 2000 })
  t.after(async () => {
    await client.close()
    await fake.stop()
  })
  await assert.rejects(client.get('slow', { timeoutMs: 20 }), code('HOLDFAST_OPERATION_TIMEOUT'))
  const next = client.get('slow')
  assert.equal((await next)?.value.toString(), 'slow')
  assert.equal(client.pending, 0)
})

test('beyond pendingMax a request is refused at once', async (t) => {
  const fake = await startFake(() => undefined)
  const client = new MemcachedClient({
    host: '127.0.0.1',
    port: fake.port,
    pendingMax: 3,
    timeoutMs: 200,
  })
  t.after(async () => {
    await client.close()
    await fake.stop()
  })
  const waiting = [client.get('a'), client.get('b'), client.get('c')].map((one) =>
    assert.rejects(one, code('HOLDFAST_OPERATION_TIMEOUT')),
  )
  await assert.rejects(client.get('d'), code('HOLDFAST_QUEUE_FULL'))
  await Promise.all(waiting)
})

test('garbage from the server breaks the connection, not the process', async (t) => {
  const fake = await startFake((socket, request) => {
    const greeting = request.startsWith('mn')
    socket.write(greeting ? 'ERROR\r\n' : 'HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  const client = new MemcachedClient({ host: '127.0.0.1', port: fake.port })
  t.after(async () => {
    await client.close()
    await fake.stop()
  })
  await assert.rejects(client.get('a'), code('HOLDFAST_CONNECTION_LOST'))
})

test('a server that speaks something else is none', async (t) => {
  const fake = await startFake((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const client = new MemcachedClient({ host: '127.0.0.1', port: fake.port })
  t.after(async () => {
    await client.close()
    await fake.stop()
  })
  await assert.rejects(client.get('a'), code('HOLDFAST_CONNECT_FAILED'))
  assert.notEqual(client.downSinceMs, undefined)
})

test('closing rejects what is out, and everything later', async (t) => {
  const fake = await startFake(() => undefined)
  const client = new MemcachedClient({ host: '127.0.0.1', port: fake.port })
  t.after(() => fake.stop())
  const out = assert.rejects(client.get('a'), /lost|closed/)
  await once(fake.server, 'connection')
  await client.close()
  await out
  await assert.rejects(client.get('a'), code('HOLDFAST_CLIENT_CLOSED'))
})
