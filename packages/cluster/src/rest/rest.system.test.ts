/** The REST face of a real node with a real engine, as the reference's table has it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { FREE_FAILURES, LATE_MS_MAX, PLACES_MAX } from '@holdfast/client'
import { freePort } from '@holdfast/client/testing'
import { pino } from 'pino'
import { Agent, fetch as fetchVia } from 'undici'
import { StoreNode } from '../node.ts'
import { pathOf } from './openapi.ts'
import { publicRoutes } from './rest-server.ts'

const HOST = '127.0.0.1'
const WAIT_MS_MAX = 20_000
const POLL_MS = 20
const ADMIN = basic('Administrator', 'password')
const READER = basic('reader', 'password2')
const SHOP = basic('shop', 'shop-password')

let folder = ''
let node: StoreNode
let base = ''
let secure = ''
let authority: Buffer

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-rest-'))
  const [port, gatewayPort, dataPort] = await Promise.all([freePort(), freePort(), freePort()])
  const engine = 12_000 + Math.floor(Math.random() * 10_000)
  base = `http://${HOST}:${port}`
  const options = {
    ...{ host: HOST, arbiter: false, version: '0.0.0', gatewayCommand: null, data: folder },
    ...{ port, gatewayPort, dataPort, enginePorts: [engine, engine + 3] as [number, number] },
  }
  const certFile = join(folder, 'rest.crt')
  const keyFile = join(folder, 'rest.key')
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile]
  const args = ['req', '-x509', ...key, '-days', '2', ...subject, '-out', certFile]
  execFileSync('openssl', args, { stdio: 'ignore' })
  const tls = { certFile, keyFile, port: await freePort() }
  secure = `https://${HOST}:${tls.port}`
  authority = await readFile(certFile)
  node = await StoreNode.start({ ...options, tls }, pino({ level: 'silent' }))
})

after(async () => {
  await node?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('before there is an admin there is no pool, and everybody may set one', async () => {
  const pools = await json('/pools', '')
  assert.deepEqual(pools.pools, [])
  assert.equal((await get('/pools/default', '')).status, 404)
  const short = await post('/settings/web', '', { username: 'a', password: 'short' })
  assert.equal(short.status, 400)
  assert.deepEqual(await short.json(), ['The password must be at least six characters.'])
  const done = await post('/settings/web', '', {
    ...{ port: 'SAME', username: 'Administrator', password: 'password' },
  })
  assert.deepEqual(await done.json(), { newBaseUri: `${base}/` })
  assert.equal((await get('/settings/web', '')).status, 401)
})

test('buckets with and without a password', async () => {
  for (const fields of [{ name: 'default' }, { name: 'shop', saslPassword: 'shop-password' }]) {
    const form = { replicaNumber: '0', shards: '1', ramQuotaMB: '100', authType: 'sasl', ...fields }
    const made = await post('/pools/default/buckets', ADMIN, form)
    assert.equal(made.status, 202, await made.text())
  }
  await until('the buckets have their map', async () => {
    const terse = await json('/pools/default/b/shop', ADMIN)
    return terse.vBucketServerMap.vBucketMap.length === 1024
  })
})

test('every GET answers what the OpenAPI file says, to the admin and to the read-only user', async () => {
  const set = await post('/settings/readOnlyUser', ADMIN, {
    ...{ username: 'reader', password: 'password2' },
  })
  assert.equal(set.status, 200, await set.text())
  await until('figures are there', async () => {
    return (await json('/pools/default', ADMIN)).storageTotals.hdd.total > 0
  })
  const { otpNode, hostname } = await json('/nodes/self', ADMIN)
  const stat = 'curr_items'
  const values: Record<string, string> = { bucket: 'shop', otpNode, host: hostname, stat }
  for (const route of publicRoutes) {
    if (route.method !== 'GET' || route.streams || route.answers?.[301]) continue
    // Without a session browser, as here, there are none: they have a test of their own.
    if (route.path.startsWith('/sessions')) continue
    const path = pathOf(route).replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x')
    const answer = await get(path, ADMIN)
    assert.ok(answer.status < 400, `${path}: ${answer.status} ${await answer.clone().text()}`)
    const described = route.answers?.[answer.status]
    if (described?.schema) {
      const result = described.schema.safeParse(await answer.json())
      assert.ok(result.success, `${path}: ${result.error?.message}`)
    } else await answer.body?.cancel()
    const asReader = await get(path, READER)
    await asReader.body?.cancel()
    assert.equal(asReader.status, route.secret ? 403 : 200, path)
  }
})

test('the read-only user changes nothing', async () => {
  for (const route of publicRoutes) {
    if (route.method === 'GET' || route.harmless || route.access === 'open') continue
    const path = pathOf(route)
      .replace('{bucket}', 'shop')
      .replaceAll(/\{\w+\}/g, 'x')
    const answer = await fetch(`${base}${path}`, {
      method: route.method,
      headers: { authorization: READER },
    })
    assert.equal(answer.status, 403, `${route.method} ${path}: ${await answer.text()}`)
  }
  const report = await post('/logClientError', READER, { text: 'page broke' })
  assert.equal(report.status, 200)
})

test("a bucket's credentials open that bucket only, and show no passwords of others", async () => {
  assert.equal((await get('/pools/default/buckets/shop', '')).status, 401)
  const own = await json('/pools/default/buckets/shop', SHOP)
  assert.equal(own.saslPassword, '')
  const all = await json('/pools/default/buckets', SHOP)
  assert.deepEqual(
    all.map((b: { name: string }) => b.name),
    ['default', 'shop'],
  )
  const others = await json('/pools/default/buckets', '')
  assert.deepEqual(
    others.map((b: { name: string }) => b.name),
    ['default'],
  )
  assert.equal((await get('/nodes/self', SHOP)).status, 401)
})

test('statuses and headers are those of the original', async () => {
  const statusOf = async (method: string, path: string, authorization = '') => {
    const headers = authorization === '' ? {} : { authorization }
    const answer = await fetch(`${base}${path}`, { method, headers, redirect: 'manual' })
    await answer.body?.cancel()
    return answer.status
  }
  assert.equal(await statusOf('GET', '/'), 301)
  assert.equal(await statusOf('GET', '/nothing'), 404)
  assert.equal(await statusOf('POST', '/nothing'), 404)
  assert.equal(await statusOf('DELETE', '/nothing'), 405)
  assert.equal(await statusOf('PUT', '/nothing'), 405)
  assert.equal(await statusOf('GET', '/pools/default/buckets/none'), 404)
  assert.equal(await statusOf('GET', '/pools/default/bs/none'), 404)
  assert.equal(await statusOf('GET', '/nodes/ns_1@nowhere', ADMIN), 404)
  const refused = await get('/settings/web', '')
  assert.equal(refused.headers.get('www-authenticate'), 'Basic realm="Membase Server Admin / REST"')
  assert.equal(refused.headers.get('pragma'), 'no-cache')
  assert.equal(refused.headers.get('cache-control'), 'no-cache')
  assert.match(refused.headers.get('server') ?? '', /^Membase Server 0\.0\.0/)
  const quiet = await fetch(`${base}/settings/web`, { headers: { 'invalid-auth-response': 'on' } })
  assert.equal(quiet.status, 401)
  assert.equal(quiet.headers.get('www-authenticate'), null)
})

test('the folder of a node is checked in the words of the original', async () => {
  const checked = async (path: string) => {
    const answer = await post('/nodes/self/controller/settings', ADMIN, { path })
    return answer.status === 200 ? [] : await bodyOf(answer)
  }
  assert.deepEqual(await checked(''), ['The database path cannot be empty.'])
  assert.deepEqual(await checked('relative'), ['An absolute path is required.'])
  assert.match((await checked('/elsewhere'))[0], /^Could not set the storage path/)
  assert.deepEqual(await checked(folder), [])
})

test('a long poll is answered at once when the state is another, and when it changes', async () => {
  const first = await json('/pools/default?waitChange=20000&etag=1', ADMIN)
  assert.match(first.etag, /^\d+$/)
  const untilOtherBuckets = async () => {
    let { etag } = first
    for (;;) {
      const pool = await json(`/pools/default?waitChange=20000&etag=${etag}`, ADMIN)
      if (pool.buckets.uri !== first.buckets.uri) return pool
      assert.notEqual(pool.etag, etag)
      etag = pool.etag
    }
  }
  const waiting = untilOtherBuckets()
  await post('/settings/stats', ADMIN, { sendStats: 'true' })
  const changed = post('/pools/default/buckets', ADMIN, {
    ...{ name: 'third', replicaNumber: '0', shards: '1', ramQuotaMB: '100' },
  })
  assert.notEqual((await waiting).etag, first.etag)
  assert.equal((await changed).status, 202)
  assert.equal((await json('/settings/stats', ADMIN)).sendStats, true)
  const { etag } = await json('/pools/default?waitChange=0&etag=1', ADMIN)
  const same = await json(`/pools/default?waitChange=10&etag=${etag}`, ADMIN)
  assert.equal(typeof same.etag, 'string')
})

test('streams begin with the config and go on after a change', async () => {
  for (const path of ['/pools/default/bs/shop', '/poolsStreaming/default']) {
    const aborting = new AbortController()
    const answer = await fetch(`${base}${path}`, {
      headers: { authorization: ADMIN },
      signal: aborting.signal,
    })
    assert.equal(answer.status, 200, path)
    const reader = answer.body?.getReader()
    let text = ''
    while (!text.includes('\n\n\n\n')) {
      const chunk = await reader?.read()
      assert.ok(chunk?.value, path)
      text += Buffer.from(chunk.value).toString()
    }
    assert.equal(
      JSON.parse(text.split('\n\n\n\n')[0] ?? '').name,
      path.includes('bs') ? 'shop' : 'default',
    )
    aborting.abort()
  }
})

test('what has happened is in the log, what consoles report too', async () => {
  await until('all of it is there', async () => {
    const { list } = await json('/logs', ADMIN)
    const texts = list.map((entry: { text: string }) => entry.text).join('\n')
    return (
      /Holdfast has started/.test(texts) &&
      /Created bucket "shop" of type: membase/.test(texts) &&
      /Read-only user|Credentials of the read-only user/.test(texts) &&
      /page broke/.test(texts)
    )
  })
  const { list } = await json('/logs?limit=1', ADMIN)
  assert.equal(list.length, 1)
  const later = await json(`/logs?sinceTime=${Date.now() + 3_600_000}`, ADMIN)
  assert.deepEqual(later.list, [])
})

test('statistics are kept second by second, summed and by node', async () => {
  const uri = '/pools/default/buckets/shop'
  await until('some seconds are there', async () => {
    const { op } = await json(`${uri}/stats`, SHOP)
    return op.samples.timestamp.length >= 3
  })
  const { op, hot_keys } = await json(`${uri}/stats?zoom=minute`, SHOP)
  assert.deepEqual(hot_keys, [])
  assert.equal(op.interval, 1000)
  assert.equal(op.isPersistent, true)
  const last = (name: string) => op.samples[name].at(-1)
  assert.equal(last('vb_active_num'), 1024)
  assert.ok(last('mem_used') > 0)
  assert.ok(last('mem_total') > 0)
  assert.equal(op.samples.timestamp.at(-1), op.lastTStamp)
  const since = op.samples.timestamp.at(-2)
  const newer = await json(`${uri}/stats?haveTStamp=${since}`, SHOP)
  assert.equal(newer.op.samples.timestamp[0], since)
  const [server] = (await json(`${uri}/nodes`, SHOP)).servers
  const one = await json(server.stats.uri, SHOP)
  assert.equal(one.op.samples.vb_active_num.at(-1), 1024)
  const byNode = await json(`${uri}/stats/vb_active_num`, SHOP)
  assert.equal(byNode.nodeStats[server.hostname].at(-1), 1024)
  const unknown = await get(`${uri}/stats/nonsense`, SHOP)
  assert.equal(unknown.status, 404)
  assert.equal(await unknown.json(), 'unknown stat')
  assert.equal((await get(`${uri}/nodes/nowhere:1`, SHOP)).status, 404)
  assert.equal((await get(`${uri}/stats?zoom=century`, SHOP)).status, 400)
  const all = await json('/pools/default/stats', ADMIN)
  assert.ok(all.op.samples.vb_active_num.at(-1) >= 2048)
})

test('metrics of the node, its buckets, shards and engines', async () => {
  const text = await (await get('/metrics', '')).text()
  for (const sample of [
    /^holdfast_node_leader 1$/m,
    /^holdfast_shards\{bucket="shop",state="whole"\} 1$/m,
    /^holdfast_shard_has_primary\{bucket="shop",shard="0"\} 1$/m,
    /^holdfast_engine_memory_bytes\{bucket="shop",shard="0"\} \d+$/m,
    /^holdfast_engine_state\{bucket="shop",shard="0",state="running"\} 1$/m,
    /^process_cpu_seconds_total /m,
  ]) {
    assert.match(text, sample)
  }
})

test('guessing is slowed and counted; who is known to be right is not held up', async () => {
  const guess = async (n: number): Promise<number> => {
    const answer = await get('/settings/web', basic('Administrator', `guess-${n}`))
    await answer.body?.cancel()
    return answer.status
  }
  assert.equal((await get('/settings/web', ADMIN)).status, 200)
  for (let n = 0; n < FREE_FAILURES; n++) assert.equal(await guess(n), 401)
  const startedAt = performance.now()
  const statuses = Promise.all(Array.from({ length: 30 }, (_, n) => guess(n)))
  const known = await get('/settings/web', ADMIN)
  assert.equal(known.status, 200)
  const answered = await statuses
  assert.ok(performance.now() - startedAt >= LATE_MS_MAX / 2, 'the last of them waited')
  assert.ok(answered.filter((status) => status === 401).length >= PLACES_MAX)
  assert.ok(answered.includes(429))
  assert.equal((await get('/pools/default/buckets/shop', SHOP)).status, 200)
  const openWithGuess = await get('/pools', basic('Administrator', 'guess'))
  assert.ok([200, 429].includes(openWithGuess.status))
  const text = await (await get('/metrics', '')).text()
  const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  assert.ok(count('holdfast_logins_wrong_total') >= FREE_FAILURES + PLACES_MAX)
  assert.ok(count('holdfast_logins_refused_total') >= 1)
})

test('the same routes are there over TLS, and clients are told where', async () => {
  const dispatcher = new Agent({ connect: { ca: authority } })
  const ask = async (path: string, authorization: string) => {
    const answer = await fetchVia(`${secure}${path}`, { dispatcher, headers: { authorization } })
    return { status: answer.status, text: await answer.text() }
  }
  assert.equal((await ask('/settings/web', ADMIN)).status, 200)
  assert.equal((await ask('/settings/web', SHOP)).status, 401)
  const { text } = await ask('/pools/default/b/shop', SHOP)
  assert.equal(JSON.parse(text).nodesExt[0].services.mgmtSSL, Number(new URL(secure).port))
  await dispatcher.close()
})

test('a browser that logs in over TLS gets a cookie that goes over TLS only', async () => {
  const dispatcher = new Agent({ connect: { ca: authority } })
  const console = { 'ns-server-ui': 'yes' }
  const answer = await fetchVia(`${secure}/uilogin`, {
    ...{ dispatcher, method: 'POST', headers: console },
    body: new URLSearchParams({ user: 'Administrator', password: 'password' }),
  })
  const [set = ''] = answer.headers.getSetCookie()
  assert.match(set, /^__Host-holdfast-ui=.*; Secure/)
  const headers = { ...console, cookie: set.split(';')[0] ?? '' }
  const tls = await fetchVia(`${secure}/settings/tls`, { dispatcher, headers })
  const shown = Object(await tls.json())
  assert.deepEqual([shown.port, shown.daysLeft], [Number(new URL(secure).port), 1])
  await dispatcher.close()
})

test('alert settings are kept, their password is not shown', async () => {
  const bad = await post('/settings/alerts', ADMIN, { sender: 'nobody' })
  assert.equal(bad.status, 400)
  assert.deepEqual(Object.keys((await bodyOf(bad)).errors), ['sender'])
  const form = { enabled: 'false', emailHost: 'mail.example', emailPass: 'mail-secret' }
  assert.equal((await post('/settings/alerts', ADMIN, form)).status, 200)
  const shown = await json('/settings/alerts', ADMIN)
  assert.equal(shown.emailServer.host, 'mail.example')
  assert.equal(shown.emailServer.pass, '')
  const test = await post('/settings/alerts/testEmail', ADMIN, {
    ...{ emailHost: HOST, emailPort: '1', emailUser: '', emailPass: '' },
  })
  assert.equal(test.status, 400)
  assert.match((await bodyOf(test)).error, /^Couldn't send email: /)
})

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function get(path: string, authorization: string): Promise<Response> {
  const headers = authorization === '' ? {} : { authorization }
  return fetch(`${base}${path}`, { headers })
}

// biome-ignore lint/suspicious/noExplicitAny: the answers are checked member by member
async function json(path: string, authorization: string): Promise<any> {
  const answer = await get(path, authorization)
  const text = await answer.text()
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`)
  return JSON.parse(text)
}

// biome-ignore lint/suspicious/noExplicitAny: the answers are checked member by member
function bodyOf(answer: Response): Promise<any> {
  return answer.json()
}

function post(
  path: string,
  authorization: string,
  form: Record<string, string>,
): Promise<Response> {
  const headers = authorization === '' ? {} : { authorization }
  return fetch(`${base}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) })
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS_MAX
  for (;;) {
    if (await isSo().catch(() => false)) return
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${WAIT_MS_MAX} ms`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
