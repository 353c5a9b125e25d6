import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { costOf } from '../test-support/memcached-counts.ts'
import { createSessions, type Session, type WebSessions } from './index.ts'

const URL = 'http://site.test/'

let memcached: MemcachedProcess
let sessions: WebSessions
before(async () => {
  memcached = await MemcachedProcess.start()
  sessions = createSessions({ memcachedNodes: memcached.address, secret: 's', sticky: false })
})
after(async () => {
  await sessions.close()
  await memcached.kill()
})

/** One request of a browser that keeps its cookie. */
class Browser {
  cookie = ''

  async visit(work: (session: Session) => void | Promise<void>): Promise<Response> {
    const request = new Request(URL, { headers: { cookie: this.cookie } })
    const response = await sessions.handle(request, async (_request, session) => {
      await work(session)
      return new Response()
    })
    const set = response.headers.getSetCookie().at(-1)
    if (set !== undefined) this.cookie = set.split(';', 1)[0] ?? ''
    return response
  }
}

test('attributes are got, set, asked for and deleted, by name or as properties', async () => {
  const browser = new Browser()
  await browser.visit((session) => {
    assert.equal(session.get('user'), undefined)
    session.set('user', 'ann')
    session.attributes.cart = ['apple']
    assert.equal(session.has('user'), true)
    assert.equal(session.has('toString'), false)
    assert.equal(session.get('constructor'), undefined)
  })
  await browser.visit((session) => {
    assert.deepEqual({ ...session.attributes }, { user: 'ann', cart: ['apple'] })
    assert.equal(session.delete('cart'), true)
    assert.equal(session.delete('cart'), false)
  })
  await browser.visit((session) => {
    assert.deepEqual(Object.keys(session.attributes), ['user'])
    session.clear()
  })
  await browser.visit((session) => {
    assert.deepEqual({ ...session.attributes }, {})
    assert.equal(session.isNew, false)
  })
})

test('a request that looks at nothing costs one operation, and a stranger’s none', async () => {
  const browser = new Browser()
  assert.deepEqual(await costOf(memcached, () => browser.visit(() => undefined)), {
    gets: 0,
    sets: 0,
    touches: 0,
    deletes: 0,
  })
  assert.equal(browser.cookie, '')
  await browser.visit((session) => session.set('user', 'ann'))
  const { gets, sets, touches } = await costOf(memcached, () => browser.visit(() => undefined))
  assert.equal(gets + touches, 1)
  assert.equal(sets, 0)
})

test('regenerate gives a new id and keeps what is named; the object goes on', async () => {
  const browser = new Browser()
  await browser.visit((session) => {
    session.set('cart', ['apple'])
    session.set('draft', 'x')
  })
  const before = browser.cookie
  await browser.visit(async (session) => {
    const { id } = session
    await session.regenerate({ keep: ['cart'] })
    assert.notEqual(session.id, id)
    session.set('user', 'ann')
  })
  assert.notEqual(browser.cookie, before)
  await browser.visit((session) => {
    assert.deepEqual({ ...session.attributes }, { cart: ['apple'], user: 'ann' })
  })
  const thief = new Browser()
  thief.cookie = before
  await thief.visit((session) => assert.equal(session.has('cart'), false))
})

test('a destroyed session is empty, refuses to be written and is gone', async () => {
  const browser = new Browser()
  await browser.visit((session) => session.set('user', 'ann'))
  const response = await browser.visit(async (session) => {
    await session.destroy()
    assert.equal(session.isDestroyed, true)
    assert.equal(session.get('user'), undefined)
    assert.throws(() => session.set('user', 'bob'), /is destroyed/)
    assert.throws(() => {
      session.attributes.user = 'bob'
    }, TypeError)
  })
  assert.equal(
    response.headers.getSetCookie().some((line) => line.includes('s%3A')),
    false,
  )
  await browser.visit((session) => assert.equal(session.has('user'), false))
})

test('after destroy, regenerate begins another session', async () => {
  const browser = new Browser()
  await browser.visit((session) => session.set('user', 'ann'))
  await browser.visit(async (session) => {
    await session.destroy()
    await session.regenerate()
    session.set('notice', 'logged out')
  })
  await browser.visit((session) => {
    assert.deepEqual({ ...session.attributes }, { notice: 'logged out' })
  })
})

test('save stores before the response, and reload brings what others have stored', async () => {
  const browser = new Browser()
  await browser.visit((session) => session.set('n', 1))
  await browser.visit(async (session) => {
    assert.equal(session.get('n'), 1)
    await browser.visit(async (other) => {
      other.set('n', 2)
      await other.save()
      await session.reload()
      assert.equal(session.get('n'), 2)
    })
  })
})

test('maxAge changes the life of the cookie, touch sends it again', async () => {
  const browser = new Browser()
  await browser.visit((session) => session.set('user', 'ann'))
  const longer = await browser.visit((session) => {
    assert.equal(session.maxAge, null)
    session.maxAge = 60_000
  })
  assert.match(longer.headers.get('set-cookie') ?? '', /Expires=/)
  const same = await browser.visit((session) => assert.equal(session.maxAge, 60_000))
  assert.equal(same.headers.get('set-cookie'), null)
  const touched = await browser.visit((session) => session.touch())
  assert.match(touched.headers.get('set-cookie') ?? '', /Expires=/)
  await browser.visit((session) => {
    assert.throws(() => {
      session.maxAge = -1
    }, TypeError)
  })
})

test('above maxActiveSessions the first attribute of a new session is refused', async (t) => {
  const local = createSessions({
    memcachedNodes: '127.0.0.1:1',
    secret: 's',
    enabled: false,
    maxActiveSessions: 0,
  })
  t.after(() => local.close())
  await local.handle(new Request(URL), (_request, session) => {
    assert.equal(session.get('user'), undefined)
    assert.throws(() => session.set('user', 'ann'), { code: 'HOLDFAST_TOO_MANY_SESSIONS' })
    assert.throws(
      () => {
        session.attributes.user = 'ann'
      },
      { code: 'HOLDFAST_TOO_MANY_SESSIONS' },
    )
    return new Response()
  })
})

test('50 parallel increments by update are all kept', async () => {
  const browser = new Browser()
  await browser.visit((session) => session.set('n', 0))
  const counted = await Promise.all(
    Array.from({ length: 50 }, async () => {
      let count: unknown
      await browser.visit(async (session) => {
        count = await session.update((attributes) => {
          attributes.n = Number(attributes.n) + 1
          return attributes.n
        })
      })
      return count
    }),
  )
  assert.equal(new Set(counted).size, 50)
  await browser.visit((session) => assert.equal(session.get('n'), 50))
})

test('update begins a session as set does', async () => {
  const browser = new Browser()
  await browser.visit(async (session) => {
    await session.update((attributes) => {
      attributes.user = 'ann'
    })
  })
  await browser.visit((session) => assert.equal(session.get('user'), 'ann'))
})

test('20 parallel requests that each set another attribute are all kept', async () => {
  const browser = new Browser()
  await browser.visit((session) => session.set('begun', true))
  const names = Array.from({ length: 20 }, (_, at) => `name${at}`)
  await Promise.all(names.map((name) => browser.visit((session) => session.set(name, name))))
  await browser.visit((session) => {
    assert.deepEqual(
      names.filter((name) => !session.has(name)),
      [],
    )
  })
})

test('with loadFailure degrade a request goes on with a degraded session', async (t) => {
  const away = createSessions({
    memcachedNodes: '127.0.0.1:1',
    secret: 's',
    sticky: false,
    loadFailure: 'degrade',
    storeWait: 50,
    operationTimeout: 50,
  })
  t.after(() => away.close())
  const browser = new Browser()
  await browser.visit((session) => {
    assert.equal(session.degraded, false)
    session.set('user', 'ann')
  })
  const request = new Request(URL, { headers: { cookie: browser.cookie } })
  const response = await away.handle(request, (_request, session) => {
    assert.equal(session.degraded, true)
    session.set('user', 'bob')
    return new Response('ok')
  })
  assert.equal(response.status, 200)
  assert.deepEqual(response.headers.getSetCookie(), [])
  await browser.visit((session) => assert.equal(session.get('user'), 'ann'))
})
