// The store layer over real memcached servers: which node, what happens when one dies or freezes.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { parseSessionOptions, type SessionOptions } from '../options.ts'
import { type NodeKey, SessionStore } from './session-store.ts'

const TTL_SECONDS = 100
const VALUE = Buffer.from('value')

function openStore(memcachedNodes: string, options: Partial<SessionOptions> = {}): SessionStore {
  return new SessionStore(parseSessionOptions({ memcachedNodes, secret: 's', ...options }))
}

/** Milliseconds until the call has settled, and how. */
async function timed(call: () => Promise<unknown>): Promise<{ ms: number; error: unknown }> {
  const startMs = performance.now()
  const error = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { ms: performance.now() - startMs, error }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'HOLDFAST_STORE_UNAVAILABLE'
}

function someNode(node: NodeKey | undefined): NodeKey {
  assert.ok(node)
  return node
}

describe('three nodes', () => {
  const servers: MemcachedProcess[] = []
  let nodes = ''
  let store: SessionStore

  const server = (index: number): MemcachedProcess => {
    const one = servers[index]
    assert.ok(one)
    return one
  }

  before(async () => {
    for (let i = 0; i < 3; i++) servers.push(await MemcachedProcess.start())
    nodes = servers.map(({ address }, i) => `n${i + 1}:${address}`).join(' ')
  })

  afterEach(async () => {
    await store.close()
    for (const one of servers) await one.restart()
  })

  after(async () => {
    for (const one of servers) await one.kill()
  })

  async function untilAway(node: string): Promise<void> {
    await until(`${node} is away`, async () => {
      await store.load(`x-${node}`).catch(() => undefined)
      return store.gauges().some((one) => one.node === node && !one.up)
    })
  }

  test('a session is on the node of its id, under the prefix', async () => {
    store = openStore(nodes, { storageKeyPrefix: 'static:shop' })
    const { cas } = await store.set('a-n2.app1', VALUE, TTL_SECONDS)
    const raw = await server(1).ask(Buffer.from('gets shop_a-n2\r\nquit\r\n'))
    assert.match(raw.toString(), new RegExp(`^VALUE shop_a-n2 0 5 ${cas}\r\nvalue`))
    assert.deepEqual(await store.load('a-n2.app1'), { value: VALUE, flags: 0, cas })
  })

  test('an id with an unknown node, or none, is found nowhere and throws nothing', async () => {
    store = openStore(nodes)
    for (const id of ['a-n9', 'a', 'a-n9.app1', '-', '', 'a.b-c', 'x'.repeat(500)]) {
      assert.equal(store.knows(id), false, id)
      assert.equal(store.keys.nodeOf(id), undefined)
      assert.equal(store.keys.backupNodeOf(id), undefined)
      await assert.rejects(store.load(id), isUnavailable)
      await assert.rejects(store.cas(id, VALUE, 1, '1'), isUnavailable)
    }
    assert.match(store.relocated('a-n9.app1') ?? '', /^a-n[123]\.app1$/)
    assert.match(store.relocated('a') ?? '', /^a-n[123]$/)
    assert.equal(store.relocated('-'), undefined)
    assert.equal(store.relocated('a-n1'), undefined)
  })

  test('new sessions are spread over the primaries, not over failover nodes', () => {
    store = openStore(nodes, { failoverNodes: 'n3' })
    const chosen = new Set(Array.from({ length: 200 }, () => store.chooseNodeId()))
    assert.deepEqual([...chosen].sort(), ['n1', 'n2'])
  })

  test('a killed node: its sessions move, new ones are made elsewhere, and it is used again', async () => {
    store = openStore(nodes, { failoverNodes: 'n3' })
    await server(0).kill()
    await untilAway('n1')
    assert.equal(store.relocated('a-n1.app1'), 'a-n2.app1')
    assert.equal(store.chooseNodeId(), 'n2')
    await server(1).kill()
    await untilAway('n2')
    assert.equal(store.relocated('a-n1'), 'a-n3')
    assert.equal(store.chooseNodeId(), 'n3')
    await server(2).kill()
    await untilAway('n3')
    assert.equal(store.relocated('a-n1'), undefined)
    assert.equal(store.chooseNodeId(), undefined)
    await server(0).restart()
    await until('n1 is back', () => store.chooseNodeId() === 'n1')
    assert.equal(store.relocated('a-n1'), undefined)
    assert.equal(store.relocated('a'), 'a-n1')
    await until('n1 has been back for a while', () => store.relocated('a-n3') === 'a-n1')
  })

  test('a session leaves its failover node only for a primary that has stayed up', async () => {
    store = openStore(nodes, { failoverNodes: 'n3' })
    await server(0).kill()
    await server(1).kill()
    await untilAway('n1')
    await untilAway('n2')
    assert.equal(store.relocated('a-n3'), undefined)
    await server(0).restart()
    const backMs = performance.now()
    await until('n1 is up', () => store.gauges().some(({ node, up }) => node === 'n1' && up))
    await until('the session moves', () => store.relocated('a-n3') === 'a-n1')
    assert.ok(performance.now() - backMs > 900, 'not at once')
  })

  test('raw keys: beside a session, on the node after it, and by hash', async () => {
    store = openStore(nodes)
    const own = someNode(store.keys.nodeOf('a-n2'))
    const next = someNode(store.keys.backupNodeOf('a-n2'))
    assert.deepEqual([own.id, next.id], ['n2', 'n3'])
    assert.equal(someNode(store.keys.backupNodeOf('a-n3')).id, 'n1')
    const { keys } = store
    assert.equal((await keys.add(own, 'lock:a-n2', VALUE, 5)).outcome, 'STORED')
    assert.equal((await keys.add(own, 'lock:a-n2', VALUE, 5)).outcome, 'EXISTS')
    assert.equal(await keys.get(next, 'lock:a-n2'), undefined)
    const stored = await keys.set(next, 'bak:a-n2', VALUE, 5)
    const ttlSeconds = 5
    const cas = stored.cas ?? ''
    assert.equal((await keys.cas(next, 'bak:a-n2', VALUE, { ttlSeconds, cas })).outcome, 'STORED')
    assert.equal((await keys.cas(next, 'bak:a-n2', VALUE, { ttlSeconds, cas })).outcome, 'EXISTS')
    assert.equal(await keys.touch(next, 'bak:a-n2', 5), true)
    assert.equal(await keys.delete(next, 'bak:a-n2'), true)
    await server(2).kill()
    await untilAway('n3')
    assert.equal(someNode(store.keys.backupNodeOf('a-n2')).id, 'n1')
  })

  test('the hash of a text chooses the same node on all servers, whatever is up', async () => {
    store = openStore(nodes)
    const words = Array.from({ length: 60 }, (_, i) => `user:${i}`)
    const chosen = words.map((word) => store.keys.nodeForText(word).id)
    assert.deepEqual(new Set(chosen), new Set(['n1', 'n2', 'n3']))
    const other = openStore(nodes.split(' ').reverse().join(','))
    assert.deepEqual(
      words.map((word) => other.keys.nodeForText(word).id),
      chosen,
    )
    other.reconfigure({ memcachedNodes: nodes.split(' ').slice(0, 2).join() })
    const fewer = words.map((word) => other.keys.nodeForText(word).id)
    assert.ok(
      chosen.every((id, i) => id === 'n3' || id === fewer[i]),
      'only keys of n3 move',
    )
    await other.close()
  })

  test('nodes and failover nodes are changed at run time', async () => {
    const [first = '', second = '', third = ''] = nodes.split(' ')
    store = openStore(`${first} ${second}`)
    await store.set('a-n1', VALUE, TTL_SECONDS)
    assert.throws(() => store.reconfigure({ failoverNodes: 'n7' }), TypeError)
    assert.throws(() => store.reconfigure({ memcachedNodes: 'x' }), TypeError)
    assert.equal(store.chooseNodeId()?.startsWith('n'), true)
    const out = store.set('b-n2', VALUE, TTL_SECONDS)
    store.reconfigure({ memcachedNodes: `${first} ${third}`, failoverNodes: 'n1' })
    await out
    assert.equal(store.knows('b-n2'), false)
    assert.equal(store.relocated('b-n2'), 'b-n3')
    assert.equal(store.chooseNodeId(), 'n3')
    assert.equal((await store.load('a-n1'))?.value.toString(), 'value')
    store.reconfigure({ failoverNodes: '' })
    const chosen = new Set(Array.from({ length: 100 }, () => store.chooseNodeId()))
    assert.deepEqual([...chosen].sort(), ['n1', 'n3'])
    store.reconfigure({ memcachedNodes: first.replace('n1:', '') })
    assert.equal(store.withNodeIds, false)
    assert.equal(store.chooseNodeId(), undefined)
    assert.equal((await store.load('a-n1'))?.value.toString(), 'value')
  })
})

describe('one node', () => {
  let memcached: MemcachedProcess
  let store: SessionStore

  before(async () => {
    memcached = await MemcachedProcess.start()
  })

  afterEach(async () => {
    memcached.thaw()
    await store.close()
    await memcached.restart()
  })

  after(() => memcached.kill())

  test('the only node stays the node of its sessions, up or not', async () => {
    store = openStore(`n1:${memcached.address}`)
    await memcached.kill()
    assert.equal(store.chooseNodeId(), 'n1')
    assert.equal(store.relocated('a-n1'), undefined)
    assert.equal(store.relocated('a-n7'), 'a-n1')
    assert.equal(store.knows('a-n7'), true)
  })

  for (const [trouble, begin] of [
    ['killed', () => memcached.kill()],
    ['frozen', () => memcached.freeze()],
  ] as const) {
    test(`a ${trouble} node costs the first calls storeWait, later ones nothing`, async (t) => {
      store = openStore(memcached.address)
      await store.set('a', VALUE, TTL_SECONDS)
      await begin()
      const first = await timed(() => store.load('a'))
      const beside = await Promise.all([1, 2, 3].map(() => timed(() => store.load('a'))))
      const later = await timed(() => store.set('a', VALUE, TTL_SECONDS))
      const fresh = openStore(memcached.address)
      const opened = await timed(() => fresh.load('a'))
      await fresh.close()
      t.diagnostic(
        `${trouble}: first call ${first.ms.toFixed(0)} ms, later ${later.ms.toFixed(1)} ms, ` +
          `first of a process that starts then ${opened.ms.toFixed(0)} ms`,
      )
      for (const one of [first, ...beside, later, opened]) assert.ok(isUnavailable(one.error))
      assert.ok(first.ms < 2000 && opened.ms < 2000, 'long before operationTimeout')
      assert.ok(later.ms < 100, 'the breaker is open')
      assert.equal(store.gauges()[0]?.up, false)
      memcached.thaw()
      await memcached.restart()
      await until('the node is back', () => store.gauges()[0]?.up === true)
      await store.set('a', VALUE, TTL_SECONDS)
    })
  }

  test('a node that thaws is used again with what it kept', async () => {
    store = openStore(memcached.address)
    await store.set('a', VALUE, TTL_SECONDS)
    await memcached.freeze()
    await assert.rejects(store.load('a'), isUnavailable)
    memcached.thaw()
    await until('the node is back', () => store.gauges()[0]?.up === true)
    assert.equal((await store.load('a'))?.value.toString(), 'value')
  })

  test('a restart that takes less than storeWait is not noticed', async () => {
    store = openStore(memcached.address, { storeWait: 5000 })
    await store.set('a', VALUE, TTL_SECONDS)
    await memcached.kill()
    const calls = Array.from({ length: 20 }, () => store.set('a', VALUE, TTL_SECONDS))
    await memcached.restart()
    await Promise.all(calls)
    assert.equal(store.gauges()[0]?.up, true)
  })

  test('what waits for a node is bounded, and one more is refused at once', async () => {
    store = openStore(memcached.address, { storeWait: 2000 })
    await store.load('a')
    await memcached.freeze()
    const waiting = Array.from({ length: 4096 }, () => timed(() => store.load('a')))
    const refused = await timed(() => store.load('a'))
    assert.match(String(refused.error), /4096 requests .* are pending/)
    for (const one of await Promise.all(waiting)) assert.ok(isUnavailable(one.error))
  })

  test('a value that the server refuses is reported with its reason, once', async () => {
    store = openStore(memcached.address)
    await assert.rejects(store.set('big', Buffer.alloc(2_000_000), TTL_SECONDS), /too large/)
    assert.equal(store.gauges()[0]?.up, true)
  })

  test('health is one round trip through the store', async () => {
    store = openStore(memcached.address)
    assert.deepEqual(await store.health(), [
      { id: undefined, address: memcached.address, ok: true },
    ])
    await memcached.freeze()
    const [health] = await store.health()
    assert.equal(health?.ok, false)
  })

  test('the binary protocol is spoken when it is asked for', async () => {
    store = openStore(memcached.address, { memcachedProtocol: 'binary' })
    const { cas } = await store.set('a', VALUE, TTL_SECONDS)
    assert.notEqual(cas, undefined)
    assert.deepEqual(await store.loadAndRenew('a', TTL_SECONDS), { value: VALUE, flags: 0, cas })
    assert.equal((await store.cas('a', VALUE, TTL_SECONDS, cas ?? '')).outcome, 'STORED')
    assert.equal((await store.cas('a', VALUE, TTL_SECONDS, cas ?? '')).outcome, 'EXISTS')
  })
})
