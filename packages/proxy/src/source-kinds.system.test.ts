import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import {
  MemcachedProcess,
  until,
  VBucketConfigStream,
  VBucketServer,
  vBucketConfigJson,
} from '@holdfast/client/testing'
import { pino } from 'pino'
import { parseProxyArguments } from './arguments.ts'
import { type RunningProxy, startConfiguredProxy } from './proxy.ts'
import { CommandProcess } from './testing/command-process.ts'
import { TextClient } from './testing/text-client.ts'

const VBUCKETS = 64
const ALL = Array.from({ length: VBUCKETS }, (_, vBucket) => vBucket)

/** Starts what a command line asks for, in this process, on a free port. */
async function startFrom(...argv: string[]): Promise<RunningProxy> {
  const parsed = parseProxyArguments(argv, {
    environment: {},
    readFile: () => assert.fail('no file'),
  })
  assert.ok(parsed.kind === 'run', JSON.stringify(parsed))
  const { config } = parsed.command
  for (const listener of config.listeners) listener.port = 0
  config.http.port = 0
  return await startConfiguredProxy(config, pino({ level: 'silent' }))
}

describe('what a config server describes', () => {
  const servers: VBucketServer[] = []
  let stream: VBucketConfigStream
  let proxy: RunningProxy | undefined

  before(async () => {
    const users = new Map([['default', 'pw']])
    for (const half of [0, 1]) {
      const server = await new VBucketServer({ vBuckets: VBUCKETS, users }).start()
      servers.push(server.activate(ALL.filter((vBucket) => vBucket % 2 === half)))
    }
  })

  after(async () => {
    for (const server of servers) await server.stop()
  })

  afterEach(async () => {
    await proxy?.stop()
    await stream?.stop()
  })

  function membase(): string {
    const serverList = servers.map(({ address }) => address)
    const actives = ALL.map((vBucket) => vBucket % 2)
    return vBucketConfigJson({ serverList, actives, saslPassword: 'pw' })
  }

  test('a Membase bucket is served by its vBucket servers, with its own password', async () => {
    stream = await new VBucketConfigStream(membase()).start()
    proxy = await startFrom('-Z', 'port_listen=1', stream.url)
    await proxy.ready
    const client = await TextClient.connect(proxy.address)
    for (let i = 0; i < 20; i++) {
      assert.equal(await client.ask(`set k${i} 0 0 1\r\nx\r\n`), 'STORED\r\n')
    }
    assert.equal(
      await client.ask('get k3 k4\r\n', 'END\r\n'),
      itemText('k3') + itemText('k4', true),
    )
    assert.ok(servers.every(({ keyedRequests }) => keyedRequests > 0))
    client.close()
  })

  test('a bucket that is made anew as another kind is served without a reconnect', async () => {
    stream = await new VBucketConfigStream(membase()).start()
    proxy = await startFrom('-Z', 'port_listen=1', stream.url)
    await proxy.ready
    const client = await TextClient.connect(proxy.address)
    assert.equal(await client.ask('set kind 0 0 1\r\nx\r\n'), 'STORED\r\n')
    const memcachedBucket = {
      name: 'default',
      bucketType: 'memcached',
      uuid: 'other',
      saslPassword: 'pw',
      nodeLocator: 'ketama',
      serverList: [servers[0]?.address],
      nodes: [],
    }
    stream.publish(JSON.stringify(memcachedBucket))
    const stats = (): Promise<string> => client.ask('stats proxy buckets\r\n', 'END\r\n')
    await until('it is a pool', async () => (await stats()).includes('memcached usable'))
    assert.equal(await client.ask('set other 0 0 1\r\nx\r\n'), 'STORED\r\n')
    assert.equal(await client.ask('get other\r\n', 'END\r\n'), itemText('other', true))
    client.close()
  })

  test('a map without buckets, as while a server warms up, leaves the map in use', async () => {
    stream = await new VBucketConfigStream(membase()).start()
    proxy = await startFrom('-Z', 'port_listen=1', stream.url)
    await proxy.ready
    const client = await TextClient.connect(proxy.address)
    stream.publish(membase().replace(/"vBucketMap":\[.*?\]\]/, '"vBucketMap":[]'))
    const metrics = async (): Promise<string> => {
      return await (await fetch(`http://${proxy?.httpAddress}/metrics`)).text()
    }
    await until('it is refused', async () => /configs_refused_total\S* 1\n/.test(await metrics()))
    assert.equal(await client.ask('set warm 0 0 1\r\nx\r\n'), 'STORED\r\n')
    client.close()
  })

  test('a written map is served without any config server', async () => {
    proxy = await startFrom('-Z', 'usr=default,pwd=pw', '-z', `11999=${membase()}`)
    const client = await TextClient.connect(proxy.address)
    assert.equal(await client.ask('set written 0 0 1\r\nx\r\n'), 'STORED\r\n')
    client.close()
  })
})

describe('static lists', () => {
  test('each port has its own servers', async () => {
    const [one, two] = await Promise.all([MemcachedProcess.start(), MemcachedProcess.start()])
    const text = `11998=127.0.0.1:${one.port};11999=127.0.0.1:${two.port}`
    const proxy = await startFrom('-z', text)
    const clients = await Promise.all(proxy.addresses.map((at) => TextClient.connect(at)))
    const [first, second] = clients
    assert.equal(await first?.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
    assert.equal(await second?.ask('get a\r\n'), 'END\r\n')
    assert.equal(await first?.ask('get a\r\n', 'END\r\n'), itemText('a', true))
    for (const client of clients) client.close()
    await proxy.stop()
    await Promise.all([one.kill(), two.kill()])
  })
})

test('credentials that every config server refuses end the command, as moxi did', async () => {
  const { createServer } = await import('node:http')
  const server = createServer((_request, response) => response.writeHead(401).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const bound = server.address()
  assert.ok(typeof bound === 'object' && bound !== null)
  const args = ['-Z', 'port_listen=0,usr=u,pwd=topsecret', '--http-port', '0']
  const command = new CommandProcess([...args, `http://127.0.0.1:${bound.port}/`])
  assert.equal(await command.exited, 1)
  assert.match(command.stderr, /^ERROR: Authentication failure$/m)
  assert.ok(!command.stderr.includes('topsecret'))
  server.close()
})

function itemText(key: string, last = false): string {
  return `VALUE ${key} 0 1\r\nx\r\n${last ? 'END\r\n' : ''}`
}
