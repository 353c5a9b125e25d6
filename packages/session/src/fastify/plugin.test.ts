import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import { recordingStore } from '../test-support/fastify-visits.ts'
import { CookieSigner } from './cookie-signer.ts'
import { type FastifySessionOptions, fastifySession, MemoryStore, Store } from './index.ts'

declare module 'fastify' {
  interface Session {
    user?: string
  }
}

type AnyPlugin = FastifyPluginCallback<Record<string, unknown>>

const load = createRequire(import.meta.url)
const SECRET = 'a secret of at least thirty-two characters'

async function siteWith(
  plugin: AnyPlugin,
  options: Record<string, unknown>,
): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(load('@fastify/cookie') as AnyPlugin)
  await app.register(plugin, { secret: SECRET, cookie: { secure: false }, ...options })
  app.get('/set', async (request) => {
    request.session.user = 'ann'
  })
  app.get('/read', async (request) => ({ user: request.session.user ?? null }))
  return app
}

const ours = fastifySession as unknown as AnyPlugin
const theirs: AnyPlugin = load('@fastify/session')

test('each reads the other’s cookies and data in one store, so nobody is logged out', async () => {
  for (const algorithm of ['sha256', 'sha512', 'md5']) {
    for (const cookiePrefix of ['', 's:']) {
      const options = { store: recordingStore(), algorithm, cookiePrefix, rolling: false }
      for (const [first, second] of [
        [theirs, ours],
        [ours, theirs],
      ] as const) {
        const before = await siteWith(first, options)
        const after = await siteWith(second, options)
        const made = await before.inject('/set')
        const cookie = String(made.headers['set-cookie']).split(';', 1)[0] ?? ''
        const read = await after.inject({ url: '/read', headers: { cookie } })
        assert.deepEqual(read.json(), { user: 'ann' }, `${algorithm} ${cookiePrefix}`)
        assert.equal(read.headers['set-cookie'], undefined)
        await Promise.all([before.close(), after.close()])
      }
    }
  }
})

test('stores made for express-session keep sessions', async () => {
  const session: { MemoryStore: new () => object } = load('express-session')
  const memorystore = load('memorystore') as (from: unknown) => new (options: object) => object
  for (const store of [
    new session.MemoryStore(),
    new (memorystore(session))({}),
    new MemoryStore(),
  ]) {
    const app = await siteWith(ours, { store })
    const made = await app.inject('/set')
    const cookie = String(made.headers['set-cookie']).split(';', 1)[0] ?? ''
    const read = await app.inject({ url: '/read', headers: { cookie } })
    assert.deepEqual(read.json(), { user: 'ann' })
    await app.close()
  }
})

test('MemoryStore can be called by the constructor of another store', () => {
  function OtherStore(this: object): void {
    Store.call(this)
  }
  Object.setPrototypeOf(OtherStore.prototype, Store.prototype)
  const store: unknown = Reflect.construct(OtherStore, [])
  assert.equal(typeof Reflect.get(Object(store), 'get'), 'function')
  assert.ok(Reflect.get(Object(store), 'store') instanceof Map)
})

test('the options of the session manager are for memcachedNodes', async () => {
  const wrong: Record<string, unknown>[] = [
    { store: {} },
    { store: recordingStore(), lockingMode: 'all' },
    { memcachedNodes: 5 },
    { memcachedNodes: 'localhost:11311', sticky: 'yes' },
    { sameSite: 'lax' },
    { resave: false },
    { name: 'sid' },
    { hostPrefix: true, cookie: { secure: false } },
    { hostPrefix: true, cookie: { path: '/app' } },
    { algorithm: 'none' },
    { secret: [5] },
  ]
  for (const options of wrong) {
    const app = fastify()
    const registered = app.register(ours, { secret: SECRET, ...options })
    await assert.rejects(async () => registered, TypeError, JSON.stringify(options))
  }
})

test('`hostPrefix` names the cookie so that browsers bind it to this host', async () => {
  const app = fastify({ trustProxy: true })
  await app.register(ours, { secret: SECRET, hostPrefix: true })
  app.get('/', async (request) => request.session.user ?? 'nobody')
  const made = await app.inject({ url: '/', headers: { 'x-forwarded-proto': 'https' } })
  assert.match(
    String(made.headers['set-cookie']),
    /^__Host-sessionId=[^;]+; Path=\/; HttpOnly; Secure$/,
  )
  await app.close()
})

test('a secret taken out of the array is void at once, one put first signs', () => {
  const secrets = ['a'.repeat(32)]
  const signer = new CookieSigner(secrets, 'sha256')
  const signed = signer.sign('id')
  assert.deepEqual(signer.unsign(signed), { valid: true, renew: false, value: 'id' })
  secrets.unshift('b'.repeat(32))
  assert.deepEqual(signer.unsign(signed), { valid: true, renew: true, value: 'id' })
  assert.notEqual(signer.sign('id'), signed)
  secrets.pop()
  assert.equal(signer.unsign(signed).valid, false)
  for (const bad of ['', '.', 'id', 'id.', '.x', `${signed}x`, 'x'.repeat(5000)]) {
    assert.equal(signer.unsign(bad).valid, false)
  }
})

test('a signed value without padding is @fastify/cookie’s', () => {
  const { Signer }: { Signer: new (secret: string) => CookieSigner } = load('@fastify/cookie')
  const peer = new Signer(SECRET)
  const signer = new CookieSigner([SECRET], 'sha256')
  for (let n = 0; n < 50; n++) {
    assert.equal(signer.sign(`id.app${n}`), peer.sign(`id.app${n}`))
    assert.equal(peer.unsign(signer.sign(`id.app${n}`)).value, `id.app${n}`)
  }
})

test('without @fastify/cookie cookies of the application and of the session are both set', async () => {
  const app = fastify()
  await app.register(ours, { secret: SECRET, cookie: { secure: false } })
  app.get('/', async (request, reply) => {
    request.session.user = 'ann'
    reply.header('set-cookie', 'theme=dark').header('set-cookie', 'lang=en')
  })
  const response = await app.inject('/')
  const names = [response.headers['set-cookie'] ?? []].flat().map((line) => line.split('=', 1)[0])
  assert.deepEqual(names, ['theme', 'lang', 'sessionId'])
  await app.close()
})

test('@fastify/cookie, registered before or after, sets its cookies beside the session’s', async () => {
  for (const order of ['before', 'after']) {
    const app = fastify()
    const plugins: [AnyPlugin, Record<string, unknown>][] = [
      [load('@fastify/cookie') as AnyPlugin, {}],
      [ours, { secret: SECRET, cookie: { secure: false } }],
    ]
    if (order === 'after') plugins.reverse()
    for (const [plugin, options] of plugins) await app.register(plugin, options)
    app.get('/', async (request, reply) => {
      request.session.user = 'ann'
      const setCookie: unknown = Reflect.get(reply, 'setCookie')
      if (typeof setCookie === 'function') Reflect.apply(setCookie, reply, ['theme', 'dark'])
    })
    const response = await app.inject('/')
    const lines = [response.headers['set-cookie'] ?? []].flat()
    assert.deepEqual(lines.map((line) => line.split('=', 1)[0]).sort(), ['sessionId', 'theme'])
    await app.close()
  }
})

test('an attribute called __proto__ stays an attribute', async () => {
  const store = recordingStore()
  const app = await siteWith(ours, { store })
  let isAdmin: unknown
  app.addHook('preHandler', async (request) => {
    isAdmin = Reflect.get(request.session, 'isAdmin')
  })
  const made = await app.inject('/set')
  const cookie = String(made.headers['set-cookie']).split(';', 1)[0] ?? ''
  for (const [id, text] of store.texts) {
    store.texts.set(id, text.replace('"user"', '"__proto__":{"isAdmin":true},"user"'))
  }
  const read = await app.inject({ url: '/read', headers: { cookie } })
  assert.deepEqual(read.json(), { user: 'ann' })
  assert.equal(isAdmin, undefined)
  await app.close()
})

test('a session of many requests at once in one process is one session, per attribute', async () => {
  const options: FastifySessionOptions = { secret: SECRET, cookie: { secure: false } }
  const app = fastify()
  await app.register(fastifySession, options)
  app.get('/:name', async (request) => {
    await new Promise(setImmediate)
    Reflect.set(request.session, String(Reflect.get(Object(request.params), 'name')), 1)
    return Object.keys(request.session)
  })
  const made = await app.inject('/first')
  const cookie = String(made.headers['set-cookie']).split(';', 1)[0] ?? ''
  const names = Array.from({ length: 20 }, (_, n) => `k${n}`)
  await Promise.all(names.map((name) => app.inject({ url: `/${name}`, headers: { cookie } })))
  const { length } = (await app.inject({ url: '/last', headers: { cookie } })).json<string[]>()
  assert.equal(length, 23)
  await app.close()
})
