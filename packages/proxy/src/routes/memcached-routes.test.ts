// Policies over real memcached servers that die, hang and come back.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { type Backend, MemcachedPool, Turn } from '@holdfast/client'
import { MemcachedProcess, TextUpstream, until } from '@holdfast/client/testing'
import { findRouteType } from './route-types.ts'

const ATTEMPT_MS = 200

describe('policies over memcached servers', () => {
  const turn = new Turn()
  let servers: MemcachedProcess[]
  let pools: MemcachedPool[]
  const clients: TextUpstream[] = []

  before(async () => {
    servers = await Promise.all([MemcachedProcess.start(), MemcachedProcess.start()])
  })

  beforeEach(async () => {
    pools = servers.map((server) => new MemcachedPool({ turn, servers: [server.member] }))
    for (const pool of pools) await clientOf(pool).ask('flush_all\r\n')
  })

  afterEach(async () => {
    for (const server of servers) server.thaw()
    for (const client of clients.splice(0)) client.close()
    for (const pool of pools) await pool.stop()
  })

  after(async () => {
    for (const server of servers ?? []) await server.kill()
  })

  function clientOf(backend: Backend): TextUpstream {
    const client = new TextUpstream(backend, turn)
    clients.push(client)
    return client
  }

  function routeOf(options: { type: string } & Record<string, unknown>): Backend {
    const plan = findRouteType(options.type)?.plan(options)
    assert.ok(plan)
    return plan.build((name) => pools[name === 'a' ? 0 : 1] ?? assert.fail(name))
  }

  test('failover: a killed server costs nothing, and is used again when it is back', async () => {
    const client = clientOf(routeOf({ type: 'failover', pools: ['a', 'b'] }))
    assert.equal(await client.ask('set k 0 0 1\r\nx\r\n'), 'STORED\r\n')
    await servers[0]?.kill()
    await until('the second server serves', async () => {
      return (await client.ask('set k 0 0 1\r\ny\r\n')) === 'STORED\r\n'
    })
    assert.equal(await client.ask('get k\r\n'), 'VALUE k 0 1\r\ny\r\nEND\r\n')
    await servers[0]?.restart()
    await until(
      'the first server serves',
      async () => (await client.ask('get k\r\n')) === 'END\r\n',
    )
  })

  test('failover: a server that hangs is left after its time', async () => {
    const route = routeOf({ type: 'failover', pools: ['a', 'b'], timeoutMs: ATTEMPT_MS })
    const client = clientOf(route)
    await client.ask('set k 0 0 1\r\nx\r\n')
    await servers[0]?.freeze()
    assert.equal(
      await client.ask('set k 0 0 1\r\ny\r\nget k\r\nincr n 1\r\n'),
      'STORED\r\nVALUE k 0 1\r\ny\r\nEND\r\nNOT_FOUND\r\n',
    )
  })

  test('write-all: a server that hangs delays writes by its time only', async () => {
    const client = clientOf(
      routeOf({ type: 'write-all', pools: ['a', 'b'], timeoutMs: ATTEMPT_MS }),
    )
    await client.ask('set k 0 0 1\r\nx\r\nset n 0 0 1\r\n1\r\n')
    await servers[0]?.freeze()
    assert.equal(
      await client.ask('set k 0 0 1\r\ny\r\nget k\r\nincr n 1\r\ndelete k\r\nget n\r\n'),
      'STORED\r\nVALUE k 0 1\r\ny\r\nEND\r\n2\r\nDELETED\r\nVALUE n 0 1\r\n2\r\nEND\r\n',
    )
  })

  test('shadow: a server that hangs delays nothing', async () => {
    const route = routeOf({
      type: 'shadow',
      main: 'a',
      shadow: 'b',
      outstandingMax: 50,
      timeoutMs: 60_000,
    })
    const client = clientOf(route)
    await client.ask('set k 0 0 1\r\nx\r\n')
    await servers[1]?.freeze()
    const asked = Array.from({ length: 100 }, (_, i) => `set k${i} 0 0 1\r\nx\r\nget k${i}\r\n`)
    const replies = Array.from(
      { length: 100 },
      (_, i) => `STORED\r\nVALUE k${i} 0 1\r\nx\r\nEND\r\n`,
    )
    assert.equal(await client.ask(asked.join('')), replies.join(''))
    assert.ok((route.report().counters.shadow_left_out ?? 0) > 0, 'copies are bounded')
  })

  test('warm-up: items come over with flags and time to live', async () => {
    const [cold, warm] = pools
    assert.ok(cold && warm)
    await clientOf(warm).ask('set k 7 100 3\r\nabc\r\nset n 0 0 1\r\n5\r\n')
    const client = clientOf(routeOf({ type: 'warm-up', cold: 'a', warm: 'b' }))
    assert.equal(
      await client.ask('gets k\r\nincr n 1\r\nget k nope n\r\n').then((reply) => {
        return reply.replace(/^(VALUE k 7 3) \d+\r\n/, '$1 CAS\r\n')
      }),
      'VALUE k 7 3 CAS\r\nabc\r\nEND\r\n6\r\nVALUE k 7 3\r\nabc\r\nVALUE n 0 1\r\n6\r\nEND\r\n',
    )
    const ttl = Number(/^HD t(\d+)\r\n$/.exec(await clientOf(cold).ask('mg k t\r\n'))?.[1])
    assert.ok(ttl > 90 && ttl <= 100, `${ttl} s`)
    assert.equal(await clientOf(cold).ask('mg n t\r\n'), 'HD t-1\r\n')
  })

  test('meta commands pass policies', async () => {
    const client = clientOf(routeOf({ type: 'write-all', pools: ['a', 'b'] }))
    assert.equal(
      await client.ask(
        'ms k 2 T100 F5\r\nhi\r\nmg k v f O1\r\nma n N0 J7 v\r\nma n v D2\r\nmd k q\r\nmg k v\r\n',
      ),
      'HD\r\nVA 2 f5 O1\r\nhi\r\nVA 1\r\n7\r\nVA 1\r\n9\r\nEN\r\n',
    )
    for (const pool of pools) {
      assert.equal(await clientOf(pool).ask('get k n\r\n'), 'VALUE n 0 1\r\n9\r\nEND\r\n')
    }
  })

  test('every request has exactly one reply while servers die and return', async () => {
    const plan = findRouteType('write-all')?.plan({
      type: 'write-all',
      pools: ['one', 'two'],
      timeoutMs: ATTEMPT_MS,
    })
    const failover = routeOf({ type: 'failover', pools: ['a', 'b'], timeoutMs: ATTEMPT_MS })
    const route = plan?.build((name) => (name === 'one' ? failover : (pools[1] ?? failover)))
    assert.ok(route)
    const client = clientOf(route)
    let asked = 0
    let answered = ''
    const hurt = async (): Promise<void> => {
      await servers[0]?.kill()
      await servers[0]?.restart()
      await servers[1]?.freeze()
      servers[1]?.thaw()
      await servers[1]?.kill()
      await servers[1]?.restart()
    }
    let hurting = true
    const hurts = hurt().finally(() => {
      hurting = false
    })
    while (hurting) {
      const batch = Array.from({ length: 20 }, (_, i) => {
        const request = ['get k', 'set k 0 0 1\r\nx', 'incr n 1', 'delete k', 'add n 0 0 1\r\n1']
        return `${request[(asked + i) % request.length]}\r\n`
      })
      answered += await client.ask(batch.join(''))
      asked += batch.length
    }
    await hurts
    const ends = /^(END|STORED|NOT_STORED|NOT_FOUND|DELETED|\d+|SERVER_ERROR .*)\r\n/gm
    assert.equal([...answered.replace(/^VALUE k 0 1\r\nx\r\n/gm, '').matchAll(ends)].length, asked)
    await until('all servers serve', async () => {
      return (await client.ask('set k 0 0 1\r\nz\r\nget k\r\n')).startsWith('STORED\r\nVALUE')
    })
  })
})
