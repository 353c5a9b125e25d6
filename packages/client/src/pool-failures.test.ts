import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import type { Backend } from './backend.ts'
import { MemcachedPool, type MemcachedPoolOptions } from './memcached-pool.ts'
import { MemcachedServer } from './memcached-server.ts'
import { type LookupAddresses, PoolAddress } from './pool-address.ts'
import { until } from './testing/engines.ts'
import { freePort } from './testing/free-port.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

const turn = new Turn()
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function memcached(...args: string[]): Promise<MemcachedProcess> {
  const server = await MemcachedProcess.start(...args)
  closing.push(() => server.kill())
  return server
}

function poolOf(options: Omit<MemcachedPoolOptions, 'turn'>): {
  pool: MemcachedPool
  upstream: TextUpstream
} {
  const pool = new MemcachedPool({ turn, ...options })
  const upstream = new TextUpstream(pool, turn)
  closing.push(() => {
    upstream.close()
    return pool.stop()
  })
  return { pool, upstream }
}

const stateOf = (pool: MemcachedPool): string =>
  pool
    .report()
    .servers.map(({ state }) => state)
    .join()
const connected = (pool: MemcachedPool): Promise<void> =>
  until('connected', () => /^connected(,connected)*$/.test(stateOf(pool)))

/** A server that answers what `answer` says to each chunk; a greeting by itself. */
async function fakeServer(answer: (socket: Socket, text: string) => void): Promise<{
  member: MemcachedProcess['member']
  sockets: Set<Socket>
  server: Server
}> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => answer(socket, chunk.toString('latin1')))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { member: { host: '127.0.0.1', port: address.port, weight: 1 }, sockets, server }
}

test('a server that is away fails its operations at once and works at once when it is back', async () => {
  const server = await memcached()
  const { pool, upstream } = poolOf({ servers: [server.member] })
  const name = `127.0.0.1:${server.port}`
  assert.equal(await upstream.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
  await server.kill()
  await until('away', () => stateOf(pool) === 'away')
  const line = `SERVER_ERROR proxy write to downstream ${name}\r\n`
  assert.equal(await upstream.ask('get a b\r\nset a 0 0 1\r\nx\r\nflush_all\r\n'), line.repeat(3))
  await server.restart()
  await until('back', () => stateOf(pool) === 'connected')
  assert.equal(await upstream.ask('get a\r\n'), 'END\r\n')
})

test('a restart between requests goes unnoticed', async () => {
  const server = await memcached()
  const { pool, upstream } = poolOf({ servers: [server.member] })
  for (let round = 0; round < 3; round++) {
    assert.equal(
      await upstream.ask('set a 0 0 1\r\nx\r\nget a\r\n'),
      'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n',
    )
    await server.kill()
    await server.restart()
    await connected(pool)
  }
})

test('each request under load gets exactly one reply, in order, though its server is killed', async () => {
  const servers = await Promise.all([memcached(), memcached()])
  const { pool } = poolOf({ servers: servers.map(({ member }) => member) })
  await connected(pool)
  const upstreams = Array.from({ length: 4 }, () => new TextUpstream(pool, turn))
  closing.push(() => {
    for (const upstream of upstreams) upstream.close()
  })
  let rounds = 0
  let failures = 0
  const work = async (
    upstream: TextUpstream,
    client: number,
    stop: () => boolean,
  ): Promise<void> => {
    for (let n = 0; !stop(); n++) {
      const keys = Array.from({ length: 20 }, (_, k) => `load:${client}:${k}`)
      const requests = keys.map(
        (key) => `set ${key} 0 0 ${String(n).length}\r\n${n}\r\nget ${key}\r\n`,
      )
      const lines = (await upstream.ask(requests.join(''))).split('\r\n').slice(0, -1)
      for (const key of keys) {
        const stored = lines.shift()
        if (stored !== 'STORED') assert.match(stored ?? '', /^SERVER_ERROR proxy /)
        const first = lines.shift() ?? ''
        if (first.startsWith('SERVER_ERROR proxy ')) failures++
        else if (first.startsWith('VALUE ')) {
          assert.equal(first.split(' ')[1], key)
          const value = lines.shift()
          if (stored === 'STORED') assert.equal(value, String(n))
          assert.equal(lines.shift(), 'END')
        } else assert.equal(first, 'END')
      }
      assert.deepEqual(lines, [])
      rounds++
    }
  }
  let stopped = false
  const working = upstreams.map((upstream, client) => work(upstream, client, () => stopped))
  for (let kill = 0; kill < 3; kill++) {
    const before = rounds
    await until('load', () => rounds > before + 20)
    await servers[0]?.kill()
    await until('failures', () => failures > 0)
    await servers[0]?.restart()
    await connected(pool)
    failures = 0
  }
  stopped = true
  await Promise.all(working)
  assert.equal(pool.report().outstanding, 0)
})

test('a frozen server fails what it owes by its name, others are not held up, and thaws', async () => {
  const [frozen, healthy] = await Promise.all([memcached(), memcached()])
  assert.ok(frozen && healthy)
  const members = [frozen.member, healthy.member]
  const { pool, upstream } = poolOf({ servers: members, downstreamTimeoutMs: 300 })
  const keyOn = (index: number): string => {
    const keys = Array.from({ length: 100 }, (_, n) => `f${n}`)
    return keys.find((key) => pool.serverOf(Buffer.from(key)) === index) ?? ''
  }
  await connected(pool)
  await frozen.freeze()
  const other = new TextUpstream(pool, turn)
  closing.push(() => other.close())
  const owed = upstream.ask(`get ${keyOn(0)}\r\nset ${keyOn(0)} 0 0 1\r\nx\r\n`)
  assert.equal(await other.ask(`set ${keyOn(1)} 0 0 1\r\nx\r\n`), 'STORED\r\n')
  const line = `SERVER_ERROR proxy downstream timeout 127.0.0.1:${frozen.port}\r\n`
  assert.equal(await owed, line.repeat(2))
  assert.equal(pool.report().servers[0]?.state, 'away')
  frozen.thaw()
  await connected(pool)
  assert.equal(await upstream.ask(`set ${keyOn(0)} 0 0 1\r\nx\r\n`), 'STORED\r\n')
})

test('a server that closes: reads are asked again, writes that it may have done are not', async () => {
  const requests: string[] = []
  const { member } = await fakeServer((socket, text) => {
    requests.push(text)
    if (text === 'version\r\n') socket.write('VERSION 1.6.18\r\n')
    else if (text.includes('good')) socket.write('VALUE good 0 1\r\nx\r\nEND\r\n')
    else if (text.startsWith('get b')) socket.write('END\r\n')
    else socket.destroy()
  })
  const { pool, upstream } = poolOf({ servers: [member] })
  await connected(pool)
  assert.equal(await upstream.ask('get good\r\n'), 'VALUE good 0 1\r\nx\r\nEND\r\n')
  const served = performance.now()
  await until(
    'older than a connection that counts as failed',
    () => performance.now() - served > 150,
  )
  const reply = await upstream.ask('set a 0 0 1\r\nx\r\nget b\r\n')
  assert.equal(reply, `SERVER_ERROR proxy downstream closed 127.0.0.1:${member.port}\r\nEND\r\n`)
  assert.equal(requests.filter((text) => text.startsWith('set')).length, 1)
  assert.equal(pool.report().counters.retries, 1)
})

test('a server without meta commands says so, gets no value for a command, and serves the rest', async () => {
  const seen: string[] = []
  const { member } = await fakeServer((socket, text) => {
    seen.push(text)
    if (text === 'version\r\n') socket.write('VERSION 1.4.5\r\n')
    else if (text.startsWith('m')) socket.write('ERROR\r\n')
    else socket.write('STORED\r\n')
  })
  const { upstream } = poolOf({ servers: [member] })
  const line = 'SERVER_ERROR server does not speak meta commands\r\n'
  assert.equal(await upstream.ask('ms a 9 C1 I\r\nflush_all\r\n'), line)
  assert.equal(await upstream.ask('mg a t\r\n'), line)
  assert.equal(await upstream.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
  assert.equal(
    seen.some((text) => text.includes('flush_all')),
    false,
  )
})

test('a login in text is made where a server wants it, and nowhere else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-pool-'))
  closing.push(() => rm(folder, { recursive: true }))
  const users = join(folder, 'users')
  await writeFile(users, 'app:secret\n', { mode: 0o644 })
  spawnSync('chmod', ['755', folder])
  const [guarded, open] = await Promise.all([memcached('-Y', users), memcached()])
  assert.ok(guarded && open)
  const logged: string[] = []
  const log: MemcachedPoolOptions['log'] = (_level, message, fields) => {
    logged.push(JSON.stringify([message, fields]))
  }
  const credentials = { username: 'app', password: 'secret' }
  const good = poolOf({ servers: [guarded.member], credentials, log })
  assert.equal(await good.upstream.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
  const plain = poolOf({ servers: [open.member], credentials, log })
  assert.equal(await plain.upstream.ask('get login\r\n'), 'END\r\n')
  const wrong = { username: 'app', password: 'wrong-secret' }
  const bad = poolOf({ servers: [guarded.member], credentials: wrong, log })
  assert.match(await bad.upstream.ask('get a\r\n'), /^SERVER_ERROR proxy write to downstream /)
  await until('logged', () => logged.some((one) => one.includes('refused the credentials')))
  assert.equal(logged.join().includes('secret'), false)
})

test('a name is tried at each of its addresses, and at the last known ones if it has none', async () => {
  const server = await memcached()
  let addresses = ['127.0.0.9', '127.0.0.1']
  const servers = [{ host: 'cache.test', port: server.port, weight: 1 }]
  const lookup = async (host: string): Promise<string[]> => {
    assert.equal(host, 'cache.test')
    if (addresses.length === 0) throw new Error('no such name')
    return addresses
  }
  const { pool, upstream } = poolOf({ servers, lookup })
  assert.equal(await upstream.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
  addresses = []
  await server.kill()
  await until('away', () => stateOf(pool) === 'away')
  await server.restart()
  await until('back at the last known address', () => stateOf(pool) === 'connected')
})

test('a name is followed where it leads next; what was asked before is still answered', async () => {
  let asked: Socket | undefined
  const first = await fakeServer((socket, text) => {
    if (text === 'version\r\n') socket.write('VERSION 1.6.18\r\n')
    else asked = socket
  })
  const { port } = first.member
  const second = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        const isGet = chunk.toString('latin1').startsWith('get')
        socket.write(isGet ? 'VALUE a 0 6\r\nsecond\r\nEND\r\n' : 'VERSION 1.6.18\r\n')
      })
  }).listen(port, '127.0.0.2')
  await once(second, 'listening')
  closing.push(() => second.close())
  let address = '127.0.0.1'
  const server = serverNamed('cache.test', port, async () => [address])
  const upstream = new TextUpstream(backendOf(server), turn)
  closing.push(() => {
    upstream.close()
    for (const operation of server.close()) operation.fail('SERVER_ERROR closed')
  })
  await until('connected', () => server.report().state === 'connected')
  const owed = upstream.ask('get a\r\n')
  await until('asked', () => asked !== undefined)
  address = '127.0.0.2'
  server.lookUp()
  const later = new TextUpstream(backendOf(server), turn)
  closing.push(() => later.close())
  await until('followed', () => server.report().outstanding === 0)
  assert.equal(await later.ask('get a\r\n'), 'VALUE a 0 6\r\nsecond\r\nEND\r\n')
  asked?.write('VALUE a 0 5\r\nfirst\r\nEND\r\n')
  assert.equal(await owed, 'VALUE a 0 5\r\nfirst\r\nEND\r\n')
  server.sweep(performance.now())
  await until('the old connection closes', () => first.sockets.size === 0)
})

function serverNamed(host: string, port: number, lookup: LookupAddresses): MemcachedServer {
  return new MemcachedServer({
    name: `${host}:${port}`,
    address: new PoolAddress(host, 400, lookup),
    target: {
      port,
      protocol: 'text',
      credentials: undefined,
      connectTimeoutMs: 400,
      greetingTimeoutMs: 1000,
      silenceTimeoutMs: 5000,
      valueBytesMax: 1_000_000,
    },
    turn,
    inFlightMax: 100,
    counters: {
      retries: 0,
      connection_losses: 0,
      away_refused: 0,
      queue_refused: 0,
      merged_gets: 0,
    },
    log: () => {},
    links: 1,
    binary: false,
  })
}

function backendOf(server: MemcachedServer): Backend {
  return {
    submit: (operation) => server.submit(operation),
    report: () => ({ kind: 'memcached', usable: true, outstanding: 0, servers: [], counters: {} }),
    stop: async () => {},
  }
}

test('a name that leads nowhere fails its operations', async () => {
  const servers = [{ host: 'nowhere.test', port: 11211, weight: 1 }]
  const lookup = (): Promise<string[]> => Promise.reject(new Error('no such name'))
  const { upstream } = poolOf({ servers, lookup })
  const line = 'SERVER_ERROR proxy write to downstream nowhere.test:11211\r\n'
  assert.equal(await upstream.ask('get a\r\n'), line)
})

test('a pool that ejects gives the keys of a dead server to the others, until it is back', async () => {
  const [dead, alive] = await Promise.all([memcached(), memcached()])
  assert.ok(dead && alive)
  const { pool, upstream } = poolOf({ servers: [dead.member, alive.member], ejectDead: true })
  await connected(pool)
  const keys = Array.from({ length: 40 }, (_, n) => `e${n}`)
  const chosen = (): Set<number> => new Set(keys.map((key) => pool.serverOf(Buffer.from(key))))
  assert.deepEqual(chosen(), new Set([0, 1]))
  await dead.kill()
  await until('ejected', () => chosen().size === 1)
  const sets = keys.map((key) => `set ${key} 0 0 1\r\nx\r\n`).join('')
  assert.equal(await upstream.ask(sets), 'STORED\r\n'.repeat(keys.length))
  await dead.restart()
  await until('back', () => chosen().size === 2)
})

test('what is beyond the bound in flight waits its turn', async () => {
  const server = await memcached()
  const { pool, upstream } = poolOf({ servers: [server.member], downstreamMax: 3 })
  await connected(pool)
  const values = Array.from({ length: 100 }, (_, n) => String(n))
  const requests = values.map((value) => `set b 0 0 ${value.length}\r\n${value}\r\nget b\r\n`)
  const expected = values.map(
    (value) => `STORED\r\nVALUE b 0 ${value.length}\r\n${value}\r\nEND\r\n`,
  )
  assert.equal(await upstream.ask(requests.join('')), expected.join(''))
})

test('flush_all fails if one server is away', async () => {
  const server = await memcached()
  const away = { host: '127.0.0.1', port: await freePort(), weight: 1 }
  const { upstream } = poolOf({ servers: [server.member, away] })
  const line = `SERVER_ERROR proxy write to downstream 127.0.0.1:${away.port}\r\n`
  assert.equal(await upstream.ask('flush_all\r\n'), line)
})

test('a pool that stops answers what it owes', async () => {
  const { member } = await fakeServer((socket, text) => {
    if (text === 'version\r\n') socket.write('VERSION 1.6.18\r\n')
  })
  const { pool, upstream } = poolOf({ servers: [member] })
  await connected(pool)
  const owed = upstream.ask('get a\r\nset a 0 0 1\r\nx\r\n')
  await pool.stop()
  assert.equal(await owed, 'SERVER_ERROR proxy is stopping\r\n'.repeat(2))
  assert.equal(await upstream.ask('get a\r\n'), 'SERVER_ERROR proxy is stopping\r\n')
})
