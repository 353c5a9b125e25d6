import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeLoginKeysSync } from '@holdfast/client'
import { freePort, startEngines, type TestEngines, until } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { pino } from 'pino'
import { checkConfig } from './config-schema.ts'
import { type RunningProxy, startConfiguredProxy } from './proxy.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { BinaryClient } from './testing/binary-client.ts'
import { bucketObject } from './testing/config-server.ts'
import { TextClient } from './testing/text-client.ts'

async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect({ host: '127.0.0.1', port })
  const isConnected = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isConnected
}

async function connectWhenOpen(port: number): Promise<TextClient> {
  await until(`port ${port} is open`, () => isOpen(port))
  return await TextClient.connect(`127.0.0.1:${port}`)
}

const GONE = 'SERVER_ERROR proxy out of downstreams\r\n'
const NULL_BUCKET = 'SERVER_ERROR unauthorized, null bucket\r\n'

interface Listed {
  name: string
  saslPassword: string
  holdfast: object
  uuid: string
  rev: number
  authType: 'sasl' | 'none'
  proxyPort: number
}

/** A store that streams the configs of all its buckets; they all have the same engines. */
class GatewayServer {
  readonly #engines: TestEngines
  readonly #server: http.Server
  readonly #streams: Set<http.ServerResponse> = new Set()
  #text = '{"buckets":[]}'

  constructor(engines: TestEngines) {
    this.#engines = engines
    this.#server = http.createServer((_request, response) => {
      this.#streams.add(response)
      response.on('close', () => this.#streams.delete(response))
      response.write(`${this.#text}\n\n\n\n`)
    })
  }

  get url(): string {
    const address = this.#server.address()
    assert.ok(typeof address === 'object' && address !== null)
    return `http://127.0.0.1:${address.port}/pools/default/saslBucketsStreaming`
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  publish(...buckets: Partial<Listed>[]): void {
    const objects = buckets.map(({ rev = 1, ...bucket }) => {
      const config = { ...this.#engines.config, rev }
      return { ...bucketObject(config), saslPassword: '', uuid: 'one', ...bucket }
    })
    this.#text = JSON.stringify({ buckets: objects })
    for (const stream of this.#streams) stream.write(`${this.#text}\n\n\n\n`)
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}

describe('a gateway', () => {
  let engines: TestEngines
  let server: GatewayServer
  let folder: string
  let proxy: RunningProxy
  let client: TextClient

  function config(url: string): ProxyConfig {
    const checked = checkConfig({
      listeners: [{ port: 0 }],
      gateways: [{ urls: [url], username: 'admin', password: 'secret' }],
      http: { port: 0 },
      limits: { operationTimeoutMs: 2000 },
      stateFolder: folder,
    })
    return checked.config ?? assert.fail(JSON.stringify(checked.issues))
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-gateway-'))
    engines = await startEngines(1, 1)
    server = new GatewayServer(engines)
    await server.start()
    server.publish({ name: 'default' }, { name: 'shop', saslPassword: 'pw' })
    proxy = await startConfiguredProxy(config(server.url), pino({ level: 'silent' }))
    client = await TextClient.connect(proxy.address)
  })

  after(async () => {
    client?.close()
    await proxy?.stop()
    await server?.stop()
    await engines?.stop()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  test('holds what comes before the first config for the default bucket', async () => {
    assert.equal(await client.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
    await proxy.ready
  })

  test('a login by name and password leads to its bucket; a wrong one to none', async () => {
    const shop = await BinaryClient.connect(proxy.address)
    const wrong = await shop.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0shop\0no' })
    assert.equal(wrong.status, BinaryStatus.AuthError)
    const right = await shop.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0shop\0pw' })
    assert.equal(right.value, 'Authenticated')
    const set = { key: 'b', value: 'x', extras: '0000000000000000' }
    assert.equal((await shop.ask(Opcode.Set, set)).status, BinaryStatus.Success)
    shop.close()
  })

  test('a store that knows the keys of a password alone has its logins checked by them', async () => {
    const key = (password: string) => makeLoginKeysSync(password, () => Buffer.from('some salt'))
    const holdfast = { ...engines.config, rev: 1, login: key('hashed') }
    const shop = { name: 'shop', saslPassword: 'pw' }
    server.publish({ name: 'default' }, shop, { name: 'keyed', holdfast })
    await until('the password leads to it', async () => {
      const one = await BinaryClient.connect(proxy.address)
      const login = await one.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0keyed\0hashed' })
      one.close()
      return login.status === BinaryStatus.Success
    })
    const other = await BinaryClient.connect(proxy.address)
    const wrong = await other.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0keyed\0' })
    assert.equal(wrong.status, BinaryStatus.AuthError)
    other.close()
    server.publish({ name: 'default' }, shop)
  })

  test('a bucket that goes answers so and goes on when it returns, without a reconnect', async () => {
    server.publish({ name: 'shop', saslPassword: 'pw' })
    await until('default is gone', async () => (await client.ask('get a\r\n')) === GONE)
    const late = await TextClient.connect(proxy.address)
    assert.match(await late.ask('set a 0 0 1\r\nx\r\n'), /^SERVER_ERROR/)
    late.close()
    server.publish({ name: 'default' }, { name: 'shop', saslPassword: 'pw' })
    await until('default is back', async () => {
      return (await client.ask('set a 0 0 1\r\ny\r\n')) === 'STORED\r\n'
    })
  })

  test('a default bucket that gets a password is closed to whoever has not logged in', async () => {
    server.publish({ name: 'default', saslPassword: 'new', rev: 2 })
    await until('it wants a login', async () => {
      const late = await TextClient.connect(proxy.address)
      const answer = await late.ask('get a\r\n')
      late.close()
      return answer === NULL_BUCKET
    })
    server.publish({ name: 'default', rev: 3 }, { name: 'shop', saslPassword: 'pw', rev: 3 })
  })

  test('a port of its own leads to a bucket without a login, and goes with it', async () => {
    const port = await freePort()
    server.publish({ name: 'default', rev: 4 }, { name: 'open', authType: 'none', proxyPort: port })
    const own = await connectWhenOpen(port)
    assert.equal(await own.ask('set p 0 0 1\r\nx\r\n'), 'STORED\r\n')
    assert.equal(await own.ask('get p\r\n'), 'VALUE p 0 1\r\nx\r\nEND\r\n')
    own.close()
    server.publish({ name: 'default', rev: 5 })
    await until('the port is closed', async () => !(await isOpen(port)))
  })

  test('a port that is taken is opened when it is free; the other ports do not wait', async () => {
    const [taken, free] = [await freePort(), await freePort()]
    const stranger = net.createServer().listen(taken, '127.0.0.1')
    await once(stranger, 'listening')
    server.publish(
      { name: 'default', rev: 6 },
      { name: 'one', authType: 'none', proxyPort: taken },
      { name: 'two', authType: 'none', proxyPort: free },
    )
    const two = await connectWhenOpen(free)
    assert.equal(await two.ask('get nothing\r\n'), 'END\r\n')
    two.close()
    stranger.close()
    await once(stranger, 'close')
    const one = await connectWhenOpen(taken)
    assert.equal(await one.ask('get nothing\r\n'), 'END\r\n')
    one.close()
    server.publish({ name: 'default', rev: 7 })
    await until('both are closed', async () => !(await isOpen(taken)) && !(await isOpen(free)))
  })

  test('a port of a bucket with a login stays closed', async () => {
    const port = await freePort()
    server.publish(
      { name: 'default', rev: 8 },
      { name: 'shop', saslPassword: 'pw', proxyPort: port },
    )
    await until('the bucket is there', async () => {
      const shop = await BinaryClient.connect(proxy.address)
      const answer = await shop.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0shop\0pw' })
      shop.close()
      return answer.status === BinaryStatus.Success
    })
    assert.equal(await isOpen(port), false)
  })

  test('a cluster made anew, with lower revisions, is followed without a restart', async () => {
    server.publish({ name: 'default', rev: 50 })
    const health = async (): Promise<number> => {
      const body: unknown = await (await fetch(`http://${proxy.httpAddress}/health`)).json()
      return typeof body === 'object' && body !== null && 'configRev' in body
        ? Number(body.configRev)
        : -1
    }
    await until('revision 50', async () => (await health()) === 50)
    server.publish({ name: 'default', rev: 49 })
    server.publish({ name: 'default', rev: 51 })
    await until('revision 51', async () => (await health()) === 51)
    server.publish({ name: 'default', uuid: 'two', rev: 1 })
    await until('the new bucket', async () => (await health()) === 1)
    await until('it serves', async () => {
      return (await client.ask('set a 0 0 1\r\nz\r\n')) === 'STORED\r\n'
    })
  })

  test('starts from the config kept on disk while all config servers are away', async () => {
    const url = server.url
    await proxy.stop()
    await server.stop()
    proxy = await startConfiguredProxy(config(url), pino({ level: 'silent' }))
    client = await TextClient.connect(proxy.address)
    assert.equal(await client.ask('set kept 0 0 1\r\nx\r\n'), 'STORED\r\n')
  })
})
