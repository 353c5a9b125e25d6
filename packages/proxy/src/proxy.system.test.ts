import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startEngines, type TestEngines, until } from '@holdfast/client/testing'
import { pino } from 'pino'
import { type RunningProxy, startProxy } from './proxy.ts'
import { ConfigServer } from './testing/config-server.ts'
import { TextClient } from './testing/text-client.ts'

const logger = pino({ level: 'silent' })

async function health(proxy: RunningProxy): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://${proxy.httpAddress}/health`)
  return { status: response.status, body: await response.text() }
}

describe('a proxy over a replicated bucket', () => {
  let engines: TestEngines
  let configs: ConfigServer
  let proxy: RunningProxy
  let client: TextClient

  before(async () => {
    engines = await startEngines(3, 1)
    configs = await new ConfigServer(engines.config).start()
    proxy = await startProxy({
      host: '127.0.0.1',
      port: 0,
      httpPort: 0,
      urls: ['http://127.0.0.1:9/', configs.url],
      credentials: { username: 'admin', password: 'secret' },
      logger,
    })
    await proxy.ready
    client = await TextClient.connect(proxy.address)
  })

  after(async () => {
    client?.close()
    await proxy?.stop()
    await configs?.stop()
    await engines?.stop()
  })

  test('serves set and get and says who it is to the config server', async () => {
    assert.equal(await client.ask('set a 1 0 2\r\nhi\r\n'), 'STORED\r\n')
    assert.equal(await client.ask('get a\r\n', 'END\r\n'), 'VALUE a 1 2\r\nhi\r\nEND\r\n')
    assert.match(configs.seen[0]?.version ?? '', /^\d+\.\d+\.\d+/)
    const basic = Buffer.from('admin:secret').toString('base64')
    assert.equal(configs.seen[0]?.authorization, `Basic ${basic}`)
  })

  test('reports health and metrics', async () => {
    const { status, body } = await health(proxy)
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse(body), {
      ok: true,
      draining: false,
      workers: 1,
      kind: 'cluster',
      bucket: 'default',
      configRev: 1,
      servers: engines.config.shards.map(({ vBuckets, primary }) => {
        const counts = { held: 0, outstanding: 0, connects: 1, failures: 0 }
        return { address: primary, state: 'connected', ...counts, vBuckets }
      }),
      buckets: [{ bucket: 'default', kind: 'cluster', usable: true, configRev: 1 }],
    })
    assert.ok(!body.includes('pa55word'))
    const metrics = await (await fetch(`http://${proxy.httpAddress}/metrics`)).text()
    assert.match(
      metrics,
      /holdfast_proxy_commands_total\{bucket="default",command="set",result="stored"\} 1\n/,
    )
    assert.match(
      metrics,
      /holdfast_proxy_latency_seconds_count\{bucket="default",class="store"\} [1-9]/,
    )
    assert.match(metrics, /holdfast_proxy_shards_connected\{bucket="default"\} 3\n/)
  })

  test('keeps the connection and answers everything across a failover', async () => {
    const [primary, heir] = engines.shards[0] ?? []
    assert.ok(primary && heir)
    primary.process.kill('SIGKILL')
    const keys = Array.from({ length: 50 }, (_, i) => `fail${i}`)
    const asked = keys.map((key) => `set ${key} 0 0 1\r\nx\r\n`).join('')
    const answers = client.ask(asked, 'STORED\r\n'.repeat(50))
    await engines.promote(heir)
    const [first, ...others] = engines.config.shards
    assert.ok(first)
    assert.equal((await health(proxy)).status, 200)
    const moved = { ...first, primary: heir.address, replicas: [] }
    configs.publish({ ...engines.config, rev: 2, shards: [moved, ...others] })
    assert.equal(await answers, 'STORED\r\n'.repeat(50))
    const values = keys.map((key) => `VALUE ${key} 0 1\r\nx\r\n`).join('')
    assert.equal(await client.ask(`get ${keys.join(' ')}\r\n`, 'END\r\n'), `${values}END\r\n`)
  })

  test('a config server that is gone changes nothing', async () => {
    await configs.stop()
    assert.equal(await client.ask('get a\r\n', 'END\r\n'), 'VALUE a 1 2\r\nhi\r\nEND\r\n')
    assert.equal((await health(proxy)).status, 200)
    await until('the stream is noticed gone', () => configs.streams === 0)
    assert.equal(await client.ask('set a 1 0 2\r\nho\r\n'), 'STORED\r\n')
  })

  test('stop answers what is outstanding and closes', async () => {
    const asked = Array.from({ length: 200 }, (_, i) => `set s${i} 0 0 1\r\nx\r\n`).join('')
    const answers = client.ask(asked, 'STORED\r\n'.repeat(200))
    await until('requests arrive', async () => {
      const metrics = await (await fetch(`http://${proxy.httpAddress}/metrics`)).text()
      return /holdfast_proxy_read_bytes_total\{bucket="default"\} (\d{4,})/.test(metrics)
    })
    await proxy.stop()
    assert.equal(await answers, 'STORED\r\n'.repeat(200))
    await client.ended()
  })
})
