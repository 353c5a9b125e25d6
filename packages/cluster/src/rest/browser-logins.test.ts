import assert from 'node:assert/strict'
import { test } from 'node:test'
import cookie from '@fastify/cookie'
import fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { documentOf } from '../test-support/fixtures.ts'
import { BrowserLogins, isForeign, TICKET_SECONDS, UI_SESSION_SECONDS } from './browser-logins.ts'

const CONSOLE = { 'ns-server-ui': 'yes' }

interface Member {
  app: FastifyInstance
  logins: BrowserLogins
}

/** Members of one cluster whose clocks stand still until they are moved on. */
async function cluster(members: number): Promise<{
  document: ClusterDocument
  nodes: Member[]
  clock: { nowMs: number }
  [Symbol.asyncDispose](): Promise<void>
}> {
  const document = documentOf(members)
  document.admin = { username: 'Administrator', passwordHash: 'scrypt$a$b' }
  const clock = { nowMs: 1_700_000_000_000 }
  const nodes = await Promise.all(
    document.members.map(async () => {
      const logins = new BrowserLogins(
        () => document,
        () => clock.nowMs,
      )
      const app = fastify()
      await app.register(cookie)
      app.post('/in', (request, reply) =>
        logins.begin({ request, reply }, 'Administrator', 'admin'),
      )
      app.post('/out', (request, reply) => {
        logins.end({ request, reply })
        return {}
      })
      app.get('/who', (request, reply) => {
        logins.renew({ request, reply })
        return { user: logins.find(request)?.user ?? null }
      })
      app.get('/ticket', (request) => {
        const claims = logins.find(request)
        return { ticket: claims && logins.ticket(claims) }
      })
      app.get<{ Querystring: { ticket: string } }>('/redeem', (request, reply) => ({
        user: logins.redeem({ request, reply }, request.query.ticket)?.user ?? null,
      }))
      return { app, logins }
    }),
  )
  return {
    ...{ document, nodes, clock },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map(({ app }) => app.close()))
    },
  }
}

function cookieOf(answer: LightMyRequestResponse): string {
  const [first] = answer.cookies
  assert.ok(first, 'a cookie is set')
  return `${first.name}=${first.value}`
}

async function who(at: Member | undefined, headers: Record<string, string>): Promise<unknown> {
  return (await at?.app.inject({ url: '/who', headers }))?.json().user
}

async function logIn(at: Member | undefined): Promise<string> {
  assert.ok(at)
  return cookieOf(await at.app.inject({ method: 'POST', url: '/in' }))
}

test('the cookie is for this site and its requests alone, and ends with the login', async () => {
  await using one = await cluster(1)
  const answer = await one.nodes[0]?.app.inject({ method: 'POST', url: '/in' })
  const [set] = answer?.cookies ?? []
  assert.equal(set?.name, 'holdfast-ui')
  assert.equal(set?.httpOnly, true)
  assert.equal(set?.sameSite, 'Strict')
  assert.equal(set?.path, '/')
  assert.equal(set?.maxAge, UI_SESSION_SECONDS)
})

test('a cookie counts only with the header of the console, at every member', async () => {
  await using three = await cluster(3)
  const value = await logIn(three.nodes[0])
  for (const node of three.nodes) {
    assert.equal(await who(node, { cookie: value, ...CONSOLE }), 'Administrator')
    assert.equal(await who(node, { cookie: value }), null)
    assert.equal(await who(node, { cookie: value, 'ns-server-ui': 'no' }), null)
    assert.equal(await who(node, CONSOLE), null)
  }
})

test('other credentials of the same request come first', async () => {
  await using one = await cluster(1)
  const value = await logIn(one.nodes[0])
  const authorization = 'Basic bm9ib2R5Og=='
  assert.equal(await who(one.nodes[0], { cookie: value, ...CONSOLE, authorization }), null)
})

test('a login that is used goes on, one that is not is over after half an hour', async () => {
  await using one = await cluster(1)
  const [node] = one.nodes
  assert.ok(node)
  let value = await logIn(node)
  const ask = () => node.app.inject({ url: '/who', headers: { cookie: value, ...CONSOLE } })
  one.clock.nowMs += (UI_SESSION_SECONDS / 3) * 1000 - 1
  assert.equal((await ask()).cookies.length, 0, 'a young login is not renewed')
  for (let third = 0; third < 6; third++) {
    one.clock.nowMs += (UI_SESSION_SECONDS / 3) * 1000
    value = cookieOf(await ask())
  }
  one.clock.nowMs += UI_SESSION_SECONDS * 1000
  assert.equal((await ask()).json().user, null)
})

test('a changed password ends logins everywhere at once', async () => {
  await using two = await cluster(2)
  const value = await logIn(two.nodes[0])
  two.document.admin = { username: 'Administrator', passwordHash: 'scrypt$a$other' }
  for (const node of two.nodes) assert.equal(await who(node, { cookie: value, ...CONSOLE }), null)
})

test('a login that was ended stays ended here, its cookie is cleared, who watches is told', async () => {
  await using one = await cluster(1)
  const [node] = one.nodes
  assert.ok(node)
  const told: number[] = []
  node.logins.onChange((_id, expiresAtMs) => told.push(expiresAtMs))
  const headers = { cookie: await logIn(node), ...CONSOLE }
  const answer = await node.app.inject({ method: 'POST', url: '/out', headers })
  assert.equal(answer.cookies[0]?.value, '')
  assert.equal(await who(node, headers), null)
  assert.deepEqual(told, [0])
})

test('a page of another site cannot log anybody out', async () => {
  await using one = await cluster(1)
  const value = await logIn(one.nodes[0])
  const headers = { cookie: value }
  const answer = await one.nodes[0]?.app.inject({ method: 'POST', url: '/out', headers })
  assert.equal(answer?.cookies.length, 0)
  assert.equal(await who(one.nodes[0], { cookie: value, ...CONSOLE }), 'Administrator')
})

test('a ticket moves a login to another node once, with what is left of its time', async () => {
  await using two = await cluster(2)
  const [from, to] = two.nodes
  assert.ok(from && to)
  const headers = { cookie: await logIn(from), ...CONSOLE }
  two.clock.nowMs += 100_000
  const { ticket } = (await from.app.inject({ url: '/ticket', headers })).json()
  const redeemed = await to.app.inject(`/redeem?ticket=${ticket}`)
  assert.equal(redeemed.json().user, 'Administrator')
  assert.equal(redeemed.cookies[0]?.maxAge, UI_SESSION_SECONDS - 100)
  assert.equal(await who(to, { cookie: cookieOf(redeemed), ...CONSOLE }), 'Administrator')
  assert.equal((await to.app.inject(`/redeem?ticket=${ticket}`)).json().user, null, 'once')
})

test('a ticket is over after a minute, and is no login itself', async () => {
  await using two = await cluster(2)
  const [from, to] = two.nodes
  assert.ok(from && to)
  const headers = { cookie: await logIn(from), ...CONSOLE }
  const { ticket } = (await from.app.inject({ url: '/ticket', headers })).json()
  assert.equal(await who(to, { cookie: `holdfast-ui=${ticket}`, ...CONSOLE }), null)
  two.clock.nowMs += TICKET_SECONDS * 1000
  assert.equal((await to.app.inject(`/redeem?ticket=${ticket}`)).json().user, null)
})

test('pages of other origins change nothing, whatever a browser remembers for this one', async () => {
  const app = fastify()
  app.route({ method: ['GET', 'POST'], url: '/', handler: (request) => isForeign(request) })
  const foreign = async (headers: Record<string, string>, method: 'GET' | 'POST' = 'POST') =>
    (await app.inject({ method, url: '/', headers: { host: 'node:8091', ...headers } })).json()
  assert.equal(await foreign({}), false, 'tools say nothing')
  assert.equal(await foreign({ 'sec-fetch-site': 'same-origin' }), false)
  assert.equal(await foreign({ 'sec-fetch-site': 'none' }), false)
  assert.equal(await foreign({ 'sec-fetch-site': 'cross-site' }), true)
  assert.equal(await foreign({ 'sec-fetch-site': 'same-site' }), true, 'another port of the host')
  assert.equal(await foreign({ origin: 'http://node:8091' }), false)
  assert.equal(await foreign({ origin: 'http://node:3000' }), true)
  assert.equal(await foreign({ origin: 'null' }), true)
  assert.equal(await foreign({ origin: 'http://evil', ...CONSOLE }), false, 'needs a preflight')
  assert.equal(await foreign({ 'sec-fetch-site': 'cross-site' }, 'GET'), false)
  await app.close()
})
