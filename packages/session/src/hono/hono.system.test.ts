import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { stream } from 'hono/streaming'
import { costOf } from '../test-support/memcached-counts.ts'
import { Browser } from '../test-support/test-site.ts'
import { type SessionVariables, sessions, type WebSessionOptions } from './index.ts'

interface Shape {
  count: number
  user: string
}

let memcached: MemcachedProcess
before(async () => {
  memcached = await MemcachedProcess.start()
})
after(() => memcached.kill())

/** A Hono application on a real port. */
async function startApp(t: TestContext, options: Partial<WebSessionOptions> = {}): Promise<string> {
  const session = sessions<Shape>({
    memcachedNodes: memcached.address,
    secret: 's',
    sticky: false,
    ...options,
  })
  const app = new Hono<{ Variables: SessionVariables<Shape> }>()
  app.get('/health', async (c) => {
    const { ok } = await session.health()
    return c.json({ ok }, ok ? 200 : 503)
  })
  app.use(session)
  app.get('/count', (c) => {
    const count = (c.get('session').get('count') ?? 0) + 1
    c.var.session.set('count', count)
    return c.json({ count })
  })
  app.get('/read', (c) => c.json({ ...c.var.session.attributes }))
  app.get('/none', (c) => c.text('hello'))
  app.get('/has', (c) => c.text(typeof c.get('session')))
  app.get('/redirect', (c) => {
    c.var.session.set('user', c.req.query('user') ?? '')
    return c.redirect('/read')
  })
  app.get('/cookies', (c) => {
    setCookie(c, 'a', '1')
    setCookie(c, 'b', '2')
    c.var.session.set('user', 'ann')
    return c.text('ok')
  })
  app.get('/stream', (c) =>
    stream(c, async (writer) => {
      await writer.write('one ')
      c.var.session.set('user', 'streamed')
      await writer.sleep(20)
      await writer.write('two')
    }),
  )
  app.get('/error', (c) => {
    c.var.session.set('user', 'kept')
    throw new HTTPException(418, { message: 'teapot' })
  })
  app.get('/logout', async (c) => {
    await c.var.session.destroy()
    return c.body(null, 204)
  })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  t.after(async () => {
    server.close()
    await once(server, 'close')
    await session.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a session goes on from request to request, and logs out', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  assert.deepEqual((await browser.get(`${url}/count`)).json, { count: 1 })
  assert.deepEqual((await browser.get(`${url}/count`)).json, { count: 2 })
  assert.deepEqual((await browser.get(`${url}/read`)).json, { count: 2 })
  assert.equal((await browser.get(`${url}/logout`)).status, 204)
  assert.deepEqual((await browser.get(`${url}/read`)).json, {})
})

test('a page without a session costs nothing and keeps its length', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  const cost = await costOf(memcached, async () => {
    const page = await browser.get(`${url}/none`)
    assert.equal(page.text, 'hello')
    assert.equal(page.headers.get('content-length'), '5')
  })
  assert.deepEqual(cost, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  const page = await browser.get(`${url}/count`)
  assert.equal(page.headers.get('content-length'), String(page.text.length))
})

test('each redirect sees what was set before it', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  for (let round = 0; round < 10; round++) {
    const page = await browser.get(`${url}/redirect?user=u${round}`)
    assert.equal(page.status, 302)
    assert.deepEqual((await browser.get(`${url}/read`)).json, { user: `u${round}` })
  }
})

test('cookies of the application stay beside that of the session', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  await browser.get(`${url}/cookies`)
  assert.deepEqual([...browser.cookies.keys()].sort(), ['a', 'b', 'connect.sid'])
})

test('what a stream changes is stored before its end', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  await browser.get(`${url}/count`)
  assert.equal((await browser.get(`${url}/stream`)).text, 'one two')
  assert.deepEqual((await browser.get(`${url}/read`)).json, { count: 1, user: 'streamed' })
})

test('an error that Hono answers is held and stored like any response', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  const page = await browser.get(`${url}/error`)
  assert.equal(page.status, 418)
  assert.equal(page.text, 'teapot')
  assert.deepEqual((await browser.get(`${url}/read`)).json, { user: 'kept' })
})

test('HEAD is answered without a body and stored', async (t) => {
  const url = await startApp(t)
  const browser = new Browser()
  const page = await browser.get(`${url}/count`, { method: 'HEAD' })
  assert.equal(page.status, 200)
  assert.equal(page.text, '')
  assert.deepEqual((await browser.get(`${url}/read`)).json, { count: 1 })
})

test('a store that is away is answered by 503; pages before the middleware go on', async (t) => {
  const url = await startApp(t, { memcachedNodes: '127.0.0.1:1', operationTimeout: 50 })
  const browser = new Browser()
  assert.equal((await browser.get(`${url}/none`)).status, 200)
  const page = await browser.get(`${url}/count`)
  assert.equal(page.status, 503)
  assert.equal(browser.cookies.size, 0)
  assert.equal((await browser.get(`${url}/health`)).status, 503)
})

test('outside of the path of the cookie there is no session', async (t) => {
  const url = await startApp(t, { cookie: { path: '/app' } })
  assert.equal((await new Browser().get(`${url}/has`)).text, 'undefined')
})

test('a second middleware leaves the session of the first alone', async () => {
  const local = { memcachedNodes: '127.0.0.1:1', secret: 's', enabled: false }
  const [outer, inner] = [sessions<Shape>(local), sessions<Shape>(local)]
  const app = new Hono<{ Variables: SessionVariables<Shape> }>()
  app.use(outer, inner)
  app.get('/', (c) => {
    c.var.session.set('count', 1)
    return c.text('ok')
  })
  const response = await app.request('http://site.test/')
  assert.equal(response.headers.getSetCookie().length, 1)
  await Promise.all([outer.close(), inner.close()])
})
