import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createSecureServer, type Http2SecureServer } from 'node:http2'
import { Agent, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { makeCertificate } from '../test-support/certificate.ts'
import { expressSession, type Middleware } from '../test-support/express-conformance/peers.ts'
import { session } from './index.ts'

const OPTIONS = { secret: 'x', resave: false, saveUninitialized: false, cookie: { secure: true } }
const ENGINE = {
  secret: 'x',
  memcachedNodes: '127.0.0.1:1',
  enabled: false,
  cookie: { secure: true },
}

interface Counter {
  port: number
  server: Http2SecureServer
}

/** Counts visits; what `end` throws is kept in `failures`. */
async function startCounter(middleware: Middleware, failures: unknown[] = []): Promise<Counter> {
  const server = createSecureServer({ ...makeCertificate(), allowHTTP1: true }, (req, res) => {
    middleware(req as never, res as never, (error) => {
      if (error !== undefined) res.writeHead(500)
      const { session: visited } = req as unknown as { session: { count?: number } }
      visited.count = (visited.count ?? 0) + 1
      try {
        if (req.url === '/stream') res.write('visit ')
        res.end(String(visited.count))
      } catch (failure) {
        failures.push(failure)
        res.stream.destroy()
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

interface Visit {
  status: number
  text: string
  cookie: string | undefined
}

async function visitHttp2(port: number, path = '/', cookie = ''): Promise<Visit> {
  const client = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  try {
    const stream = client.request({ ':path': path, ...(cookie === '' ? {} : { cookie }) })
    const [headers] = (await once(stream, 'response', { signal: AbortSignal.timeout(2000) })) as [
      Record<string, unknown>,
    ]
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    const set = headers['set-cookie']
    const line = Array.isArray(set) ? String(set[0]) : undefined
    return { status: Number(headers[':status']), text, cookie: line?.split(';', 1)[0] }
  } finally {
    client.destroy()
  }
}

async function visitHttp1(port: number, cookie: string): Promise<string> {
  const agent = new Agent({ rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
  const sent = request({ host: '127.0.0.1', port, agent, headers: { cookie } }).end()
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += String(chunk)
  agent.destroy()
  return text
}

for (const [kind, options] of [
  ['a store', OPTIONS],
  ['the engine', ENGINE],
] as const) {
  test(`HTTP/2 and HTTP/1 share sessions of ${kind} on one server`, async (t) => {
    const { port, server } = await startCounter(session(options))
    t.after(() => server.close())
    const first = await visitHttp2(port)
    assert.equal(first.status, 200)
    assert.equal(first.text, '1')
    assert.ok(first.cookie !== undefined)
    assert.equal((await visitHttp2(port, '/stream', first.cookie)).text, 'visit 2')
    assert.equal(await visitHttp1(port, first.cookie), '3')
  })
}

test('express-session fails at the end of a response over HTTP/2', async (t) => {
  const failures: unknown[] = []
  const { port, server } = await startCounter(expressSession(OPTIONS), failures)
  t.after(() => server.close())
  await visitHttp2(port).catch(() => undefined)
  assert.match(String(failures[0]), /_implicitHeader is not a function/)
})
