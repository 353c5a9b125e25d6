// MemcachedClient against real memcached servers in each way that one can be spoken to.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MemcachedClient, type MemcachedClientOptions } from './memcached-client.ts'
import { type ClassicLink, startClassicLink } from './testing/classic-link.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'

const CREDENTIALS = { username: 'ann', password: 'secret-1' }

let folder = ''
let plain: MemcachedProcess
let ascii: MemcachedProcess
let sasl: MemcachedProcess
let classic: ClassicLink
const cleanup = new AsyncDisposableStack()

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sasl-'))
  cleanup.defer(() => rm(folder, { recursive: true }))
  // memcached gives up root before it reads these.
  await chmod(folder, 0o755)
  const socket = join(folder, 'mux')
  const passwordServer = await startPasswordServer(socket)
  cleanup.defer(() => void passwordServer.close())
  await writeFile(
    join(folder, 'memcached.conf'),
    `mech_list: plain\npwcheck_method: saslauthd\nsaslauthd_path: ${socket}\n`,
  )
  const users = join(folder, 'users')
  await writeFile(users, `${CREDENTIALS.username}:${CREDENTIALS.password}\n`)
  process.env.SASL_CONF_PATH = folder
  const start = async (...args: string[]): Promise<MemcachedProcess> =>
    cleanup.adopt(await MemcachedProcess.start(...args), (server) => server.kill())
  plain = await start()
  ascii = await start('-Y', users)
  sasl = await start('-S')
  classic = cleanup.adopt(await startClassicLink(plain.port), (link) => link.close())
})

after(async () => {
  delete process.env.SASL_CONF_PATH
  await cleanup.disposeAsync()
})

const WAYS: { name: string; tellsCas: boolean; options: () => Partial<MemcachedClientOptions> }[] =
  [
    { name: 'text with meta', tellsCas: true, options: () => ({ port: plain.port }) },
    {
      name: 'text of a server without meta',
      tellsCas: false,
      options: () => ({ port: classic.port }),
    },
    {
      name: 'text with a login',
      tellsCas: true,
      options: () => ({ port: ascii.port, credentials: CREDENTIALS }),
    },
    {
      name: 'binary',
      tellsCas: true,
      options: () => ({ port: plain.port, protocol: 'binary' }),
    },
    {
      name: 'binary with SASL',
      tellsCas: true,
      options: () => ({ port: sasl.port, protocol: 'binary', credentials: CREDENTIALS }),
    },
  ]

for (const { name, tellsCas, options } of WAYS) {
  describe(name, () => {
    let client: MemcachedClient
    const key = (word: string): string => `${name.replaceAll(' ', '-')}:${word}`

    before(() => {
      client = new MemcachedClient({ host: '127.0.0.1', port: 0, ...options() })
    })
    after(() => client.close())

    test('writes tell the version they made, and cas goes by it', async () => {
      const first = await client.set(key('a'), Buffer.from('1'), { ttlSeconds: 100, flags: 7 })
      const read = await client.gets(key('a'))
      assert.ok(read)
      assert.deepEqual([read.value.toString(), read.flags], ['1', 7])
      assert.equal(first.cas, tellsCas ? read.cas : undefined)
      const second = await client.cas(key('a'), Buffer.from('2'), read.cas)
      assert.equal(second.outcome, 'STORED')
      assert.equal(second.cas, tellsCas ? (await client.gets(key('a')))?.cas : undefined)
      assert.equal((await client.cas(key('a'), Buffer.from('3'), read.cas)).outcome, 'EXISTS')
      assert.equal((await client.cas(key('none'), Buffer.from('3'), read.cas)).outcome, 'NOT_FOUND')
    })

    test('add, replace and delete tell what they found', async () => {
      assert.equal((await client.add(key('b'), Buffer.from('1'))).outcome, 'STORED')
      assert.equal((await client.add(key('b'), Buffer.from('2'))).outcome, 'EXISTS')
      assert.equal((await client.replace(key('b'), Buffer.from('3'))).outcome, 'STORED')
      assert.equal((await client.replace(key('c'), Buffer.from('3'))).outcome, 'NOT_FOUND')
      assert.equal(await client.delete(key('b')), true)
      assert.equal(await client.delete(key('b')), false)
      assert.equal(await client.get(key('b')), undefined)
    })

    test('touch and gat renew the time to live, over 30 days as well', async () => {
      await client.set(key('d'), Buffer.from('x'), { ttlSeconds: 2_592_001 })
      assert.equal(await client.touch(key('d'), 31_536_000), true)
      assert.equal((await client.gats(key('d'), 5_000_000))?.value.toString(), 'x')
      assert.equal((await client.gat(key('d'), 60))?.value.toString(), 'x')
      assert.equal(await client.touch(key('none'), 60), false)
      assert.equal(await client.gats(key('none'), 60), undefined)
    })

    test('values are kept byte for byte, the empty and the large one too', async () => {
      const values = ['', '\r\n', 'END\r\n', 'x'.repeat(700_000)].map((text) => Buffer.from(text))
      await Promise.all(values.map((value, i) => client.set(key(`v${i}`), value)))
      const read = await Promise.all(values.map((_, i) => client.gets(key(`v${i}`))))
      assert.ok(values.every((value, i) => read[i]?.value.equals(value)))
    })

    test('a refusal names its reason and leaves the connection in step', async () => {
      const refused = assert.rejects(client.set(key('large'), Buffer.alloc(2 * 1024 * 1024)), {
        code: 'HOLDFAST_SERVER_REPLY',
        message: /too large/i,
      })
      const beside = client.version()
      await refused
      assert.match(await beside, /^1\./)
      await client.set(key('word'), Buffer.from('x'))
      await assert.rejects(client.incr(key('word')), { code: 'HOLDFAST_SERVER_REPLY' })
      await client.set(key('n'), Buffer.from('41'))
      assert.equal(await client.incr(key('n')), 42n)
      assert.equal(await client.incr(key('none')), undefined)
    })

    test('a key that no server can take is a TypeError, and the others go on', async () => {
      const good = client.set(key('good'), Buffer.from('1'))
      await assert.rejects(client.set('a b', Buffer.from('x')), TypeError)
      await assert.rejects(client.cas(key('a'), Buffer.from('x'), 'no number'), Error)
      assert.equal((await good).outcome, 'STORED')
    })
  })
}

test('a refused login is an error without the password', async () => {
  const wrong = { username: 'ann', password: 'guessed-wrongly' }
  const ways: Partial<MemcachedClientOptions>[] = [
    { port: ascii.port, credentials: wrong },
    { port: sasl.port, protocol: 'binary', credentials: wrong },
    { port: ascii.port },
  ]
  for (const way of ways) {
    const client = new MemcachedClient({ host: '127.0.0.1', port: 0, ...way })
    await assert.rejects(client.get('a'), (error) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /connect to .* failed: .*(credentials|login)/)
      assert.doesNotMatch(error.message + String(error.stack), /guessed-wrongly/)
      return true
    })
    await client.close()
  }
})

test('a peer that hangs up at a meta command is spoken to without', async () => {
  const link = await startClassicLink(plain.port, { hangsUp: true })
  const client = new MemcachedClient({ host: '127.0.0.1', port: link.port })
  for (let time = 0; time < 2; time++) {
    await assert.rejects(client.get('a'), { code: 'HOLDFAST_CONNECT_FAILED' })
  }
  assert.equal((await client.set('hung', Buffer.from('1'))).cas, undefined)
  await client.close()
  await link.close()
})

/** The side of SASL that knows the passwords, as memcached's library asks it. */
async function startPasswordServer(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', (request: Buffer) => {
      const words: string[] = []
      for (let at = 0; at + 2 <= request.length; ) {
        const end = at + 2 + request.readUInt16BE(at)
        words.push(request.toString('utf8', at + 2, end))
        at = end
      }
      const [name, password] = words
      const passed = name === CREDENTIALS.username && password === CREDENTIALS.password
      socket.end(Buffer.from(`\0\x02${passed ? 'OK' : 'NO'}`, 'latin1'))
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  await chmod(path, 0o777)
  return server
}
