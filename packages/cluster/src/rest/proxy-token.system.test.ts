/** A store's token for proxies: who is told the engines with it, and that no password is shown. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseBucketConfig } from '@holdfast/topology'
import { LocalCluster } from '../test-support/local-cluster.ts'
import { PROXY_HEADER } from './proxy-trust.ts'

const PASSWORD = 'shop-pass-word'
/** As if someone else asked, through a server on this machine. */
const FROM_AWAY = { 'x-forwarded-for': '10.9.9.9' }

let cluster: LocalCluster

before(async () => {
  cluster = await LocalCluster.start(1)
  await cluster.post('/settings/web', { username: 'admin', password: 'admin-pass', port: 'SAME' })
  const form = { replicaNumber: '0', shards: '1' }
  const headers = basic('admin', 'admin-pass')
  for (const fields of [{ name: 'default' }, { name: 'shop', saslPassword: PASSWORD }]) {
    const made = await ask('POST', '/pools/default/buckets', headers, { ...form, ...fields })
    assert.equal(made.status, 202, await made.text())
  }
  await cluster.until('both are there', () => {
    const { buckets } = cluster.node(1).document
    return buckets.length === 2 && buckets.every(({ shards }) => shards[0]?.created === true)
  })
})

after(() => cluster?.stop())

function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
  form?: Record<string, string>,
): Promise<Response> {
  const { restPort } = cluster.node(1).selfMember
  const body = form === undefined ? null : new URLSearchParams(form)
  return fetch(`http://127.0.0.1:${restPort}${path}`, { method, headers, body })
}

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

/** The status, and whether the answer tells the engines. */
async function toldOf(bucket: string, headers: Record<string, string>) {
  const all = { ...headers, [PROXY_HEADER]: '1' }
  const answer = await ask('GET', `/pools/default/buckets/${bucket}`, all)
  const text = await answer.text()
  return `${answer.status} ${answer.status === 200 && parseBucketConfig(text).holdfast !== null}`
}

test('a stranger is told the map of an open bucket, and with the token its engines', async () => {
  assert.equal(await toldOf('default', FROM_AWAY), '200 false')
  assert.equal(await toldOf('default', {}), '200 true')
  const admin = basic('admin', 'admin-pass')
  assert.deepEqual(await (await ask('GET', '/settings/proxies', admin)).json(), {
    username: '@proxy',
    hasToken: false,
  })
  const made = await ask('POST', '/settings/proxies', admin)
  const { username, token } = (await made.json()) as { username: string; token: string }
  const proxy = { ...basic(username, token), ...FROM_AWAY }
  assert.equal(await toldOf('default', proxy), '200 true')
  assert.equal(await toldOf('shop', proxy), '200 true')
  assert.equal(await toldOf('shop', { ...basic('@proxy', `${token}x`), ...FROM_AWAY }), '401 false')
  assert.equal((await ask('GET', '/pools/default', proxy)).status, 200)
  assert.equal((await ask('GET', '/settings/web', proxy)).status, 401)
  assert.equal((await ask('POST', '/settings/proxies', proxy)).status, 401)
  const path = '/pools/default/saslBucketsStreaming'
  const shown = async (headers: Record<string, string>) => {
    return firstConfig(await ask('GET', path, { ...headers, [PROXY_HEADER]: '1' }))
  }
  assert.match(await shown(proxy), /"login":\{"sha512"/)
  assert.doesNotMatch(await shown(proxy), /"admin":\{/, 'the login of the admin is for gateways')
  assert.match(await shown(admin), /"admin":\{"username":"admin","login":\{"sha512"/)
  const again = await ask('POST', '/settings/proxies', admin)
  assert.equal(again.status, 200)
  assert.equal(await toldOf('shop', proxy), '401 false')
})

/** What a stream shows up to the end of its first config. */
async function firstConfig(answer: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes('\n\n\n\n')) break
  }
  return text
}

test('the password of a bucket opens it and is nowhere: not in REST, not on disk', async () => {
  const shop = { ...basic('shop', PASSWORD), ...FROM_AWAY }
  assert.equal(await toldOf('shop', shop), '200 true')
  assert.equal(await toldOf('shop', basic('shop', 'wrong')), '401 false')
  const answer = await ask('GET', '/pools/default/buckets/shop', basic('admin', 'admin-pass'))
  const view = (await answer.json()) as { saslPassword: string; hasPassword: boolean }
  assert.deepEqual([view.saslPassword, view.hasPassword], ['', true])
  const file = await readFile(join(cluster.node(1).folder, 'cluster.json'), 'utf8')
  assert.ok(!file.includes(PASSWORD))
})

test('a password is changed while the bucket serves, kept by an edit without one, and removed', async () => {
  const path = '/pools/default/buckets/shop'
  const admin = basic('admin', 'admin-pass')
  await ask('POST', path, admin, { saslPassword: 'another-one' })
  assert.equal(await toldOf('shop', { ...basic('shop', PASSWORD), ...FROM_AWAY }), '401 false')
  await ask('POST', path, admin, { degradedWrites: 'refuse' })
  const shop = { ...basic('shop', 'another-one'), ...FROM_AWAY }
  assert.equal(await toldOf('shop', shop), '200 true')
  await ask('POST', path, admin, { saslPassword: '' })
  assert.equal(await toldOf('shop', FROM_AWAY), '200 false')
})
