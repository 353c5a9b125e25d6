import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { startSlowLink } from '../test-support/slow-link.ts'
import { Browser } from '../test-support/test-site.ts'
import { createSessions, type NodeSessionOptions, type NodeSessions, withSession } from './index.ts'

interface Shape {
  count: number
}

let memcached: MemcachedProcess
before(async () => {
  memcached = await MemcachedProcess.start()
})
after(() => memcached.kill())

function opened(t: TestContext, options: Partial<NodeSessionOptions> = {}): NodeSessions<Shape> {
  const sessions = createSessions<Shape>({
    memcachedNodes: memcached.address,
    secret: 's',
    sticky: false,
    ...options,
  })
  t.after(() => sessions.close())
  return sessions
}

async function listening(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function counting(sessions: NodeSessions<Shape>): RequestListener {
  return sessions.listener((_request, response, session) => {
    const count = (session.get('count') ?? 0) + 1
    session.set('count', count)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ count }))
  })
}

test('a session goes on from request to request, on any server', async (t) => {
  const [one, other] = [opened(t), opened(t)]
  const urls = [await listening(t, counting(one)), await listening(t, counting(other))]
  const browser = new Browser()
  for (let round = 1; round <= 6; round++) {
    const page = await browser.get(`${urls[round % 2]}/`)
    assert.deepEqual(page.json, { count: round })
  }
})

test('attach gives the session where the application wants it', async (t) => {
  const sessions = opened(t)
  const url = await listening(t, async (request, response) => {
    const session = await sessions.attach(request, response)
    session.set('count', 7)
    response.writeHead(302, { location: '/next' }).end()
  })
  const browser = new Browser()
  const page = await browser.get(url)
  assert.equal(page.status, 302)
  assert.match(browser.sessionId, /^[\w~]+$/)
})

test('the response is held, head and body, until the session is stored', async (t) => {
  const link = await startSlowLink(memcached.port, 100)
  t.after(() => link.close())
  const slowUrl = await listening(t, counting(opened(t, { memcachedNodes: link.address })))
  const url = await listening(t, counting(opened(t)))
  for (let round = 0; round < 5; round++) {
    const browser = new Browser()
    assert.deepEqual((await browser.get(slowUrl)).json, { count: 1 })
    assert.deepEqual((await browser.get(url)).json, { count: 2 })
  }
})

test('a store that is away is answered by 503', async (t) => {
  const away = { memcachedNodes: '127.0.0.1:1', operationTimeout: 50 }
  const awayUrl = await listening(t, counting(opened(t, away)))
  const browser = new Browser()
  const unsaved = await browser.get(awayUrl)
  assert.equal(unsaved.status, 503)
  assert.equal(unsaved.headers.get('retry-after'), '1')
  assert.equal(browser.cookies.size, 0)
  await browser.get(await listening(t, counting(opened(t))))
  assert.equal((await browser.get(awayUrl)).status, 503)
})

test('a handler that throws ends in 500, or in a broken connection once it has begun', async (t) => {
  const errors: string[] = []
  const ignore = (): void => undefined
  const error = (_fields: object, message: string): void => {
    errors.push(message)
  }
  const logger = { debug: ignore, info: ignore, warn: ignore, error }
  const sessions = opened(t, { logger })
  const url = await listening(
    t,
    sessions.listener(async (request, response) => {
      if (request.url === '/begun') response.write('begun')
      throw new Error('application broke')
    }),
  )
  const browser = new Browser()
  assert.equal((await browser.get(url)).status, 500)
  await assert.rejects(browser.get(`${url}/begun`))
  assert.deepEqual(errors, ['handler of a request failed', 'handler of a request failed'])
})

test('Secure follows the socket, and X-Forwarded-Proto only where it is trusted', async (t) => {
  const local = { memcachedNodes: '127.0.0.1:1', enabled: false, sticky: true }
  const cookie = { secure: 'auto' as const }
  const isSecure = async (trustProxy: boolean, forwarded: string): Promise<boolean> => {
    const url = await listening(t, counting(opened(t, { ...local, cookie, trustProxy })))
    const page = await new Browser().get(url, { headers: { 'x-forwarded-proto': forwarded } })
    return page.headers.get('set-cookie')?.includes('; Secure') ?? false
  }
  assert.equal(await isSecure(false, 'https'), false)
  assert.equal(await isSecure(true, 'https, http'), true)
  assert.equal(await isSecure(true, 'http, https'), false)
})

test('withSession is a listener by itself', async (t) => {
  const listener = withSession<Shape>(
    { memcachedNodes: '127.0.0.1:1', enabled: false, secret: 's' },
    (_request, response, session) => {
      response.end(String(session.isNew))
    },
  )
  assert.equal((await new Browser().get(await listening(t, listener))).text, 'true')
})

test('HTTP/2 requests have sessions as well, streamed or not', async (t) => {
  const sessions = opened(t)
  const listener = sessions.listener((request, response, session) => {
    session.set('count', (session.get('count') ?? 0) + 1)
    if (request.url === '/stream') {
      response.write('streamed ')
      session.set('count', 100)
    }
    response.end(String(session.get('count')))
  })
  const server = createHttp2Server((request, response) => {
    void Reflect.apply(listener, undefined, [request, response])
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => {
    client.destroy()
    server.close()
  })
  let cookie = ''
  const get = async (path: string): Promise<string> => {
    const stream = client.request({ ':path': path, cookie }).setEncoding('utf8')
    stream.once('response', (headers) => {
      cookie = headers['set-cookie']?.[0]?.split(';', 1)[0] ?? cookie
    })
    return (await stream.toArray()).join('')
  }
  assert.equal(await get('/'), '1')
  assert.equal(await get('/'), '2')
  assert.equal(await get('/stream'), 'streamed 100')
  assert.equal(await get('/'), '101')
})
