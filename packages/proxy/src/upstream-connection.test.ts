import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { pino } from 'pino'
import { ListenError, type ProxyOptions, type RunningProxy, startProxy } from './proxy.ts'
import { ConfigServer } from './testing/config-server.ts'
import { TextClient } from './testing/text-client.ts'

const logger = pino({ level: 'silent' })
const NO_SERVER = 'http://127.0.0.1:9/'

function start(options: Partial<ProxyOptions>): Promise<RunningProxy> {
  return startProxy({
    host: '127.0.0.1',
    port: 0,
    httpPort: 0,
    urls: [NO_SERVER],
    logger,
    ...options,
  })
}

describe('an application connection', () => {
  let folder: string
  let proxy: RunningProxy

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-upstream-'))
    proxy = await start({ urls: [`embedded:${folder}`], connectionsMax: 6 })
  })

  after(async () => {
    await proxy?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('is closed after quit, with all replies before it', async () => {
    const client = await TextClient.connect(proxy.address)
    client.send('set a 0 0 1\r\nx\r\nget a\r\nquit\r\nget a\r\n')
    await client.ended()
    assert.equal(client.received, 'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n')
  })

  test('is closed after a line that never ends, with the reason', async () => {
    const client = await TextClient.connect(proxy.address)
    client.send(`version\r\n${'x'.repeat(70_000)}`)
    await client.ended()
    assert.match(client.received, /^VERSION [^\r]+\r\nCLIENT_ERROR line too long\r\n$/)
  })

  test('gets its replies although it has stopped sending', async () => {
    const { default: net } = await import('node:net')
    const [host, port] = proxy.address.split(':')
    const socket = net.connect({ host: host ?? '', port: Number(port), allowHalfOpen: true })
    let received = ''
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString()
    })
    socket.end('set half 0 0 1\r\nx\r\nget half\r\n')
    await until('the reply and the end', () => socket.readableEnded)
    assert.equal(received, 'STORED\r\nVALUE half 0 1\r\nx\r\nEND\r\n')
  })

  test('that reads slowly is not read from until it catches up, and loses nothing', async () => {
    const client = await TextClient.connect(proxy.address)
    const value = 'v'.repeat(10_000)
    assert.equal(await client.ask(`set big 0 0 ${value.length}\r\n${value}\r\n`), 'STORED\r\n')
    client.pause()
    const gets = 3000
    client.send(`${'get big\r\n'.repeat(gets)}set last 0 0 1\r\nx\r\n`)
    const other = await TextClient.connect(proxy.address)
    await until('the requests arrive', async () => {
      const stats = await other.ask('stats\r\n', 'END\r\n')
      return Number(/STAT bytes_read (\d+)/.exec(stats)?.[1]) > gets * 9
    })
    assert.equal(await other.ask('get last big2\r\n', 'END\r\n'), 'END\r\n')
    client.resume()
    const received = await client.take('END\r\nSTORED\r\n')
    assert.equal(received.length, gets * `VALUE big 0 10000\r\n${value}\r\nEND\r\n`.length + 8)
    other.close()
    client.close()
  })

  test('beyond the limit is told so and closed, the others stay', async () => {
    const clients = [await TextClient.connect(proxy.address)]
    await until('earlier connections are gone', async () => {
      const stats = await clients[0]?.ask('stats\r\n', 'END\r\n')
      return stats?.includes('STAT curr_connections 1\r\n') === true
    })
    for (let i = 1; i < 6; i++) clients.push(await TextClient.connect(proxy.address))
    const seventh = await TextClient.connect(proxy.address)
    await seventh.ended()
    assert.match(seventh.received, /^SERVER_ERROR too many open connections\r\n$|^$/)
    for (const client of clients) {
      assert.equal(await client.ask('touch nothing 1\r\n'), 'NOT_FOUND\r\n')
      client.close()
    }
  })

  test('gets statistics in names that clients know', async () => {
    await until('earlier connections are gone', async () => {
      const metrics = await (await fetch(`http://${proxy.httpAddress}/metrics`)).text()
      return metrics.includes('holdfast_proxy_connections{bucket="default"} 0\n')
    })
    const client = await TextClient.connect(proxy.address)
    assert.equal(await client.ask('stats reset\r\n'), 'RESET\r\n')
    await client.ask('set s 0 0 1\r\nx\r\nget s nope\r\n', 'END\r\n')
    const stats = await client.ask('stats\r\n', 'END\r\n')
    for (const line of [
      'cmd_get 2',
      'cmd_set 1',
      'get_hits 1',
      'get_misses 1',
      `pid ${process.pid}`,
    ]) {
      assert.ok(stats.includes(`STAT ${line}\r\n`), `${line} in ${stats}`)
    }
    assert.match(await client.ask('stats proxy\r\n', 'END\r\n'), /STAT basic:version \d/)
    assert.equal(await client.ask('stats nonsense\r\n'), 'ERROR\r\n')
    assert.match(await client.ask('version\r\n'), /^VERSION \d+\.\d+\.\d+/)
    client.close()
  })
})

describe('a proxy without a config', () => {
  test('holds requests until their deadline and is not healthy', async () => {
    const proxy = await start({ operationTimeoutMs: 200 })
    const client = await TextClient.connect(proxy.address)
    assert.equal(
      await client.ask('set a 0 0 1\r\nx\r\n'),
      'SERVER_ERROR proxy downstream timeout\r\n',
    )
    assert.match(await client.ask('version\r\n'), /^VERSION/)
    const { status } = await fetch(`http://${proxy.httpAddress}/health`)
    assert.equal(status, 503)
    client.close()
    await proxy.stop()
  })

  test('says when its config server is no Holdfast store, and keeps asking the next', async () => {
    const wrong = await new ConfigServer(undefined).start()
    const proxy = await start({ urls: [wrong.url, NO_SERVER], operationTimeoutMs: 100 })
    await until('it asked', () => wrong.seen.length > 0)
    const client = await TextClient.connect(proxy.address)
    assert.match(await client.ask('get a\r\n'), /^SERVER_ERROR/)
    client.close()
    await proxy.stop()
    await wrong.stop()
  })

  test('fails at once when its port is taken', async () => {
    const first = await start({})
    const port = Number(first.address.split(':')[1])
    await assert.rejects(start({ port }), (error: Error) => {
      assert.ok(error instanceof ListenError)
      assert.equal(error.port, port)
      return true
    })
    await first.stop()
  })
})
