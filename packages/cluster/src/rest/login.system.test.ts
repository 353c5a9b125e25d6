/** A browser's login at two real nodes: in, out, to another node, and what it may not do. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { LocalCluster } from '../test-support/local-cluster.ts'

const CONSOLE = { 'ns-server-ui': 'yes' }
const ADMIN = { user: 'Administrator', password: 'password' }
const READER = { user: 'reader', password: 'password2' }

let cluster: LocalCluster

before(async () => {
  cluster = await LocalCluster.start(2)
  const { user: username, password } = READER
  await cluster.post('/settings/readOnlyUser', { username, password })
  await cluster.until('both nodes know both users', () =>
    [1, 2].every((id) => cluster.node(id).document.readOnlyUser !== null),
  )
})

after(() => cluster?.stop())

function ask(
  path: string,
  options: { via?: number; form?: Record<string, string>; headers?: Record<string, string> } = {},
): Promise<Response> {
  const { via = 1, form, headers = {} } = options
  const { host, restPort } = cluster.node(via).selfMember
  return fetch(`http://${host}:${restPort}${path}`, {
    headers,
    redirect: 'manual',
    ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
  })
}

// biome-ignore lint/suspicious/noExplicitAny: the answers are checked member by member
function bodyOf(answer: Response): Promise<any> {
  return answer.json()
}

function cookieOf(answer: Response): string {
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0]
  assert.ok(cookie, 'a cookie is set')
  return cookie
}

/** Headers of a browser that has logged in. */
async function browser(form: Record<string, string>): Promise<Record<string, string>> {
  const answer = await ask('/uilogin', { form, headers: CONSOLE })
  assert.equal(answer.status, 200, await answer.clone().text())
  return { ...CONSOLE, cookie: cookieOf(answer) }
}

test('name and password give a cookie that is good at both nodes', async () => {
  const answer = await ask('/uilogin', { form: ADMIN, headers: CONSOLE })
  assert.deepEqual(await answer.json(), {
    ...{ user: 'Administrator', role: 'admin', expiresInSeconds: 1800 },
  })
  const [set = ''] = answer.headers.getSetCookie()
  assert.match(set, /^holdfast-ui=.+; Max-Age=1800; Path=\/; HttpOnly; SameSite=Strict$/)
  const headers = { ...CONSOLE, cookie: cookieOf(answer) }
  for (const via of [1, 2]) {
    assert.equal((await ask('/settings/web', { via, headers })).status, 200)
    const { otpNode, ...who } = await bodyOf(await ask('/whoami', { via, headers }))
    const { host, restPort } = cluster.node(via).selfMember
    assert.equal(otpNode, `n_${restPort}@${host}`)
    assert.deepEqual(who, {
      ...{ user: 'Administrator', role: 'admin', provisioned: true, version: '0.0.0' },
      ...{ expiresInSeconds: who.expiresInSeconds, node: `${host}:${restPort}` },
    })
    assert.ok(who.expiresInSeconds > 0)
  }
})

test('without the header of the console the cookie is nothing', async () => {
  const { cookie = '' } = await browser(ADMIN)
  const plain = await ask('/settings/web', { headers: { cookie } })
  assert.equal(plain.status, 401)
  assert.match(plain.headers.get('www-authenticate') ?? '', /^Basic/)
  const post = await ask('/settings/stats', { form: { sendStats: 'true' }, headers: { cookie } })
  assert.equal(post.status, 401)
})

test('a change by cookie is passed on to the leader like any other', async () => {
  const headers = await browser(ADMIN)
  for (const via of [1, 2]) {
    await cluster.until('the change is taken', async () => {
      const answer = await ask('/settings/stats', { via, headers, form: { sendStats: 'true' } })
      return answer.status === 200
    })
  }
})

test('wrong logins are refused in words, without a challenge', async () => {
  const wrong = [
    { user: 'Administrator', password: 'wrong' },
    { user: 'nobody', password: 'password' },
    { user: '', password: '' },
  ]
  for (const form of wrong) {
    const answer = await ask('/uilogin', { form })
    assert.equal(answer.status, 401)
    assert.equal(answer.headers.get('www-authenticate'), null)
    assert.deepEqual(answer.headers.getSetCookie(), [])
    const errors = { password: 'User name or password is wrong.' }
    assert.deepEqual(await answer.json(), { errors })
  }
  const none = await ask('/settings/web', { headers: CONSOLE })
  assert.equal(none.status, 401)
  assert.equal(none.headers.get('www-authenticate'), null)
})

test('the read-only user looks and changes nothing', async () => {
  const headers = await browser(READER)
  assert.equal((await bodyOf(await ask('/whoami', { headers }))).role, 'reader')
  assert.equal((await ask('/settings/web', { headers })).status, 200)
  const change = await ask('/settings/stats', { headers, form: { sendStats: 'true' } })
  assert.equal(change.status, 403)
  assert.equal((await ask('/internal/document', { headers })).status, 401)
})

test('who has not logged in is told so', async () => {
  const who = await bodyOf(await ask('/whoami'))
  assert.deepEqual([who.user, who.role, who.provisioned], [null, 'none', true])
})

test('a ticket turns a login at one node into one at another', async () => {
  const headers = await browser(ADMIN)
  const { ticket, expiresInSeconds } = await bodyOf(await ask('/uiticket', { headers, form: {} }))
  assert.equal(expiresInSeconds, 60)
  const answer = await ask('/uilogin', { via: 2, form: { ticket }, headers: CONSOLE })
  assert.equal(answer.status, 200)
  const moved = { ...CONSOLE, cookie: cookieOf(answer) }
  assert.equal((await ask('/settings/web', { via: 2, headers: moved })).status, 200)
  const again = await ask('/uilogin', { via: 2, form: { ticket }, headers: CONSOLE })
  assert.equal(again.status, 401)
  assert.deepEqual(Object.keys((await bodyOf(again)).errors), ['ticket'])
  const byPassword = { authorization: `Basic ${btoa('Administrator:password')}` }
  assert.equal((await ask('/uiticket', { headers: byPassword, form: {} })).status, 400)
})

test('a login that is logged out is over', async () => {
  const headers = await browser(ADMIN)
  const out = await ask('/uilogout', { headers, form: {} })
  assert.equal(out.status, 200)
  assert.match(
    out.headers.getSetCookie()[0] ?? '',
    /^holdfast-ui=;.*(Max-Age=0|Expires=Thu, 01 Jan)/,
  )
  assert.equal((await ask('/settings/web', { headers })).status, 401)
})

test('a page of another origin changes nothing with a password that a browser remembers', async () => {
  const authorization = `Basic ${btoa('Administrator:password')}`
  const headers = { authorization, origin: 'http://elsewhere.example' }
  const answer = await ask('/settings/stats', { headers, form: { sendStats: 'false' } })
  assert.equal(answer.status, 403)
  assert.match((await bodyOf(answer)).message, /another origin/)
})

test('a changed password ends the logins that were made with the old one', async () => {
  const headers = await browser(READER)
  await cluster.post('/settings/readOnlyUser', { username: 'reader', password: 'password3' })
  for (const via of [1, 2]) {
    await cluster.until('the old login is over', async () => {
      return (await ask('/settings/web', { via, headers })).status === 401
    })
  }
})
