import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { MemcachedProcess } from '@holdfast/client/testing'
import { costOf, has, ttlOf } from '../test-support/memcached-counts.ts'
import { Browser, startSite } from '../test-support/test-site.ts'
import { session } from './index.ts'

const run = promisify(execFile)
const PACKAGE = new URL('../../', import.meta.url)
/** No store is needed to see what the browser is told. */
const LOCAL = { memcachedNodes: '127.0.0.1:1', enabled: false }

test('import and require give the same function', async () => {
  const script = `
    const required = require('@holdfast/session/express')
    import('@holdfast/session/express').then((imported) => {
      const same = required === imported.default && required === imported.session
      process.stdout.write(typeof required + ' ' + required.name + ' ' + same)
    })`
  const { stdout } = await run(process.execPath, ['-e', script], { cwd: PACKAGE })
  assert.equal(stdout, 'function session true')
})

test('an ES module imports it as its default', async () => {
  const script = `
    import session from '@holdfast/session/express'
    process.stdout.write(typeof session)`
  const args = ['--input-type=module', '-e', script]
  const { stdout } = await run(process.execPath, args, { cwd: PACKAGE })
  assert.equal(stdout, 'function')
})

test('an unused middleware does not keep the process alive', async () => {
  const script = `
    require('@holdfast/session/express')({ memcachedNodes: '127.0.0.1:1', secret: 's' })`
  const { stderr } = await run(process.execPath, ['-e', script], { cwd: PACKAGE, timeout: 5000 })
  assert.equal(stderr, '')
})

test('wrong options stop the application when it starts', () => {
  assert.throws(() => Reflect.apply(session, undefined, [{ memcachedNodes: 'h:1' }]), /secret/)
  assert.throws(() => session({ memcachedNodes: 'h', secret: 's' }), TypeError)
})

test('only attributes are enumerable, and methods can be replaced', async (t) => {
  const site = await startSite(LOCAL, (app) => {
    app.get('/shape', (req, res) => {
      req.session.user = 'ann'
      const replaced = { ...req.session }
      Object.assign(req.session, { regenerate: () => req.session })
      res.json({
        keys: Object.keys(req.session),
        replaced: Object.keys(replaced),
        hasSave: 'save' in req.session,
        hasUser: 'user' in req.session,
        sameId: req.sessionID === req.session.id,
        cookie: req.session.cookie,
        chained: req.session.touch() === req.session && req.session.resetMaxAge() === req.session,
      })
    })
    app.get('/fixed', (req, res) => {
      assert.throws(() => Object.assign(req.session, { id: 'mine' }), TypeError)
      res.json({ deleted: Reflect.deleteProperty(req.session, 'user'), user: req.session.user })
    })
  })
  t.after(() => site.close())
  const browser = new Browser()
  const { json } = await browser.get(`${site.url}/shape`)
  assert.deepEqual(json, {
    keys: ['cookie', 'user'],
    replaced: ['cookie', 'user'],
    hasSave: true,
    hasUser: true,
    sameId: true,
    chained: true,
    cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' },
  })
  assert.deepEqual((await browser.get(`${site.url}/fixed`)).json, { deleted: true })
})

test('nothing that a visitor sends becomes what a session inherits', async (t) => {
  const site = await startSite(LOCAL, (app) => {
    app.get('/assign', (req, res) => {
      Object.assign(req.session, JSON.parse('{"__proto__": {"isAdmin": true}, "a": 1}'))
      Object.setPrototypeOf(req.session, { isAdmin: true })
      res.json({ isAdmin: 'isAdmin' in req.session })
    })
    app.get(
      '/is-admin',
      (req, res) => void res.json({ isAdmin: req.session.isAdmin, a: req.session.a }),
    )
  })
  t.after(() => site.close())
  const browser = new Browser()
  assert.deepEqual((await browser.get(`${site.url}/assign`)).json, { isAdmin: false })
  assert.deepEqual((await browser.get(`${site.url}/is-admin`)).json, { a: 1 })
})

test('a cookie with an end is renewed when the session changes, and always when rolling', async (t) => {
  const cookie = { maxAge: 60_000, sameSite: 'lax' } as const
  const site = await startSite({ ...LOCAL, cookie })
  const rolling = await startSite({ ...LOCAL, rolling: true })
  t.after(() => Promise.all([site.close(), rolling.close()]))
  const browser = new Browser()
  const made = await browser.get(`${site.url}/set?a=1`)
  assert.match(
    made.headers.get('set-cookie') ?? '',
    /; Path=\/; Expires=.*; HttpOnly; SameSite=Lax$/,
  )
  assert.equal((await browser.get(`${site.url}/read`)).headers.get('set-cookie'), null)
  const changed = await browser.get(`${site.url}/set?a=2`)
  assert.match(changed.headers.get('set-cookie') ?? '', /Expires=/)
  assert.equal((await browser.get(`${site.url}/set?a=2`)).headers.get('set-cookie'), null)
  assert.equal((await browser.get(`${site.url}/none`)).headers.get('set-cookie'), null)
  const other = new Browser()
  assert.equal((await other.get(`${rolling.url}/read`)).headers.get('set-cookie'), null)
  await other.get(`${rolling.url}/set?a=1`)
  assert.notEqual((await other.get(`${rolling.url}/read`)).headers.get('set-cookie'), null)
})

test('the application can change the life of the cookie', async (t) => {
  const site = await startSite(LOCAL, (app) => {
    app.get('/remember', (req, res) => {
      req.session.cookie.maxAge = 3_600_000
      res.send('ok')
    })
  })
  t.after(() => site.close())
  const browser = new Browser()
  const first = await browser.get(`${site.url}/set?a=1`)
  assert.doesNotMatch(first.headers.get('set-cookie') ?? '', /Expires/)
  const page = await browser.get(`${site.url}/remember`)
  assert.match(page.headers.get('set-cookie') ?? '', /Expires/)
})

test('a secure cookie is not sent over an open connection', async (t) => {
  const secure = await startSite({ ...LOCAL, cookie: { secure: true } })
  const auto = await startSite({ ...LOCAL, cookie: { secure: 'auto' } })
  t.after(() => Promise.all([secure.close(), auto.close()]))
  const page = await new Browser().get(`${secure.url}/set?a=1`)
  assert.equal(page.headers.get('set-cookie'), null)
  const plain = await new Browser().get(`${auto.url}/set?a=1`)
  assert.doesNotMatch(plain.headers.get('set-cookie') ?? 'Secure', /Secure/)
})

test('saveUninitialized stores an empty session and sets its cookie', async (t) => {
  const site = await startSite({ ...LOCAL, saveUninitialized: true })
  t.after(() => site.close())
  const browser = new Browser()
  await browser.get(`${site.url}/none`)
  assert.equal(browser.cookies.size, 1)
  const id = browser.sessionId
  assert.equal((await browser.get(`${site.url}/read`)).json.id, id)
})

test('genid makes the ids, and one that is no id is an error', async (t) => {
  const uuid = '8d1c41ab-93e2-4b63-9d0a-51f1a4a0a3c7'
  const site = await startSite({ ...LOCAL, genid: () => uuid, jvmRoute: 'app1' })
  const wrong = await startSite({ ...LOCAL, genid: () => 'a b' })
  t.after(() => Promise.all([site.close(), wrong.close()]))
  const browser = new Browser()
  await browser.get(`${site.url}/set?a=1`)
  assert.equal(browser.sessionId, `${uuid}.app1`)
  assert.equal((await browser.get(`${site.url}/read`)).json.a, '1')
  assert.equal((await new Browser().get(`${wrong.url}/none`)).status, 500)
})

test('a cookie that no secret signed is ignored, an old secret still verifies', async (t) => {
  const site = await startSite({ ...LOCAL, secret: 'old' })
  t.after(() => site.close())
  const browser = new Browser()
  await browser.get(`${site.url}/set?a=1`)
  const { sessionManager } = site.sessions
  assert.deepEqual(sessionManager.settings.secrets, ['old'])
  browser.cookies.set('connect.sid', `${browser.cookies.get('connect.sid')}x`)
  assert.equal((await browser.get(`${site.url}/read`)).json.a, undefined)
})

test('health is bounded and tells which node is away', async (t) => {
  const site = await startSite({ memcachedNodes: 'n1:127.0.0.1:1' })
  t.after(() => site.close())
  const startMs = performance.now()
  const health = await site.sessions.health()
  assert.ok(performance.now() - startMs < 1000)
  assert.equal(health.ok, false)
  assert.equal(health.nodes[0]?.id, 'n1')
  assert.match(health.nodes[0]?.error ?? '', /ECONNREFUSED/)
})

test('req.sessionStore reads and ends other sessions without taking them over', async (t) => {
  const store = await MemcachedProcess.start()
  const options = { memcachedNodes: store.address, sessionBackupAsync: false }
  const app1 = await startSite({ ...options, jvmRoute: 'app1' })
  const app2 = await startSite({ ...options, jvmRoute: 'app2' }, (app) => {
    app.get('/look', (req, res, next) => {
      req.sessionStore.get(String(req.query.id), (error, other) => {
        if (error === null) res.json(other)
        else next(error)
      })
    })
    app.get('/end', (req, res, next) => {
      req.sessionStore.destroy(String(req.query.id), (error) => {
        if (error === undefined) res.send('ended')
        else next(error)
      })
    })
  })
  t.after(async () => {
    await app1.close()
    await app2.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${app1.url}/set?user=ann`)
  const id = browser.sessionId
  const cost = await costOf(store, async () => {
    const { json } = await new Browser().get(`${app2.url}/look?id=${id}`)
    assert.equal(json.user, 'ann')
  })
  assert.deepEqual(cost, { gets: 1, sets: 0, touches: 0, deletes: 0 })
  assert.equal((await new Browser().get(`${app2.url}/end?id=${id}`)).text, 'ended')
  assert.equal(await has(store, id), false)
})

test('session.update loses nothing, and attributes of its name are attributes', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await startSite({ memcachedNodes: store.address, sticky: false }, (app) => {
    app.get('/increment', async (req, res) => {
      const count = await req.session.update((attributes) => {
        attributes.count = Number(attributes.count ?? 0) + 1
        return attributes.count
      })
      res.json({ count, degraded: req.session.degraded })
    })
    app.get('/own', (req, res) => {
      Object.assign(req.session, { update: 'mine', degraded: 'mine' })
      res.json([req.session.update, req.session.degraded])
    })
  })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?a=1`)
  const pages = await Promise.all(
    Array.from({ length: 20 }, () => browser.get(`${site.url}/increment`)),
  )
  for (const page of pages) assert.equal(page.json.degraded, false)
  assert.equal((await browser.get(`${site.url}/read`)).json.count, 20)
  assert.equal((await browser.get(`${site.url}/own`)).text, '["mine","mine"]')
})

test('req.sessionStore renews, replaces and regenerates sessions of the engine', async (t) => {
  const store = await MemcachedProcess.start()
  const site = await startSite({ memcachedNodes: store.address, sticky: false }, (app) => {
    app.get('/replace', (req, res, next) => {
      const id = String(req.query.id)
      req.sessionStore.set(id, { user: 'bob', cookie: {} }, (error) => {
        if (error) next(error)
        else req.sessionStore.touch?.(id, {}, () => void res.send('replaced'))
      })
    })
    app.get('/again', (req, res) => {
      req.session.destroy(() => {
        req.sessionStore.generate(req as never)
        req.session.user = 'again'
        res.json({ id: req.sessionID })
      })
    })
  })
  t.after(async () => {
    await site.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${site.url}/set?user=ann&old=1`)
  const id = browser.sessionId
  assert.equal((await new Browser().get(`${site.url}/replace?id=${id}`)).text, 'replaced')
  const { json } = await browser.get(`${site.url}/read`)
  assert.deepEqual([json.user, json.old], ['bob', undefined])
  const unknown = await new Browser().get(`${site.url}/replace?id=${'x'.repeat(32)}`)
  assert.equal(unknown.status, 500)
  assert.notEqual((await browser.get(`${site.url}/again`)).json.id, id)
  assert.equal((await browser.get(`${site.url}/read`)).json.user, 'again')
})

for (const sticky of [true, false]) {
  test(`a session lives as long as the cookie it was given (sticky: ${sticky})`, async (t) => {
    const store = await MemcachedProcess.start()
    const options = { memcachedNodes: store.address, sticky, sessionBackupAsync: false }
    const site = await startSite({ ...options, cookie: { maxAge: 60_000 } }, (app) => {
      app.get('/remember', (req, res) => {
        req.session.cookie.maxAge = 7200_000
        res.send('ok')
      })
    })
    const limited = await startSite({ ...options, maxInactiveInterval: 30 }, (app) => {
      app.get('/remember', (req, res) => {
        req.session.cookie.maxAge = 7200_000
        res.send('ok')
      })
    })
    t.after(async () => {
      await site.close()
      await limited.close()
      await store.kill()
    })
    const slackSeconds = sticky ? 60 : 0
    const browser = new Browser()
    await browser.get(`${site.url}/set?user=ann`)
    const usual = await ttlOf(store, browser.sessionId)
    assert.ok(Math.abs(usual - 60) <= slackSeconds + 1, `${usual} s`)
    await browser.get(`${site.url}/remember`)
    for (const path of ['/read', '/set?b=1', '/read']) {
      await browser.get(site.url + path)
      const ttl = await ttlOf(store, browser.sessionId)
      assert.ok(Math.abs(ttl - 7200) <= slackSeconds + 1, `${ttl} s after ${path}`)
    }
    const other = new Browser()
    await other.get(`${limited.url}/set?user=ann`)
    await other.get(`${limited.url}/remember`)
    const ttl = await ttlOf(store, other.sessionId)
    assert.ok(ttl <= 31 + slackSeconds, `${ttl} s`)
  })
}
