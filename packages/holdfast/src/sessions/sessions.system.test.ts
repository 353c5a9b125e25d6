/**
 * Sessions of real applications in a real store, seen and ended through its REST: written in every
 * form, in both modes, with a prefix and without. Looking changes nothing; what is ended is ended
 * for the application's servers too.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MemcachedClient } from '@holdfast/client'
import { until } from '@holdfast/client/testing'
import {
  type SessionPage,
  type SessionRow,
  ShardFrameReader,
  type ShardItem,
} from '@holdfast/cluster'
import type { NodeSessionOptions } from '@holdfast/session/node-http'
import { addressOf, LocalStore, STORE_PASSWORD, STORE_USER } from '../picture/local-store.ts'
import { PortPlan } from '../picture/ports.ts'
import { findPrograms, runHoldfast } from '../picture/programs.ts'
import { CART, startApplication, Visitor } from './test-support/application.ts'

const WAIT_MS_MAX = 60_000
const READER = { username: 'reader', password: 'reader-secret' }
const programs = findPrograms(fileURLToPath(new URL('../../../..', import.meta.url)))
const ADMIN_LOGIN = basic(STORE_USER, STORE_PASSWORD)
const READER_LOGIN = basic(READER.username, READER.password)

let folder = ''
let store: LocalStore
const closing: (() => Promise<unknown>)[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-sessions-'))
  store = new LocalStore(programs, folder, new PortPlan())
  for (let number = 1; number <= 2; number++) await store.addNode({ enginePorts: 20 })
  await store.form()
  await store.untilFullCopies(WAIT_MS_MAX)
  const made = await ask('POST', '/settings/readOnlyUser', { form: READER })
  assert.equal(made.status, 200, await made.text())
})

after(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await store?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a session is found whatever form it is stored in, by id, by user and in a page', async () => {
  const cart = CART
  const big = 'x'.repeat(20_000)
  const given: [string, Partial<NodeSessionOptions>, object][] = [
    ['json', {}, { cart }],
    ['msgpackr', { transcoder: 'msgpackr' }, { cart }],
    ['cbor', { transcoder: 'cbor' }, { cart }],
    ['gzip', { compression: 'gzip' }, { big }],
    ['prefix', { storageKeyPrefix: 'static:shop' }, { cart }],
    ['encrypted', { encryption: { keys: { passphrase: 'long enough a phrase' } } }, { cart }],
  ]
  const keys = new Map<string, string>()
  for (const [name, options, attributes] of given) {
    const app = await startApp({ userOf: 'user', sticky: false, ...options })
    const browser = new Visitor(app.url)
    await browser.set({ user: `user of ${name}`, ...attributes })
    keys.set(name, browser.sid)
  }
  const idOf = (name: string): string => keys.get(name) ?? ''

  for (const name of ['json', 'msgpackr', 'cbor', 'gzip', 'prefix']) {
    const row = await found(idOf(name))
    assert.equal(row.user, `user of ${name}`, name)
    assert.equal(row.id, `${name === 'prefix' ? 'shop_' : ''}${idOf(name)}`)
    assert.equal(row.prefix, name === 'prefix' ? 'shop_' : '')
    assert.equal(row.encoding, name === 'gzip' || name === 'prefix' ? 'json' : name)
    assert.equal(row.compressed, name === 'gzip')
    assert.equal(row.encrypted, false)
    assert.equal(row.values, undefined)
    assert.ok((row.ageSeconds ?? -1) >= 0 && (row.idleSeconds ?? -1) >= 0)
    assert.ok((row.expiresInSeconds ?? 0) > 1500)
    const second = name === 'gzip' ? ['big', 'string', 20_002] : ['cart', 'object', 60]
    const [user, attribute] = row.attributes
    assert.deepEqual([user?.name, user?.type], ['user', 'string'])
    assert.deepEqual([attribute?.name, attribute?.type], second.slice(0, 2))
    assert.ok((attribute?.sizeBytes ?? 0) > 40)
    const [byUser] = (await pageOf(`user=${encodeURIComponent(`user of ${name}`)}`)).sessions
    assert.equal(byUser?.id, row.id, name)
  }
  const sealed = await found(idOf('encrypted'))
  assert.equal(sealed.encrypted, true)
  assert.deepEqual(sealed.attributes, [])
  assert.equal(sealed.createdAt, null)
  assert.match(sealed.note ?? '', /encrypted/)

  for (const name of ['prefix', 'msgpackr']) {
    const shown = { items: ['a', 'b'], since: CART.since.toISOString() }
    assert.deepEqual(await looked(idOf(name)), { user: `user of ${name}`, cart: shown })
  }

  await putBeside()
  const seen = new Set<string>()
  let start: string | null = ''
  while (start !== null) {
    const page: SessionPage = await pageOf(`limit=2&start=${start}`)
    assert.ok(page.sessions.length <= 2)
    for (const { id } of page.sessions) seen.add(id)
    start = page.next
  }
  const all = [...keys].map(([name, id]) => `${name === 'prefix' ? 'shop_' : ''}${id}`)
  for (const id of all) assert.ok(seen.has(id), id)
  assert.ok(!seen.has('plain-item') && !seen.has('other-session'))
})

test('what is no session of ours is shown as unknown by its key alone', async () => {
  await putBeside()
  const row = await found('other-session')
  assert.equal(row.encoding, 'unknown')
  assert.deepEqual(row.attributes, [])
  assert.match(row.note ?? '', /not stored by the session manager/)
  assert.deepEqual((await pageOf('id=nobody')).sessions, [])
  assert.equal((await ask('GET', '/sessions/default/nobody')).status, 404)
})

test('values are cut, are for the admin alone, and a signed cookie finds them', async () => {
  const app = await startApp({ sticky: false })
  const browser = new Visitor(app.url)
  await browser.set({ text: 'ü'.repeat(60_000), last: 'one' })
  const path = `/sessions/default/${encodeURIComponent(browser.cookieValue)}`
  const row = await answer<SessionRow>(await ask('GET', `${path}?values=1`))
  assert.equal(row.id, browser.sid)
  assert.deepEqual(row.cut, ['text', 'last'])
  assert.ok(Buffer.byteLength(String(row.values?.text)) <= 64 * 1024 + 2)
  assert.equal((await ask('GET', `${path}?values=1`, { login: READER_LOGIN })).status, 403)
  const read = await ask('GET', path, { login: READER_LOGIN })
  assert.equal((await answer<SessionRow>(read)).values, undefined)
  assert.equal((await ask('GET', path, { login: null })).status, 401)
  assert.equal((await ask('DELETE', path, { login: READER_LOGIN })).status, 403)
})

test('looking leaves the item and its expiry as they are', async () => {
  const app = await startApp({ sticky: false, userOf: 'user' })
  const browser = new Visitor(app.url)
  await browser.set({ user: 'looked at' })
  const before = await itemOf(browser.sid)
  await found(browser.sid)
  await pageOf('limit=200')
  await pageOf('user=looked%20at')
  await looked(browser.sid)
  const now = await itemOf(browser.sid)
  assert.ok(before.expiresAtMs > 0)
  assert.equal(now.expiresAtMs, before.expiresAtMs)
  assert.deepEqual(now.value, before.value)
})

for (const sticky of [false, true]) {
  const mode = sticky ? 'sticky' : 'non-sticky'

  test(`a session that was ended is not brought back by a server, ${mode}`, async () => {
    const nodes = { memcachedNodes: `n1:${gatewayOf(1)}` }
    const app = await startApp({ sticky, jvmRoute: 'app1', revocationPoll: 50, ...nodes })
    const browser = new Visitor(app.url)
    await browser.set({ name: 'ann' })
    assert.deepEqual(await browser.read(), { name: 'ann' })
    const { sid } = browser
    assert.equal(await revoked(`/sessions/default/${browser.id}`), 1)
    await until('the session has ended', async () => !('name' in (await browser.read())), 30_000)
    await browser.set({ other: 'thing' })
    assert.notEqual(browser.sid, sid)
    assert.deepEqual((await pageOf(`id=${sid}`)).sessions, [])
    assert.equal(await revoked(`/sessions/default/un${browser.id}`), 0)
  })

  test(`all sessions of a user end, those of others do not, ${mode}`, async () => {
    const options = {
      sticky,
      userOf: 'user',
      revocationPoll: 50,
      storageKeyPrefix: `static:${mode}`,
    }
    const apps = [
      await startApp({ ...options, jvmRoute: 'app1' }),
      await startApp({ ...options, jvmRoute: 'app2' }, 2),
    ]
    const visitors = apps.map(({ url }) => new Visitor(url))
    const other = new Visitor(apps[0]?.url ?? '')
    for (const visitor of visitors) await visitor.set({ user: `ann ${mode}` })
    await other.set({ user: `bob ${mode}` })
    const query = `user=${encodeURIComponent(`ann ${mode}`)}&prefix=${mode}_`
    assert.equal((await pageOf(query)).sessions.length, 2)
    assert.equal(await revoked(`/sessions/default?${query}`), 2)
    for (const visitor of visitors) {
      const ended = async (): Promise<boolean> => !('user' in (await visitor.read()))
      await until('the session has ended', ended, 30_000)
    }
    assert.deepEqual(await other.read(), { user: `bob ${mode}` })
    assert.deepEqual((await pageOf(query)).sessions, [])
  })
}

test('a server that is told of nothing finds out when it stores the session', async () => {
  const memcachedNodes = `n1:${gatewayOf(2)}`
  const app = await startApp({ sticky: true, jvmRoute: 'app1', revocationPoll: 0, memcachedNodes })
  const browser = new Visitor(app.url)
  await browser.set({ name: 'ann' })
  assert.equal(await revoked(`/sessions/default/${browser.id}`), 1)
  assert.deepEqual(await browser.read(), { name: 'ann' })
  await browser.set({ other: 'thing' })
  assert.deepEqual((await pageOf(`id=${browser.sid}`)).sessions, [])
  assert.ok(!('name' in (await browser.read())))
})

test('a session of one user that is ended leaves the list of the user', async () => {
  const app = await startApp({ sticky: true, userOf: 'user' })
  const [one, two] = [new Visitor(app.url), new Visitor(app.url)]
  await one.set({ user: 'carla' })
  await two.set({ user: 'carla' })
  assert.equal(await revoked(`/sessions/default/${one.id}`), 1)
  const ids = (await pageOf('user=carla')).sessions.map(({ id }) => id)
  assert.deepEqual(ids, [two.sid])
})

test('the commands show a session and end it', async () => {
  const app = await startApp({ sticky: false, userOf: 'user' })
  const browser = new Visitor(app.url)
  await browser.set({ user: 'dora', count: 3 })
  const list = await command('session-list', '--user', 'dora')
  assert.match(list, new RegExp(`${browser.sid}.*dora`))
  const shown = await command('session-show', '--id', browser.sid, '--values')
  assert.match(shown, /count\s+number\s+1 B\s+3/)
  const names = await command('session-show', '--id', browser.sid)
  assert.doesNotMatch(names, /dora"/)
  assert.match(await command('session-revoke', '--id', browser.sid, '--force'), /SUCCESS: .*1/)
  assert.match(await command('session-revoke', '--user', 'dora', '--force'), /SUCCESS: .*0/)
})

test('what is asked wrongly is told at its field', async () => {
  const cases: [string, number, RegExp][] = [
    ['/sessions', 400, /"bucket"/],
    ['/sessions?bucket=nothing', 404, /not found/],
    ['/sessions?bucket=default&limit=201', 400, /"limit"/],
    ['/sessions?bucket=default&start=here', 400, /"start"/],
    ['/sessions?bucket=default&id=a&user=b', 400, /"user"/],
    ['/sessions?bucket=default&prefix=a%20b', 400, /"prefix"/],
  ]
  for (const [path, status, text] of cases) {
    const response = await ask('GET', path)
    assert.equal(response.status, status, path)
    assert.match(await response.text(), text)
  }
  assert.equal((await ask('DELETE', '/sessions/default')).status, 400)
})

async function startApp(options: Partial<NodeSessionOptions>, node = 1): Promise<{ url: string }> {
  const application = await startApplication({ memcachedNodes: gatewayOf(node), ...options })
  closing.push(() => application.close())
  return application
}

function gatewayOf(node: number): string {
  return `127.0.0.1:${store.nodes[node - 1]?.ports.gateway}`
}

/** Items that are no sessions of ours. */
async function putBeside(): Promise<void> {
  const client = new MemcachedClient({
    host: '127.0.0.1',
    port: store.nodes[0]?.ports.gateway ?? 0,
    timeoutMs: 20_000,
  })
  await client.set('plain-item', Buffer.from('anything'), { ttlSeconds: 600 })
  const foreign = '{"cookie":{"originalMaxAge":null},"views":1}'
  await client.set('other-session', Buffer.from(foreign), { ttlSeconds: 600 })
  await client.close()
}

async function found(id: string): Promise<SessionRow> {
  const { sessions } = await pageOf(`id=${encodeURIComponent(id)}`)
  const [row] = sessions
  assert.ok(row, `session ${id}`)
  return row
}

async function pageOf(query: string): Promise<SessionPage> {
  return answer(await ask('GET', `/sessions?bucket=default&${query}`))
}

async function looked(id: string): Promise<unknown> {
  return (await answer<SessionRow>(await ask('GET', `/sessions/default/${id}?values=1`))).values
}

async function revoked(path: string): Promise<number> {
  return (await answer<{ revoked: number }>(await ask('DELETE', path))).revoked
}

/** The item as a backup has it. */
async function itemOf(key: string): Promise<ShardItem> {
  const bucket = '/pools/default/buckets/default/shards'
  const { shards } = await answer<{ shards: unknown[] }>(await ask('GET', bucket))
  for (const shard of shards.keys()) {
    const response = await ask('GET', `${bucket}/${shard}/items`)
    const reader = new ShardFrameReader()
    for (const item of reader.read(Buffer.from(await response.arrayBuffer()))) {
      if (item.key.toString() === key) return item
    }
  }
  throw new Error(`no item ${key}`)
}

function ask(
  method: string,
  path: string,
  { login = ADMIN_LOGIN, form }: { login?: string | null; form?: Record<string, string> } = {},
): Promise<Response> {
  const [node] = store.nodes
  assert.ok(node)
  return fetch(`http://${addressOf(node)}${path}`, {
    method,
    ...(login === null ? {} : { headers: { authorization: login } }),
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  })
}

async function answer<T>(response: Response): Promise<T> {
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return JSON.parse(text) as T
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

async function command(...args: string[]): Promise<string> {
  const [node] = store.nodes
  assert.ok(node)
  const login = ['-c', addressOf(node), '-u', STORE_USER, '-p', STORE_PASSWORD]
  return await runHoldfast(programs, [...args, '--bucket', 'default', ...login])
}
