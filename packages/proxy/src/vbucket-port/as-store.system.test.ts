/** Another proxy in front of a vBucket port, by the map that it publishes, as moxi was. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { Opcode } from '@holdfast/protocol'
import { pino } from 'pino'
import { checkConfig } from '../config-schema.ts'
import { type RunningProxy, startConfiguredProxy } from '../proxy.ts'
import { TextClient } from '../testing/text-client.ts'
import { VBucketStage } from '../testing/vbucket-stage.ts'

describe('a proxy in front of vBucket ports', () => {
  let stage: VBucketStage
  const proxies: RunningProxy[] = []

  before(async () => {
    stage = await VBucketStage.raise()
    stage.store.publish({ hereBelow: 1024 })
    await stage.proxy.ready
  })

  after(async () => {
    for (const proxy of proxies) await proxy.stop()
    await stage?.strike()
  })

  /** It knows the map as any client does, and nothing of the engines. */
  async function inFront(login: object, map: object): Promise<TextClient> {
    const checked = checkConfig({
      listeners: [{ port: 0 }],
      backends: { store: { type: 'map', config: map, ...login } },
      buckets: { default: { use: 'store' } },
      http: { port: 0 },
    })
    assert.ok(checked.config, JSON.stringify(checked.issues))
    const proxy = await startConfiguredProxy(checked.config, pino({ level: 'silent' }))
    proxies.push(proxy)
    return await TextClient.connect(proxy.address)
  }

  async function publishedMap(): Promise<object> {
    const client = await stage.open()
    const { text } = await client.ask(Opcode.GetClusterConfig)
    const map: unknown = JSON.parse(text)
    assert.ok(typeof map === 'object' && map !== null)
    return map
  }

  test('carries everything over, without a login and with one', async () => {
    const map = await publishedMap()
    const shop = { ...map, name: 'shop' }
    for (const client of [
      await inFront({}, map),
      await inFront({ username: 'shop', password: 'pw' }, shop),
    ]) {
      assert.equal(await client.ask('set a 5 0 1\r\nx\r\n'), 'STORED\r\n')
      assert.match(await client.ask('gets a\r\n'), /^VALUE a 5 1 \d+\r\nx\r\nEND\r\n$/)
      assert.equal(await client.ask('append a 0 0 1\r\ny\r\n'), 'STORED\r\n')
      assert.equal(await client.ask('touch a 100\r\n'), 'TOUCHED\r\n')
      assert.equal(await client.ask('gat 100 a\r\n'), 'VALUE a 5 2\r\nxy\r\nEND\r\n')
      assert.equal(await client.ask('set n 0 0 1\r\n7\r\n'), 'STORED\r\n')
      assert.equal(await client.ask('incr n 5\r\n'), '12\r\n')
      assert.equal(await client.ask('delete a\r\n'), 'DELETED\r\n')
      assert.equal(await client.ask('get a n\r\n'), 'VALUE n 0 2\r\n12\r\nEND\r\n')
      client.close()
    }
  })

  test('follows the map that a refusal holds, and the next one', async () => {
    const map = await publishedMap()
    const client = await inFront({}, map)
    assert.equal(await client.ask('set m 0 0 1\r\nx\r\n'), 'STORED\r\n')
    // All goes to a node that does not answer: the refusal says so.
    stage.store.publish({ hereBelow: 0, rev: 2 })
    await until('the vBuckets are gone', async () => {
      return (await client.ask('get m\r\n')).startsWith('SERVER_ERROR')
    })
    client.close()
  })
})
