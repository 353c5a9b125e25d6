import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { MemcachedPool, type MemcachedPoolOptions } from './memcached-pool.ts'
import { until } from './testing/engines.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

const turn = new Turn()
const upstreamOf = (pool: MemcachedPool): TextUpstream => new TextUpstream(pool, turn)
const set = (key: string, value: string, words = '0 0'): string =>
  `set ${key} ${words} ${value.length}\r\n${value}\r\n`

async function withPool(
  options: Omit<MemcachedPoolOptions, 'turn'>,
  use: (pool: MemcachedPool, upstream: TextUpstream) => Promise<void>,
): Promise<void> {
  const pool = new MemcachedPool({ turn, ...options })
  const upstream = upstreamOf(pool)
  try {
    await use(pool, upstream)
  } finally {
    upstream.close()
    await pool.stop()
  }
}

test('keys go to the servers that every other client of the same servers chooses', async () => {
  const servers = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) => ({
    host,
    port: 11211,
    weight: 1,
  }))
  const keys = [...Array.from({ length: 12 }, (_, n) => `key${n}`), 'hello', 'a', 'SESS1']
  const vectors = [
    ['ketama-weighted', '1 0 2 2 0 2 0 0 0 2 0 0 1 1 2'],
    ['ketama', '2 0 1 2 0 2 1 0 0 1 2 0 0 1 1'],
    ['libvbucket-ketama', '2 0 2 0 1 0 2 2 1 0 0 0 0 2 0'],
    ['modula', '2 2 2 2 2 2 2 1 1 1 0 1 0 0 2'],
  ] as const
  for (const [distribution, expected] of vectors) {
    await withPool({ servers, distribution }, async (pool) => {
      const chosen = keys.map((key) => pool.serverOf(Buffer.from(key)))
      assert.equal(chosen.join(' '), expected, distribution)
    })
  }
  const weighted = servers.map((server, index) => ({ ...server, weight: [1, 1, 2][index] ?? 1 }))
  await withPool({ servers: weighted }, async (pool) => {
    const chosen = keys.map((key) => pool.serverOf(Buffer.from(key)))
    assert.equal(chosen.join(' '), '1 0 2 2 0 2 0 0 0 2 1 0 1 1 2')
  })
})

describe('over three servers', () => {
  let servers: MemcachedProcess[]
  before(async () => {
    servers = await Promise.all([1, 2, 3].map(() => MemcachedProcess.start()))
  })
  after(async () => {
    await Promise.all(servers.map((server) => server.kill()))
  })
  const members = (): MemcachedProcess['member'][] => servers.map(({ member }) => member)

  test('10000 keys come back in the order asked for, duplicates included', async () => {
    await withPool({ servers: members() }, async (_pool, upstream) => {
      const keys = Array.from({ length: 10_000 }, (_, n) => `k${n.toString(36)}`)
      await upstream.ask(keys.map((key) => set(key, `v${key}`)).join(''))
      const asked = [...keys.slice(0, 5000), 'none', ...keys.slice(5002), 'k0'].reverse()
      const expected = asked
        .filter((key) => key !== 'none')
        .map((key) => `VALUE ${key} 0 ${key.length + 1}\r\nv${key}\r\n`)
      const reply = await upstream.ask(`get ${asked.join(' ')}\r\n`)
      assert.equal(reply, `${expected.join('')}END\r\n`)
    })
  })

  test('each item is on the one server that the hash names', async () => {
    await withPool({ servers: members() }, async (pool, upstream) => {
      const keys = Array.from({ length: 60 }, (_, n) => `place:${n}`)
      await upstream.ask(keys.map((key) => set(key, 'x')).join(''))
      for (const [index, server] of members().entries()) {
        await withPool({ servers: [server] }, async (_one, direct) => {
          const mine = keys.filter((key) => pool.serverOf(Buffer.from(key)) === index)
          const reply = await direct.ask(`get ${keys.join(' ')}\r\n`)
          assert.equal(reply, `${mine.map((key) => `VALUE ${key} 0 1\r\nx\r\n`).join('')}END\r\n`)
          assert.ok(mine.length > 0)
        })
      }
    })
  })

  test('flush_all empties every server and is answered when all have', async () => {
    await withPool({ servers: members() }, async (_pool, upstream) => {
      const keys = Array.from({ length: 30 }, (_, n) => `flush:${n}`)
      await upstream.ask(keys.map((key) => set(key, 'x')).join(''))
      assert.equal(await upstream.ask('flush_all\r\n'), 'OK\r\n')
      assert.equal(await upstream.ask(`get ${keys.join(' ')}\r\n`), 'END\r\n')
    })
  })

  test('a client reads what it has written, also without replies and over several connections', async () => {
    await withPool({ servers: members(), connectionsPerServer: 4 }, async (pool) => {
      const upstreams = Array.from({ length: 8 }, () => upstreamOf(pool))
      await Promise.all(
        upstreams.map(async (upstream, u) => {
          for (let n = 0; n < 50; n++) {
            const key = `own:${u}`
            const noreply = `set ${key} 0 0 ${String(n).length} noreply\r\n${n}\r\n`
            const reply = await upstream.ask(`${noreply}get ${key} ${key}\r\n`)
            const item = `VALUE ${key} 0 ${String(n).length}\r\n${n}\r\n`
            assert.equal(reply, `${item}${item}END\r\n`)
          }
        }),
      )
      for (const upstream of upstreams) upstream.close()
    })
  })

  test('random pipelines of several clients give what one map gives', async () => {
    const key = fc.integer({ min: 0, max: 5 })
    const command = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('get' as const),
          keys: fc.array(key, { minLength: 1, maxLength: 6 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('set' as const),
          key,
          bytes: fc.nat(300),
          quiet: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
    )
    let run = 0
    const property = fc.asyncProperty(
      fc.array(fc.array(command, { maxLength: 40 }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 3 }),
      async (pipelines, connectionsPerServer) => {
        run++
        await withPool({ servers: members(), connectionsPerServer }, async (pool) => {
          const conversations = pipelines.map((commands, client) => {
            const name = (n: number): string => `r${run}:${client}:${n}`
            const items = new Map<number, string>()
            let requests = ''
            let expected = ''
            for (const [at, one] of commands.entries()) {
              if (one.do === 'get') {
                requests += `get ${one.keys.map(name).join(' ')}\r\n`
                const hits = one.keys.filter((n) => items.has(n))
                expected += hits.map((n) => `VALUE ${name(n)} 0 ${items.get(n)}`).join('')
                expected += 'END\r\n'
              } else if (one.do === 'set') {
                const value = String(at).padEnd(one.bytes, '\r\nEND\r\n')
                const tail = one.quiet ? ' noreply' : ''
                requests += `set ${name(one.key)} 0 0 ${value.length}${tail}\r\n${value}\r\n`
                expected += one.quiet ? '' : 'STORED\r\n'
                items.set(one.key, `${value.length}\r\n${value}\r\n`)
              } else {
                requests += `delete ${name(one.key)}\r\n`
                expected += items.delete(one.key) ? 'DELETED\r\n' : 'NOT_FOUND\r\n'
              }
            }
            return { requests, expected }
          })
          const upstreams = conversations.map(() => upstreamOf(pool))
          const replies = await Promise.all(
            conversations.map(({ requests }, index) => upstreams[index]?.ask(requests)),
          )
          for (const upstream of upstreams) upstream.close()
          assert.deepEqual(
            replies,
            conversations.map(({ expected }) => expected),
          )
        })
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })

  test('another list of servers is followed: those that stay keep their connections', async () => {
    const [first, second, third] = members()
    assert.ok(first && second && third)
    await withPool({ servers: [first, second] }, async (pool, upstream) => {
      await upstream.ask(set('stay', '1'))
      await until('connected', () =>
        pool.report().servers.every((one) => one.state === 'connected'),
      )
      const connects = pool.report().servers[0]?.connects
      const early = upstream.ask(Array.from({ length: 500 }, (_, n) => `get u${n}\r\n`).join(''))
      pool.update({ servers: [first, third] })
      assert.equal(await early, 'END\r\n'.repeat(500))
      const { servers: now } = pool.report()
      assert.deepEqual(
        now.map(({ address }) => address),
        [first, third].map(({ port }) => `127.0.0.1:${port}`),
      )
      assert.equal(now[0]?.connects, connects)
      assert.equal(await upstream.ask(set('moved', '1')), 'STORED\r\n')
      pool.update({ servers: [] })
      assert.equal(await upstream.ask('get stay\r\n'), 'SERVER_ERROR proxy out of downstreams\r\n')
      assert.equal(pool.report().usable, false)
    })
  })

  test('gets of one turn share lines', async () => {
    const [first] = members()
    assert.ok(first)
    await withPool({ servers: [first] }, async (pool, upstream) => {
      await upstream.ask('get warm\r\n')
      await upstream.ask('get a\r\n'.repeat(100))
      assert.equal(pool.report().counters.merged_gets, 98)
    })
  })
})
