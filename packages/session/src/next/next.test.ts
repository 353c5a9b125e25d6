import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { flush } from '../test-support/memcached-counts.ts'
import {
  createSessions,
  type NextCookieOptions,
  type NextCookies,
  type NextSessionOptions,
  type NextSessions,
} from './index.ts'

interface Shape {
  count: number
  user: string
}

const URL = 'http://site.test/api/count'

let memcached: MemcachedProcess
before(async () => {
  memcached = await MemcachedProcess.start()
})
after(() => memcached.kill())

function opened(t: TestContext, options: Partial<NextSessionOptions> = {}): NextSessions<Shape> {
  const sessions = createSessions<Shape>({
    memcachedNodes: memcached.address,
    secret: 's',
    ...options,
  })
  t.after(() => sessions.close())
  return sessions
}

/**
 * The cookie store of Next.js as an action sees it: values are decoded on reading and encoded on
 * writing, and what was set is read back at once. In a component it is sealed.
 */
class CookieStore implements NextCookies {
  readonly jar: Map<string, string>
  readonly lines: string[] = []
  readonly options: NextCookieOptions[] = []
  readonly #isSealed: boolean

  constructor(jar: Map<string, string>, { isSealed = false } = {}) {
    this.jar = jar
    this.#isSealed = isSealed
  }

  get(name: string): { name: string; value: string } | undefined {
    const value = this.jar.get(name)
    return value === undefined ? undefined : { name, value: decodeURIComponent(value) }
  }

  set(name: string, value: string, options: NextCookieOptions): this {
    if (this.#isSealed) {
      throw new Error('Cookies can only be modified in a Server Action or Route Handler.')
    }
    this.jar.set(name, encodeURIComponent(value))
    this.lines.push(name)
    this.options.push(options)
    return this
  }
}

function jarOf(response: Response): Map<string, string> {
  return new Map(
    response.headers.getSetCookie().map((line) => {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      return [name, value]
    }),
  )
}

function requestWith(jar: Map<string, string>): Request {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  return new Request(URL, { headers: { cookie } })
}

test('route handlers, actions and components see one session', async (t) => {
  const { withSession, getSession } = opened(t)
  const GET = withSession(
    async (_request, session, context: { params: Promise<{ n: string }> }) => {
      const { n } = await context.params
      session.set('count', (session.get('count') ?? 0) + Number(n))
      return Response.json({ count: session.get('count') })
    },
  )
  const jar = jarOf(await GET(new Request(URL), { params: Promise.resolve({ n: '2' }) }))
  const action = new CookieStore(jar)
  const session = await getSession(action)
  assert.equal(session.get('count'), 2)
  session.set('user', 'ann')
  await session.save()
  assert.deepEqual(action.lines, [], 'the browser has the cookie already')
  const seen = await getSession(new CookieStore(jar, { isSealed: true }))
  assert.deepEqual({ ...seen.attributes }, { count: 2, user: 'ann' })
  const response = await GET(requestWith(jar), { params: Promise.resolve({ n: '3' }) })
  assert.deepEqual(await response.json(), { count: 5 })
})

test('an action begins a session: stored first, then its cookie is set', async (t) => {
  const cookie = { maxAge: 60_000, sameSite: 'lax' as const, domain: 'site.test' }
  const { getSession } = opened(t, { cookie, name: 'app.sid' })
  const jar = new Map<string, string>()
  const cookies = new CookieStore(jar)
  const session = await getSession(cookies)
  assert.equal(session.isNew, true)
  await session.save()
  assert.equal(jar.size, 0, 'nothing was put into it')
  session.set('user', 'ann')
  await session.save()
  assert.match(jar.get('app.sid') ?? '', /^s%3A/)
  const [options] = cookies.options
  assert.ok(options?.expires instanceof Date)
  const { expires: _, ...others } = options
  assert.deepEqual(others, {
    path: '/',
    httpOnly: true,
    secure: false,
    sameSite: 'lax',
    domain: 'site.test',
  })
  const later = await getSession(new CookieStore(jar))
  assert.equal(later.get('user'), 'ann')
})

test('what is not saved is dropped', async (t) => {
  const { getSession } = opened(t)
  const jar = new Map<string, string>()
  const first = await getSession(new CookieStore(jar))
  first.set('user', 'ann')
  await first.save()
  const second = await getSession(new CookieStore(jar))
  second.set('user', 'bob')
  const third = await getSession(new CookieStore(jar))
  assert.equal(third.get('user'), 'ann')
})

test('regenerate at login gives the browser a new id; destroy ends it', async (t) => {
  const { getSession } = opened(t)
  const jar = new Map<string, string>()
  const before = await getSession(new CookieStore(jar))
  before.set('count', 3)
  await before.save()
  const planted = new Map(jar)
  const login = await getSession(new CookieStore(jar))
  await login.regenerate({ keep: ['count'] })
  login.set('user', 'ann')
  await login.save()
  assert.notDeepEqual(jar, planted)
  assert.equal((await getSession(new CookieStore(planted))).has('count'), false)
  const logout = await getSession(new CookieStore(jar))
  assert.deepEqual({ ...logout.attributes }, { count: 3, user: 'ann' })
  await logout.destroy()
  assert.equal((await getSession(new CookieStore(jar))).has('user'), false)
})

test('a component can change a stored session, but not begin one', async (t) => {
  const { getSession } = opened(t)
  const jar = new Map<string, string>()
  const refused = { code: 'HOLDFAST_SESSION_COOKIE_READ_ONLY', message: /server actions/ }
  await flush(memcached)
  const fresh = await getSession(new CookieStore(jar, { isSealed: true }))
  fresh.set('user', 'ann')
  await assert.rejects(fresh.save(), refused)
  assert.equal(await fresh.isDestroyed, true, 'it is not left in the store')
  const unable = await getSession({ get: () => undefined })
  unable.set('user', 'ann')
  await assert.rejects(unable.save(), refused)
  const action = await getSession(new CookieStore(jar))
  action.set('user', 'ann')
  await action.save()
  const component = await getSession(new CookieStore(jar, { isSealed: true }))
  component.set('user', 'bob')
  await component.save()
  assert.equal((await getSession(new CookieStore(jar))).get('user'), 'bob')
})

test('Secure follows the headers of the request, or the option', async (t) => {
  const isSecure = async (
    secure: boolean | 'auto',
    forwarded: string | undefined,
  ): Promise<boolean | undefined> => {
    const sessions = opened(t, { cookie: { secure } })
    const cookies = new CookieStore(new Map())
    const headers = forwarded === undefined ? undefined : new Headers()
    headers?.set('x-forwarded-proto', forwarded ?? '')
    const session = await sessions.getSession(cookies, headers)
    session.set('user', 'ann')
    await session.save()
    await sessions.close()
    return cookies.options[0]?.secure
  }
  assert.equal(await isSecure('auto', 'https'), true)
  assert.equal(await isSecure('auto', 'http'), false)
  assert.equal(await isSecure('auto', undefined), false)
  assert.equal(await isSecure(true, undefined), true)
  assert.equal(await isSecure(true, 'http'), undefined, 'no cookie in plain text')
})

test('all copies of the module share one session manager until it is closed', async (t) => {
  const one = opened(t)
  const other = opened(t)
  assert.equal(one.sessionManager, other.sessionManager)
  assert.notEqual(opened(t, { name: 'other.sid' }).sessionManager, one.sessionManager)
  await one.close()
  assert.notEqual(opened(t).sessionManager, one.sessionManager)
})

test('sticky sessions and a save that does not wait are refused', (t) => {
  for (const name of ['sticky', 'sessionBackupAsync']) {
    const refused = new RegExp(`option ${name} can only be false`)
    assert.throws(() => Reflect.apply(opened, undefined, [t, { [name]: true }]), refused)
  }
})

test('a store that is away: 503 from a route handler, an error elsewhere', async (t) => {
  const { withSession, getSession } = opened(t, {
    memcachedNodes: '127.0.0.1:1',
    operationTimeout: 50,
  })
  const POST = withSession((_request, session) => {
    session.set('user', 'ann')
    return new Response('ok')
  })
  assert.equal((await POST(new Request(URL, { method: 'POST' }), undefined)).status, 503)
  const session = await getSession(new CookieStore(new Map()))
  session.set('user', 'ann')
  await assert.rejects(session.save(), { code: 'HOLDFAST_STORE_UNAVAILABLE' })
})
