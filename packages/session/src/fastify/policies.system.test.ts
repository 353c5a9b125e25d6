import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import fastify from 'fastify'
import { SERVER_SECRET, startFastify } from '../test-support/fastify-servers.ts'
import { costOf } from '../test-support/memcached-counts.ts'
import { AWAY_AFTER_MS, Browser, eventually } from '../test-support/test-site.ts'
import { type FastifySessionOptions, fastifySession } from './index.ts'

test('with the store frozen and `loadFailure: "degrade"` a request goes on and logs nobody out', async (t) => {
  const store = await MemcachedProcess.start()
  const { app, url } = await startFastify({
    memcachedNodes: store.address,
    sticky: false,
    operationTimeout: AWAY_AFTER_MS,
    loadFailure: 'degrade',
    saveUninitialized: true,
    rolling: true,
  })
  t.after(async () => {
    store.thaw()
    await app.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${url}/set?user=ann`)
  const id = browser.sessionId
  await store.freeze()
  const page = await browser.get(`${url}/read`)
  assert.equal(page.status, 200)
  assert.deepEqual(page.json, {})
  assert.equal(page.headers.get('set-cookie'), null)
  store.thaw()
  await eventually(async () => (await browser.get(`${url}/read`)).json.user === 'ann')
  assert.equal(browser.sessionId, id)
})

test('`lockingMode: "all"`: read, wait and write loses no increment; a client that leaves holds no lock', async (t) => {
  const store = await MemcachedProcess.start()
  const options: FastifySessionOptions = {
    memcachedNodes: store.address,
    sticky: false,
    secret: SERVER_SECRET,
    cookie: { secure: false },
    cookieName: 'connect.sid',
    lockingMode: 'all',
  }
  const app = fastify({ forceCloseConnections: true })
  await app.register(fastifySession, options)
  let waiting = 0
  app.get('/count', async (request) => {
    const count = Number(Reflect.get(request.session, 'n') ?? 0)
    await delay(5)
    Reflect.set(request.session, 'n', count + 1)
    return { n: count + 1 }
  })
  app.get('/hang', (_request, reply) => {
    waiting++
    reply.hijack()
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await app.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${url}/count`)
  await Promise.all(Array.from({ length: 10 }, () => browser.get(`${url}/count`)))
  assert.equal((await browser.get(`${url}/count`)).json.n, 12)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`GET /hang HTTP/1.1\r\nhost: x\r\ncookie: ${browser.cookieHeader}\r\n\r\n`)
  await eventually(() => waiting === 1)
  socket.destroy()
  await once(socket, 'close')
  assert.equal((await browser.get(`${url}/count`)).json.n, 13)
})

test('an ignored request asks nothing of the store, and leaves the cookie alone', async (t) => {
  const store = await MemcachedProcess.start()
  const { app, url } = await startFastify({
    memcachedNodes: store.address,
    sticky: false,
    saveUninitialized: true,
    rolling: true,
    requestUriIgnorePattern: /GET \/none.*/,
  })
  t.after(async () => {
    await app.close()
    await store.kill()
  })
  const browser = new Browser()
  await browser.get(`${url}/set?user=ann`)
  const cost = await costOf(store, async () => {
    const page = await browser.get(`${url}/none`)
    assert.equal(page.status, 200)
    assert.equal(page.headers.get('set-cookie'), null)
  })
  assert.deepEqual(cost, { gets: 0, sets: 0, touches: 0, deletes: 0 })
  assert.equal((await browser.get(`${url}/read`)).json.user, 'ann')
})
