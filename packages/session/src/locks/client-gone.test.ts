import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { isClientGone, onClientGone } from './client-gone.ts'

test('a Node request is gone with its socket, a Fastify or Koa one likewise', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [request]: IncomingMessage[] = await once(server, 'request')
  const { signal } = new AbortController()
  let calls = 0
  onClientGone(request, () => calls++)
  onClientGone({ socket: request?.socket, signal }, () => calls++)
  const stop = onClientGone(request, () => assert.fail('it was stopped'))
  stop()
  assert.equal(isClientGone(request), false)
  client.destroy()
  await until('both were told', () => calls === 2)
  assert.equal(isClientGone(request), true)
})

test('an HTTP/2 request is gone with its stream, though the connection stays', async (t) => {
  const server = createHttp2Server().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => {
    client.destroy()
    server.close()
  })
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => undefined)
  const [request]: unknown[] = await once(server, 'request')
  let calls = 0
  onClientGone(request, () => calls++)
  assert.equal(isClientGone(request), false)
  stream.close(8)
  await until('it was told', () => calls === 1)
  assert.equal(isClientGone(request), true)
  assert.equal(client.destroyed, false)
})

test('a Web-standard request is gone when its signal says so', () => {
  const leaving = new AbortController()
  const request = new Request('http://a/', { signal: leaving.signal })
  let calls = 0
  onClientGone(request, () => calls++)
  const stop = onClientGone(request, () => assert.fail('it was stopped'))
  stop()
  assert.equal(isClientGone(request), false)
  leaving.abort()
  assert.equal(calls, 1)
  assert.equal(isClientGone(request), true)
})

test('of what is no request nothing is ever told', () => {
  for (const raw of [undefined, null, 'text', {}, { socket: {} }]) {
    assert.equal(isClientGone(raw), false)
  }
})
