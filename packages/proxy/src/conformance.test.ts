// One suite, three servers: memcached itself, the proxy over engines, the proxy over the embedded
// store. memcached's answers are the expected ones.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startEngines, type TestEngines, until } from '@holdfast/client/testing'
import { pino } from 'pino'
import { type RunningProxy, startProxy } from './proxy.ts'
import { ConfigServer } from './testing/config-server.ts'
import {
  CONFORMANCE_CASES,
  type ConformanceCase,
  DOCUMENTED_DIFFERENCES,
} from './testing/conformance-cases.ts'
import { TextClient } from './testing/text-client.ts'

const SENTINEL = 'VALUE sentinel 0 8\r\nSENTINEL\r\nEND\r\n'
const logger = pino({ level: 'silent' })

/** Sends one request and everything until the sentinel's value, which is left out. */
async function answer(client: TextClient, request: string): Promise<string> {
  client.send(request)
  client.send('set sentinel 0 0 8 noreply\r\nSENTINEL\r\nget sentinel\r\n')
  const reply = await client.take(SENTINEL)
  return reply.endsWith(SENTINEL) ? reply.slice(0, -SENTINEL.length) : `${reply}(closed)`
}

async function converse(address: string, { steps }: ConformanceCase): Promise<string[]> {
  const client = await TextClient.connect(address)
  let cas = '1'
  const replies: string[] = []
  await client.ask('flush_all\r\n')
  for (const step of steps) {
    const reply = await answer(client, step.replace('{cas}', cas))
    cas = /^VALUE \S+ \d+ \d+ (\d+)\r$/m.exec(reply)?.[1] ?? cas
    replies.push(reply.replace(/^(VALUE \S+ \d+ \d+) \d+\r$/gm, '$1 CAS\r'))
    if (client.closed) break
  }
  client.close()
  return replies
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

describe('answers agree with memcached', () => {
  let memcached: ChildProcess
  let memcachedAddress: string
  let engines: TestEngines
  let configs: ConfigServer
  let folder: string
  let overEngines: RunningProxy
  let embedded: RunningProxy

  before(async () => {
    const port = await freePort()
    memcachedAddress = `127.0.0.1:${port}`
    const args = ['-p', String(port), '-U', '0', '-l', '127.0.0.1', '-I', '20m', '-u', 'nobody']
    memcached = spawn('memcached', args, { stdio: 'ignore' })
    engines = await startEngines(2, 1)
    configs = await new ConfigServer(engines.config).start()
    folder = await mkdtemp(join(tmpdir(), 'holdfast-embedded-'))
    const common = { host: '127.0.0.1', port: 0, httpPort: 0, logger }
    overEngines = await startProxy({ ...common, urls: [configs.url] })
    embedded = await startProxy({ ...common, urls: [`embedded:${folder}`] })
    await overEngines.ready
    await until('memcached answers', async () => {
      const client = await TextClient.connect(memcachedAddress).catch(() => undefined)
      client?.close()
      return client !== undefined
    })
  })

  after(async () => {
    await overEngines?.stop()
    await embedded?.stop()
    await configs?.stop()
    await engines?.stop()
    if (memcached?.exitCode === null) {
      memcached.kill('SIGKILL')
      await once(memcached, 'exit')
    }
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  for (const conversation of CONFORMANCE_CASES) {
    test(conversation.name, async () => {
      const expected = await converse(memcachedAddress, conversation)
      assert.deepEqual(await converse(overEngines.address, conversation), expected, 'over engines')
      assert.deepEqual(await converse(embedded.address, conversation), expected, 'embedded')
    })
  }

  for (const { request, memcached: theirs, holdfast, why } of DOCUMENTED_DIFFERENCES) {
    test(`${JSON.stringify(request)} differs: ${why}`, async () => {
      for (const [address, expected] of [
        [memcachedAddress, theirs],
        [overEngines.address, holdfast],
        [embedded.address, holdfast],
      ] as const) {
        const client = await TextClient.connect(address)
        await client.ask('flush_all\r\n')
        assert.equal(await client.ask(request), expected)
        client.close()
      }
    })
  }
})
