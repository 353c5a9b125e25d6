import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { slotOf } from '@holdfast/topology'
import { until } from './testing/engines.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { makeCertificate, startValkeyCluster, ValkeyServer } from './testing/valkey-servers.ts'
import { Turn } from './turn.ts'
import { ValkeyBackend } from './valkey-backend.ts'

interface Session {
  backend: ValkeyBackend
  upstream: TextUpstream
  turn: Turn
  warnings: string[]
}

async function withBackend(url: string, use: (session: Session) => Promise<void>): Promise<void> {
  const turn = new Turn()
  const warnings: string[] = []
  const log = (level: string, message: string, fields: object): void => {
    if (level === 'warn') warnings.push(`${message} ${JSON.stringify(fields)}`)
  }
  const backend = new ValkeyBackend({ turn, url, log })
  const upstream = new TextUpstream(backend, turn)
  try {
    await use({ backend, upstream, turn, warnings })
  } finally {
    upstream.close()
    await backend.stop()
  }
}

async function withServer(
  settings: Record<string, string>,
  use: (server: ValkeyServer) => Promise<void>,
): Promise<void> {
  const server = await ValkeyServer.start(settings)
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

describe("somebody's own single server", () => {
  test('keys go untagged and keep flags and CAS; the library is loaded', async () => {
    await withServer({}, async (server) => {
      await withBackend(`valkey://${server.address}`, async ({ backend, upstream }) => {
        assert.equal(backend.report().usable, false)
        assert.equal(
          await upstream.ask('set a 9 0 1\r\n5\r\nincr a 3\r\nget a\r\n'),
          'STORED\r\n8\r\nVALUE a 9 1\r\n8\r\nEND\r\n',
        )
        assert.equal(await server.session.call('EXISTS', 'a'), '1')
        const cas = /VALUE a 9 1 (\d+)/.exec(await upstream.ask('gets a\r\n'))?.[1]
        assert.equal(
          await upstream.ask(`cas a 1 0 1 ${cas}\r\nx\r\ncas a 1 0 1 ${cas}\r\ny\r\n`),
          'STORED\r\nEXISTS\r\n',
        )
        assert.equal(
          await upstream.ask('md a I\r\nmg a v\r\nmg a v\r\n'),
          'HD\r\nVA 1 X W\r\nx\r\nVA 1 Z X\r\nx\r\n',
        )
        assert.equal(backend.report().kind, 'valkey')
        assert.equal(backend.report().servers[0]?.state, 'connected')
      })
    })
  })

  test('what others wrote is served whole and is ours once written', async () => {
    await withServer({}, async (server) => {
      await server.session.call('SET', 'short', '41')
      await server.session.call('SET', 'long', 'hello world, this is somebody else')
      await server.session.call('SET', 'count', '100', 'PX', '100000')
      await server.session.call('RPUSH', 'list', 'x')
      await withBackend(`valkey://${server.address}`, async ({ upstream }) => {
        assert.equal(
          await upstream.ask('get short long\r\n'),
          'VALUE short 0 2\r\n41\r\nVALUE long 0 34\r\nhello world, this is somebody else\r\nEND\r\n',
        )
        assert.equal(
          await upstream.ask('mg long s t v\r\n'),
          'VA 34 s34 t-1\r\nhello world, this is somebody else\r\n',
        )
        assert.equal(
          await upstream.ask('cas short 0 0 1 0\r\nx\r\ncas short 0 0 1 7\r\nx\r\n'),
          'EXISTS\r\nEXISTS\r\n',
        )
        assert.equal(
          await upstream.ask('incr short 1\r\nget short\r\n'),
          '42\r\nVALUE short 0 2\r\n42\r\nEND\r\n',
        )
        assert.equal(
          await upstream.ask('incr count 1\r\nmg count t v\r\n'),
          '101\r\nVA 3 t100\r\n101\r\n',
        )
        assert.equal(
          await upstream.ask('append long 0 0 1\r\n!\r\nprepend long 0 0 1\r\n>\r\n'),
          'STORED\r\nSTORED\r\n',
        )
        assert.equal(
          await upstream.ask('get long\r\n'),
          'VALUE long 0 36\r\n>hello world, this is somebody else!\r\nEND\r\n',
        )
        assert.match(await upstream.ask('get list\r\n'), /^SERVER_ERROR engine: WRONGTYPE/)
        assert.equal(
          await upstream.ask('set list 0 0 1\r\nx\r\nget list\r\n'),
          'STORED\r\nVALUE list 0 1\r\nx\r\nEND\r\n',
        )
      })
    })
  })

  test('flush_all empties it only when the URL allows', async () => {
    await withServer({}, async (server) => {
      await withBackend(`valkey://${server.address}`, async ({ upstream }) => {
        assert.equal(
          await upstream.ask('set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\n'),
          'STORED\r\nSERVER_ERROR flush_all not supported\r\nVALUE a 0 1\r\nx\r\nEND\r\n',
        )
      })
      await withBackend(`valkey://${server.address}?flush=1`, async ({ upstream }) => {
        assert.equal(await upstream.ask('get a\r\n'), 'VALUE a 0 1\r\nx\r\nEND\r\n')
        assert.equal(await upstream.ask('flush_all\r\nget a\r\n'), 'OK\r\nEND\r\n')
      })
    })
  })

  test('a password is used and never logged', async () => {
    await withServer({ requirepass: 's3cr3t:@/' }, async (server) => {
      const url = `valkey://:${encodeURIComponent('s3cr3t:@/')}@${server.address}`
      await withBackend(url, async ({ upstream }) => {
        assert.equal(
          await upstream.ask('set a 0 0 1\r\nx\r\nincr a 1\r\n'),
          'STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
        )
      })
      await withBackend(`valkey://:wr0ng@${server.address}`, async (session) => {
        const impatient = new TextUpstream(session.backend, session.turn, 200)
        assert.equal(await impatient.ask('get a\r\n'), 'SERVER_ERROR proxy downstream timeout\r\n')
        assert.match(session.warnings.join(), /WRONGPASS/)
        assert.doesNotMatch(session.warnings.join(), /wr0ng/)
        impatient.close()
      })
    })
  })

  test('a user who may not load functions is told so; plain commands work', async () => {
    await withServer({}, async (server) => {
      await server.session.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', '-function')
      await withBackend(`valkey://app:pw@${server.address}`, async ({ upstream }) => {
        assert.equal(await upstream.ask('set a 0 0 1\r\n1\r\n'), 'STORED\r\n')
        assert.match(
          await upstream.ask('incr a 1\r\n'),
          /^SERVER_ERROR engine does not take the function library: NOPERM/,
        )
        assert.equal(await upstream.ask('get a\r\n'), 'VALUE a 0 1\r\n1\r\nEND\r\n')
      })
    })
  })

  test('a restart loses nothing but the items; the library is loaded again', async () => {
    await withServer({}, async (server) => {
      await withBackend(`valkey://${server.address}`, async ({ upstream }) => {
        await upstream.ask('set a 0 0 1\r\n1\r\nincr a 1\r\n')
        await server.kill()
        const answer = upstream.ask('get a\r\nset b 0 0 1\r\n5\r\nincr b 2\r\n')
        await server.restart()
        assert.equal(await answer, 'END\r\nSTORED\r\n7\r\n')
      })
    })
  })

  test('TLS verifies the server, by the given authority, unless told not to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
    const { certificate, key } = makeCertificate(folder)
    const settings = {
      port: '0',
      'tls-port': 'PORT',
      'tls-cert-file': certificate,
      'tls-key-file': key,
      'tls-ca-cert-file': certificate,
      'tls-auth-clients': 'no',
    }
    await withServer(settings, async (server) => {
      await withBackend(`valkeys://${server.address}?ca=${certificate}`, async ({ upstream }) => {
        assert.equal(await upstream.ask('set a 0 0 1\r\n1\r\nincr a 1\r\n'), 'STORED\r\n2\r\n')
      })
      await withBackend(`valkeys://${server.address}?insecure=1`, async ({ upstream }) => {
        assert.equal(await upstream.ask('get a\r\n'), 'VALUE a 0 1\r\n2\r\nEND\r\n')
      })
      await withBackend(`valkeys://${server.address}`, async (session) => {
        const impatient = new TextUpstream(session.backend, session.turn, 300)
        assert.equal(await impatient.ask('get a\r\n'), 'SERVER_ERROR proxy downstream timeout\r\n')
        assert.match(session.warnings.join(), /self.signed certificate/)
        impatient.close()
      })
    })
    rmSync(folder, { recursive: true, force: true })
  })
})

describe("somebody's own cluster", () => {
  test('keys are routed by their slot, hash tags honoured', async () => {
    const servers = await startValkeyCluster(3)
    const url = `valkey://${servers.map((server) => server.address).join()}?flush=1`
    try {
      await withBackend(url, async ({ backend, upstream }) => {
        const keys = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? `{tag}${i}` : `key${i}`))
        for (const key of keys) upstream.send(`set ${key} 0 0 ${key.length} noreply\r\n${key}\r\n`)
        const expected = keys.map((key) => `VALUE ${key} 0 ${key.length}\r\n${key}\r\n`).join('')
        assert.equal(await upstream.ask(`get ${keys.join(' ')}\r\n`), `${expected}END\r\n`)
        assert.equal(backend.counters.moved, 0)
        for (const [i, key] of keys.entries()) {
          const place = servers[Math.floor((slotOf(Buffer.from(key)) * 3) / 16_384)]
          assert.equal(await place?.session.call('EXISTS', key), '1', `${i} ${key}`)
        }
        await moveSlots({ servers, upstream, backend })
        assert.equal(await upstream.ask(`flush_all\r\nget ${keys.join(' ')}\r\n`), 'OK\r\nEND\r\n')
      })
    } finally {
      for (const server of servers) await server.stop()
    }
  })

  test('a failover is followed; what waits is carried out once', async () => {
    const servers = await startValkeyCluster(3, 1)
    const [primary, , , heir] = servers
    assert.ok(primary !== undefined && heir !== undefined)
    const key = keyIn(0, 5400)
    try {
      await withBackend(`valkey://${servers[1]?.address}`, async ({ backend, upstream }) => {
        assert.equal(
          await upstream.ask(`set ${key} 0 0 1\r\n0\r\nincr ${key} 1\r\n`),
          'STORED\r\n1\r\n',
        )
        await until('replicated', async () => {
          const info = await primary.session.call('INFO', 'replication')
          const at = /master_repl_offset:(\d+)/.exec(info)?.[1]
          return at !== undefined && info.includes(`offset=${at},`)
        })
        await primary.kill()
        const answers = upstream.ask(`incr ${key} 1\r\nget ${key}\r\n`)
        await until('promoted', async () => {
          return (await heir.session.call('INFO', 'replication')).includes('role:master')
        })
        assert.equal(await answers, `2\r\nVALUE ${key} 0 1\r\n2\r\nEND\r\n`)
        assert.ok(backend.report().servers.some((server) => server.address === heir.address))
      })
    } finally {
      for (const server of servers) await server.stop()
    }
  })
})

function keyIn(from: number, to: number): string {
  for (let i = 0; ; i++) {
    const slot = slotOf(Buffer.from(`k${i}`))
    if (slot >= from && slot <= to) return `k${i}`
  }
}

/** Moves a slot, key by key, while a counter in it counts, and loses or doubles nothing. */
async function moveSlots(parts: {
  servers: readonly ValkeyServer[]
  upstream: TextUpstream
  backend: ValkeyBackend
}): Promise<void> {
  const { upstream, backend } = parts
  const [source, target] = parts.servers
  assert.ok(source !== undefined && target !== undefined)
  const key = keyIn(0, 5000)
  const other = `{${key}}other`
  const slot = String(slotOf(Buffer.from(key)))
  await upstream.ask(`set ${key} 0 0 1\r\n0\r\n`)
  let done = false
  let count = 0
  const counting = (async () => {
    while (!done) {
      count += 2
      assert.equal(
        await upstream.ask(
          `incr ${key} 1\r\nincr ${key} 1\r\nget ${key}\r\nadd ${other} 0 0 1\r\nx\r\ndelete ${other}\r\n`,
        ),
        `${count - 1}\r\n${count}\r\nVALUE ${key} 0 ${String(count).length}\r\n${count}\r\nEND\r\nSTORED\r\nDELETED\r\n`,
      )
    }
  })()
  const sourceId = await source.session.call('CLUSTER', 'MYID')
  const targetId = await target.session.call('CLUSTER', 'MYID')
  await target.session.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId)
  await source.session.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId)
  await until('new keys are asked for at the target', () => backend.counters.asked > 3)
  await source.session.call('MIGRATE', '127.0.0.1', String(target.port), key, '0', '1000')
  const asked = backend.counters.asked
  await until('the moved key is asked for at the target', () => backend.counters.asked > asked + 20)
  for (const server of [target, source]) {
    await server.session.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId)
  }
  await until('moved', () => backend.counters.moved > 0)
  const before = count
  await until('counts on', () => count > before + 20)
  done = true
  await counting
  assert.equal(await target.session.call('EXISTS', key), '1')
}
