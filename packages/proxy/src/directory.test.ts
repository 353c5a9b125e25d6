import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { pino } from 'pino'
import { checkConfig } from './config-schema.ts'
import { type RunningProxy, startConfiguredProxy } from './proxy.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { BinaryClient } from './testing/binary-client.ts'
import { TextClient } from './testing/text-client.ts'

const SET = { key: 'who', extras: '0000000000000000' }

describe('several buckets behind one listener', () => {
  let folder: string
  let proxy: RunningProxy

  function configOf(more: Record<string, unknown> = {}): ProxyConfig {
    const checked = checkConfig({
      listeners: [{ port: 0, bucket: null }],
      backends: {
        a: { type: 'embedded', folder: join(folder, 'a') },
        b: { type: 'embedded', folder: join(folder, 'b') },
      },
      routes: { both: { type: 'failover', pools: ['a', 'b'] } },
      buckets: { one: { use: 'both', password: 'first' }, two: { use: 'b' } },
      users: { app: { bucket: 'two', password: 'second' } },
      http: { port: 0 },
      ...more,
    })
    return checked.config ?? assert.fail(JSON.stringify(checked.issues))
  }

  async function login(name: string, password: string): Promise<[BinaryClient, number]> {
    const client = await BinaryClient.connect(proxy.address)
    const value = `\0${name}\0${password}`
    const { status } = await client.ask(Opcode.SaslAuth, { key: 'PLAIN', value })
    return [client, status]
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-directory-'))
    proxy = await startConfiguredProxy(configOf(), pino({ level: 'silent' }))
  })

  after(async () => {
    await proxy?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('a login leads to the bucket of its name, or of its user', async () => {
    const [one, first] = await login('one', 'first')
    const [two, second] = await login('app', 'second')
    assert.deepEqual([first, second], [BinaryStatus.Success, BinaryStatus.Success])
    await one.ask(Opcode.Set, { ...SET, value: 'one' })
    await two.ask(Opcode.Set, { ...SET, value: 'two' })
    assert.equal((await one.ask(Opcode.Get, { key: 'who' })).value, 'one')
    assert.equal((await two.ask(Opcode.Get, { key: 'who' })).value, 'two')
    one.close()
    two.close()
  })

  test('a bucket without a password has no login of its own name', async () => {
    const [client, status] = await login('two', '')
    assert.equal(status, BinaryStatus.AuthError)
    client.close()
  })

  test('a changed route and password hold at once; a login made before stays', async () => {
    const [one] = await login('one', 'first')
    await proxy.reload(
      configOf({ buckets: { one: { use: 'b', password: 'other' }, two: { use: 'a' } } }),
    )
    assert.equal((await one.ask(Opcode.Get, { key: 'who' })).value, 'two')
    const [late, refused] = await login('one', 'first')
    assert.equal(refused, BinaryStatus.AuthError)
    late.close()
    one.close()
  })

  test('a bucket that is taken out answers so', async () => {
    const [one] = await login('one', 'other')
    await proxy.reload(configOf({ buckets: { two: { use: 'a' } } }))
    const { status } = await one.ask(Opcode.Get, { key: 'who' })
    assert.notEqual(status, BinaryStatus.Success)
    await proxy.reload(configOf())
    assert.equal((await one.ask(Opcode.Get, { key: 'who' })).status, BinaryStatus.Success)
    one.close()
  })

  test('a configuration whose port is taken changes nothing', async () => {
    const port = Number(proxy.httpAddress.split(':')[1])
    const listeners = [{ port: 0, bucket: null }, { port }]
    await assert.rejects(proxy.reload(configOf({ listeners, buckets: { two: { use: 'a' } } })), {
      code: 'HOLDFAST_LISTEN',
    })
    assert.equal(proxy.addresses.length, 1)
    const [one, status] = await login('one', 'first')
    assert.equal(status, BinaryStatus.Success)
    one.close()
    const text = await TextClient.connect(proxy.address)
    assert.match(await text.ask('get a\r\n'), /^(SERVER_ERROR|CLIENT_ERROR)/)
    text.close()
  })
})
