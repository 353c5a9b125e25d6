import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { startSlowLink } from '../test-support/slow-link.ts'
import { createSessions, type WebSessionOptions, type WebSessions } from './index.ts'

interface Shape {
  count: number
  user: string
  steps: string[]
}

/** No store is needed to see what the browser is told. */
const LOCAL = { memcachedNodes: '127.0.0.1:1', enabled: false, sticky: true }
const URL = 'http://site.test/page?x=1'

let memcached: MemcachedProcess
before(async () => {
  memcached = await MemcachedProcess.start()
})
after(() => memcached.kill())

function opened(
  t: { after: (work: () => Promise<void>) => void },
  options: Partial<WebSessionOptions> = {},
): WebSessions<Shape> {
  const sessions = createSessions<Shape>({
    memcachedNodes: memcached.address,
    secret: 'test-secret',
    sticky: false,
    ...options,
  })
  t.after(() => sessions.close())
  return sessions
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie().at(-1)?.split(';', 1)[0] ?? ''
}

async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}

function requestWith(cookie: string, init: RequestInit = {}): Request {
  return new Request(URL, { ...init, headers: { cookie, ...init.headers } })
}

test('a session goes on from request to request, with typed attributes', async (t) => {
  const sessions = opened(t)
  const count = (request: Request) =>
    sessions.handle(request, (_request, session) => {
      session.set('count', (session.get('count') ?? 0) + 1)
      return Response.json({ count: session.get('count'), isNew: session.isNew })
    })
  const first = await count(new Request(URL))
  assert.deepEqual(await first.json(), { count: 1, isNew: true })
  const second = await count(requestWith(cookieOf(first)))
  assert.deepEqual(await second.json(), { count: 2, isNew: false })
  assert.deepEqual(second.headers.getSetCookie(), [])
})

test('the cookie is appended to a response with immutable headers and other cookies', async (t) => {
  const sessions = opened(t, LOCAL)
  const redirected = await sessions.handle(new Request(URL), (_request, session) => {
    session.set('user', 'ann')
    return Response.redirect('http://site.test/next', 303)
  })
  assert.equal(redirected.status, 303)
  assert.equal(redirected.headers.get('location'), 'http://site.test/next')
  assert.match(cookieOf(redirected), /^connect\.sid=s%3A/)
  const answered = await sessions.handle(new Request(URL), (_request, session) => {
    session.set('user', 'ann')
    const headers = new Headers({ 'x-a': '1' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2; Path=/')
    return new Response(null, { status: 204, statusText: 'Nothing', headers })
  })
  assert.equal(answered.status, 204)
  assert.equal(answered.statusText, 'Nothing')
  assert.equal(answered.headers.get('x-a'), '1')
  const cookies = answered.headers.getSetCookie()
  assert.deepEqual(cookies.slice(0, 2), ['a=1', 'b=2; Path=/'])
  assert.equal(cookies.length, 3)
})

test('a response that needs neither cookie nor store is the handler’s own', async (t) => {
  const sessions = opened(t, LOCAL)
  const own = new Response(null, { status: 304 })
  assert.equal(await sessions.handle(new Request(URL), () => own), own)
})

test('the response waits until the store has acknowledged the session', async (t) => {
  const link = await startSlowLink(memcached.port, 100)
  t.after(() => link.close())
  const slow = opened(t, { memcachedNodes: link.address })
  const fast = opened(t)
  let followed = 0
  for (let round = 0; round < 5; round++) {
    const redirect = await slow.handle(new Request(URL), (_request, session) => {
      session.set('count', round)
      return Response.redirect(URL)
    })
    await fast.handle(requestWith(cookieOf(redirect)), (_request, session) => {
      if (session.get('count') === round) followed++
      return new Response()
    })
  }
  assert.equal(followed, 5)
})

test('what a streamed body changes is stored before its end', async (t) => {
  const sessions = opened(t)
  const cookie = cookieOf(
    await sessions.handle(new Request(URL), (_request, session) => {
      session.set('steps', ['begun'])
      return new Response('ok')
    }),
  )
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const response = await sessions.handle(requestWith(cookie), (_request, session) => {
    const chunks = ['one ', 'two ', 'three']
    const stream = new ReadableStream({
      pull: async (controller) => {
        const chunk = chunks.shift()
        if (chunk === undefined) {
          session.set('steps', ['begun', 'streamed'])
          controller.close()
          return
        }
        if (chunk === 'two ') await released
        controller.enqueue(new TextEncoder().encode(chunk))
      },
    })
    return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
  })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body?.getReader()
  const first = await reader?.read()
  assert.equal(new TextDecoder().decode(first?.value), 'one ', 'the head does not wait for the end')
  release()
  let text = ''
  for (;;) {
    const read = await reader?.read()
    if (read === undefined || read.done) break
    text += new TextDecoder().decode(read.value)
  }
  assert.equal(text, 'two three')
  await sessions.handle(requestWith(cookie), (_request, session) => {
    assert.deepEqual(session.get('steps'), ['begun', 'streamed'])
    return new Response()
  })
})

test('a stream that is cancelled or fails stores what was changed', async (t) => {
  const sessions = opened(t)
  for (const way of ['cancel', 'error', 'abort'] as const) {
    const cookie = cookieOf(
      await sessions.handle(new Request(URL), (_request, session) => {
        session.set('user', 'before')
        return new Response()
      }),
    )
    const abort = new AbortController()
    const response = await sessions.handle(
      requestWith(cookie, { signal: abort.signal }),
      (_request, session) => {
        let pulled = 0
        const stream = new ReadableStream({
          pull: async (controller) => {
            await new Promise(setImmediate)
            await new Promise(setImmediate)
            session.set('user', way)
            if (way === 'error' && pulled++ > 0) throw new Error('source broke')
            controller.enqueue(new Uint8Array(8))
          },
        })
        return new Response(stream)
      },
    )
    const reader = response.body?.getReader()
    await reader?.read()
    if (way === 'cancel') await reader?.cancel()
    else if (way === 'error') await assert.rejects(async () => reader?.read(), /source broke/)
    else abort.abort()
    await until(`${way} is stored`, async () => {
      const id =
        decodeURIComponent(cookie)
          .replace(/^.*=s:/, '')
          .split('.')[0] ?? ''
      return (await sessions.sessionManager.attributesOf(id))?.user === way
    })
  }
})

test('a body of known length keeps it', async (t) => {
  const sessions = opened(t, LOCAL)
  const response = await sessions.handle(new Request(URL), (_request, session) => {
    session.set('user', 'ann')
    return new Response('grüße')
  })
  assert.equal(response.headers.get('content-type'), 'text/plain;charset=UTF-8')
  assert.equal(await response.text(), 'grüße')
  const empty = await sessions.handle(new Request(URL), () => new Response(''))
  assert.equal(await empty.text(), '')
})

test('a HEAD request is stored like any other, and nobody needs to read its body', async (t) => {
  const sessions = opened(t)
  const response = await sessions.handle(
    new Request(URL, { method: 'HEAD' }),
    (_request, session) => {
      session.set('user', 'ann')
      return new Response('never read')
    },
  )
  await sessions.handle(requestWith(cookieOf(response)), (_request, session) => {
    assert.equal(session.get('user'), 'ann')
    return new Response()
  })
})

test('Secure follows the URL, and X-Forwarded-Proto only where it is trusted', async (t) => {
  const cookie = { secure: 'auto' as const }
  const plain = opened(t, { ...LOCAL, cookie })
  const behindProxy = opened(t, { ...LOCAL, cookie, trustProxy: true })
  const isSecure = async (sessions: WebSessions<Shape>, url: string, proto?: string) => {
    const headers: Record<string, string> =
      proto === undefined ? {} : { 'x-forwarded-proto': proto }
    const response = await sessions.handle(new Request(url, { headers }), (_request, session) => {
      session.set('user', 'ann')
      return new Response()
    })
    return response.headers.get('set-cookie')?.includes('; Secure')
  }
  assert.equal(await isSecure(plain, 'https://site.test/'), true)
  assert.equal(await isSecure(plain, 'http://site.test/'), false)
  assert.equal(await isSecure(plain, 'http://site.test/', 'https'), false)
  assert.equal(await isSecure(behindProxy, 'http://site.test/', 'HTTPS , http'), true)
  assert.equal(await isSecure(behindProxy, 'http://site.test/', 'http, https'), false)
})

test('a store that is away is answered by 503, or as the application says', async (t) => {
  const away = { memcachedNodes: '127.0.0.1:1', operationTimeout: 50, sessionBackupTimeout: 50 }
  const set = (sessions: WebSessions<Shape>): Promise<Response> =>
    sessions.handle(new Request(URL), (_request, session) => {
      session.set('user', 'ann')
      return new Response('hello')
    })
  const refused = await set(opened(t, { ...away, storeFailure: 'fail' }))
  assert.equal(refused.status, 503)
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.deepEqual(refused.headers.getSetCookie(), [])
  const own = await set(
    opened(t, {
      ...away,
      storeFailure: 'fail',
      onFailure: (_error, request) => Response.json({ url: request.url }, { status: 502 }),
    }),
  )
  assert.equal(own.status, 502)
  assert.deepEqual(await own.json(), { url: URL })
})

test('a session that cannot be loaded is answered by 503 and the handler does not run', async (t) => {
  const sessions = opened(t)
  const cookie = cookieOf(
    await sessions.handle(new Request(URL), (_request, session) => {
      session.set('user', 'ann')
      return new Response()
    }),
  )
  const away = opened(t, {
    memcachedNodes: '127.0.0.1:1',
    operationTimeout: 50,
    storeFailure: 'fail',
  })
  const response = await away.handle(requestWith(cookie), () => assert.fail('it ran'))
  assert.equal(response.status, 503)
})

test('what the handler throws is thrown, and its changes are not stored', async (t) => {
  const sessions = opened(t)
  const cookie = cookieOf(
    await sessions.handle(new Request(URL), (_request, session) => {
      session.set('user', 'ann')
      return new Response()
    }),
  )
  const broken = sessions.handle(requestWith(cookie), (_request, session) => {
    session.set('user', 'bob')
    throw new Error('application broke')
  })
  await assert.rejects(broken, /application broke/)
  await sessions.handle(requestWith(cookie), (_request, session) => {
    assert.equal(session.get('user'), 'ann')
    return new Response()
  })
})

test('wrong options stop the application when it starts', () => {
  assert.throws(
    () => Reflect.apply(createSessions, undefined, [{ memcachedNodes: 'h:1' }]),
    /secret/,
  )
})

test('sticky: another server takes the session over and the browser is told its new id', async (t) => {
  const sticky = { sticky: true, sessionBackupAsync: false }
  const [one, other] = [
    opened(t, { ...sticky, jvmRoute: 'app1' }),
    opened(t, { ...sticky, jvmRoute: 'app2' }),
  ]
  const count = (sessions: WebSessions<Shape>, cookie: string): Promise<Response> =>
    sessions.handle(requestWith(cookie), (_request, session) => {
      session.set('count', (session.get('count') ?? 0) + 1)
      return Response.json({ count: session.get('count'), id: session.id })
    })
  const first = await count(one, '')
  const second = await count(other, cookieOf(first))
  const { count: counted, id } = await bodyOf(second)
  assert.equal(counted, 2)
  assert.match(String(id), /\.app2$/)
  assert.match(cookieOf(second), /\.app2\./)
  const third = await count(other, cookieOf(second))
  assert.equal((await bodyOf(third)).count, 3)
  assert.deepEqual(third.headers.getSetCookie(), [])
})

test('a store that is frozen: each request is answered, and all is well when it is back', async (t) => {
  const frozen = await MemcachedProcess.start()
  t.after(() => frozen.kill())
  const sessions = opened(t, { memcachedNodes: frozen.address })
  const count = (cookie: string): Promise<Response> =>
    sessions.handle(requestWith(cookie), (_request, session) => {
      session.set('count', (session.get('count') ?? 0) + 1)
      return Response.json({ count: session.get('count') })
    })
  const cookie = cookieOf(await count(''))
  await frozen.freeze()
  const answers = await Promise.all([count(cookie), count(cookie), count('')])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [503, 503, 503],
  )
  frozen.thaw()
  await until('the store is back', async () => (await count(cookie)).status === 200)
  const { count: counted } = await bodyOf(await count(cookie))
  assert.ok(Number(counted) >= 3, `the session is still there: ${counted}`)
})
