// What a running proxy tells about itself: stats in both protocols, /metrics, /ready, slow log.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { pino } from 'pino'
import { parseConfigText } from './config-file.ts'
import { type RunningProxy, startConfiguredProxy } from './proxy.ts'
import { TextClient } from './testing/text-client.ts'

const PASSWORD = 'pa55word-of-a-bucket'

let folder: string
let memcached: MemcachedProcess
let proxy: RunningProxy
let client: TextClient
const logged: string[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-stats-'))
  memcached = await MemcachedProcess.start()
  const text = `
listeners: [{ port: 0 }]
http: { port: 0 }
log: { slowMs: 100 }
limits: { operationTimeoutMs: 300 }
backends:
  one: { type: embedded, folder: ${JSON.stringify(join(folder, 'one'))} }
  two: { type: embedded, folder: ${JSON.stringify(join(folder, 'two'))} }
  hung: { type: memcached, servers: ["127.0.0.1:${memcached.port}"] }
routes:
  both: { type: write-all, pools: [one, two] }
  main: { type: prefix, prefixes: { "hung:": hung }, default: both }
buckets:
  default: { use: main }
  secret: { use: one, password: ${PASSWORD} }
`
  const config = parseConfigText(text, 'test.yaml', { environment: {}, readFile: () => '' })
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logged.push(chunk.toString())
      done()
    },
  })
  proxy = await startConfiguredProxy(config, pino(stream))
  await proxy.ready
  client = await TextClient.connect(proxy.address)
})

after(async () => {
  client?.close()
  await proxy?.stop()
  await memcached?.kill()
  if (folder) await rm(folder, { recursive: true, force: true })
})

async function http(path: string): Promise<string> {
  return await (await fetch(`http://${proxy.httpAddress}${path}`)).text()
}

test('what was asked through a policy is counted once', async () => {
  await client.ask('set k 0 0 3\r\nabc\r\n')
  await client.ask('get k k nope\r\n', 'END\r\n')
  await client.ask('incr n 1\r\n')
  const stats = await client.ask('stats\r\n', 'END\r\n')
  assert.match(stats, /STAT cmd_get 3\r\n/)
  assert.match(stats, /STAT get_hits 2\r\n/)
  assert.match(stats, /STAT get_misses 1\r\n/)
  assert.match(stats, /STAT cmd_set 1\r\n/)
  assert.match(stats, /STAT incr_misses 1\r\n/)
  assert.match(stats, /STAT curr_connections 1\r\n/)
  const proxyStats = await client.ask('stats proxy stats\r\n', 'END\r\n')
  assert.match(proxyStats, /:default:pstd_stats_cmd:regular_get:write_bytes 6\r\n/)
  assert.match(proxyStats, /:default:pstd_stats:tot_multiget_keys 3\r\n/)
  const metrics = await http('/metrics')
  assert.match(metrics, /commands_total\{bucket="default",command="get",result="hit"\} 2\n/)
  assert.match(metrics, /# TYPE holdfast_proxy_latency_seconds histogram\n/)
})

test('every bucket has to be usable', async () => {
  const ready = JSON.parse(await http('/ready'))
  assert.deepEqual(ready, { ready: true, draining: false, unusable: [] })
})

test('a slow request is logged and counted, without its key', async () => {
  assert.equal(await client.ask('get hung:token-abc\r\n'), 'END\r\n')
  await memcached.freeze()
  assert.match(await client.ask('get hung:token-abc\r\n'), /^SERVER_ERROR proxy downstream timeout/)
  memcached.thaw()
  await until('the line is written', () => logged.some((line) => line.includes('slow request')))
  const line = JSON.parse(logged.find((one) => one.includes('slow request')) ?? '')
  assert.equal(line.command, 'Get')
  assert.equal(line.bucket, 'default')
  assert.match(line.line, /^SERVER_ERROR proxy downstream timeout/)
  assert.ok(line.ms >= 100)
  const metrics = await http('/metrics')
  assert.match(metrics, /holdfast_proxy_slow_requests_total [1-9]/)
  assert.match(metrics, /holdfast_proxy_timeouts_total\{bucket="default"\} 1\n/)
})

test('no secret is told anywhere', async () => {
  const told = [
    await client.ask('stats settings\r\n', 'END\r\n'),
    await client.ask('stats proxy all\r\n', 'END\r\n'),
    await http('/metrics'),
    await http('/health'),
    await http('/ready'),
    ...logged,
  ].join('\n')
  assert.ok(!told.includes(PASSWORD))
  assert.ok(!told.includes('token-abc'))
})

test('reset begins anew, for all buckets', async () => {
  assert.equal(await client.ask('stats proxy reset\r\n'), 'OK\r\n')
  assert.match(await client.ask('stats\r\n', 'END\r\n'), /STAT cmd_get 0\r\n/)
  assert.equal(await client.ask('stats reset\r\n'), 'RESET\r\n')
})
