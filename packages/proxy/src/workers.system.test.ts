import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { Health } from './http-server.ts'
import { CommandProcess } from './testing/command-process.ts'
import { TextClient } from './testing/text-client.ts'

const WORKERS = 3

describe('a proxy of several workers', () => {
  let memcached: MemcachedProcess
  let folder: string
  let configFile: string
  let proxy: CommandProcess
  let address: string
  const clients: TextClient[] = []

  function configText(prefix: string, socket: string): string {
    return `
listeners:
  - port: 0
  - { socket: "${socket}", bucket: default }
backends:
  cache: { type: memcached, servers: ["127.0.0.1:${memcached.port}"] }
routes:
  prefixed: { type: key-prefix, pool: cache, add: "${prefix}" }
buckets:
  default: { use: prefixed }
http: { port: 0 }
workers: ${WORKERS}
`
  }

  async function connect(count: number): Promise<TextClient[]> {
    const made = await Promise.all(Array.from({ length: count }, () => TextClient.connect(address)))
    clients.push(...made)
    for (const one of made) assert.match(await one.ask('version\r\n'), /^VERSION/)
    return made
  }

  async function health(): Promise<Health> {
    const response = await fetch(`http://${proxy.httpAddress}/health`)
    return (await response.json()) as Health
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-workers-'))
    configFile = join(folder, 'proxy.yaml')
    memcached = await MemcachedProcess.start()
    await writeFile(configFile, configText('a:', join(folder, 'socket')))
    proxy = new CommandProcess(['--config', configFile])
    address = await proxy.ready()
    await until('it has said where its HTTP port is', () => proxy.httpAddress !== '')
  })

  after(async () => {
    for (const one of clients) one.close()
    await proxy?.stop()
    await memcached?.kill()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  test('spreads connections and sums statistics, health and metrics', async () => {
    const many = await connect(6)
    for (const [i, one] of many.entries()) {
      assert.equal(await one.ask(`set k${i} 0 0 1\r\nx\r\n`), 'STORED\r\n')
    }
    const stats = (await many[0]?.ask('stats\r\n', 'END\r\n')) ?? ''
    assert.match(stats, /STAT cmd_set 6\r\n/)
    assert.match(stats, /STAT curr_connections 6\r\n/)
    assert.match(stats, /STAT threads 3\r\n/)
    const { ok, workers } = await health()
    assert.deepEqual({ ok, workers }, { ok: true, workers: WORKERS })
    const metrics = await (await fetch(`http://${proxy.httpAddress}/metrics`)).text()
    assert.match(metrics, /^holdfast_proxy_commands_total\{.*command="set".*\} 6$/m)
    assert.match(metrics, /^process_cpu_seconds_total /m)
    assert.equal(proxy.workers.length, WORKERS)
  })

  test('a reset on one connection is a reset in all of them', async () => {
    const [one, other] = await connect(2)
    assert.ok(one && other)
    assert.equal(await one.ask('stats reset\r\n'), 'RESET\r\n')
    await until('all counters are back', async () => {
      return (await other.ask('stats\r\n', 'END\r\n')).includes('STAT cmd_set 0\r\n')
    })
  })

  test('a worker that is killed takes only its own connections along and is replaced', async () => {
    // So many that each worker has some, however the system deals them out.
    const many = await connect(60)
    const [victim = 0, ...others] = proxy.workers
    process.kill(victim, 'SIGKILL')
    await until('its connections close', () => many.some((one) => one.closed))
    let living = 0
    for (const one of many) {
      const reply = await one.ask('get nothing\r\n')
      assert.ok(reply === 'END\r\n' || (reply === '' && one.closed), reply)
      if (!one.closed) living++
    }
    assert.ok(living >= 10, `${living} of ${many.length} live`)
    await until('another worker serves', async () => (await health()).workers === WORKERS)
    assert.ok(proxy.workers.length === WORKERS && !proxy.workers.includes(victim))
    assert.ok(others.every((pid) => proxy.workers.includes(pid)))
    for (const one of await connect(WORKERS)) {
      assert.equal(await one.ask('set again 0 0 1\r\nx\r\n'), 'STORED\r\n')
    }
  })

  test('all of them follow a changed file', async () => {
    const many = await connect(WORKERS)
    const [first] = many
    assert.equal(await first?.ask('set moved 0 0 3\r\nold\r\n'), 'STORED\r\n')
    await writeFile(configFile, configText('b:', join(folder, 'socket')))
    proxy.signal('SIGHUP')
    for (const one of many) {
      await until('the new prefix is in use', async () => {
        return (await one.ask('get moved\r\n', 'END\r\n')) === 'END\r\n'
      })
    }
  })

  test('a unix socket is shared as well', async () => {
    const answers = Array.from({ length: WORKERS * 2 }, async () => {
      const socket = net.connect(join(folder, 'socket'))
      socket.write('version\r\nquit\r\n')
      return (await socket.toArray()).join('')
    })
    for (const answer of await Promise.all(answers)) assert.match(answer, /^VERSION/)
  })

  test('stops in order', async () => {
    const pids = proxy.workers
    assert.equal(await proxy.stop(), 0)
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })
})
