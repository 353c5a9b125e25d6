import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import fastify from 'fastify'
import { documentOf } from '../test-support/fixtures.ts'
import { BrowserLogins } from './browser-logins.ts'
import { EventStreams } from './event-streams.ts'
import { WatchedAnswers } from './watched-answers.ts'

const ADMIN = { admin: true, readOnly: false, proxy: false }
const BODY = 'x'.repeat(512 * 1024)

const closing: (() => unknown)[] = []

after(async () => {
  for (const close of closing) await close()
})

/** Streams of a large answer that is another one whenever it is looked at. */
async function serve() {
  const document = documentOf(1)
  const listeners = new Set<() => void>()
  const browserLogins = new BrowserLogins(() => document)
  const onDocument = (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const state = { asked: 0 }
  const answers = new WatchedAnswers(() =>
    Promise.resolve({ status: 200, body: JSON.stringify(`${state.asked++} ${BODY}`) }),
  )
  const streams = new EventStreams({ document, browserLogins, onDocument }, answers)
  const app = fastify({ forceCloseConnections: true })
  app.get('/events', (request, reply) => streams.open({ request, reply, caller: ADMIN }, ['/a']))
  await app.listen({ host: '127.0.0.1', port: 0 })
  closing.push(() => app.close())
  const address = app.server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    answers,
    state,
    port: address.port,
    change: () => {
      for (const listener of listeners) listener()
    },
  }
}

async function read(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  closing.push(() => socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => {})
  socket.write('GET /events HTTP/1.1\r\nhost: a\r\n\r\n')
  return socket
}

test('a reader that takes nothing is cut off, and then nothing is asked any more', async () => {
  const { answers, change, port } = await serve()
  const socket = await read(port)
  socket.pause()
  await until('it is watched', async () => answers.size === 1)
  await until('it is cut off', async () => {
    change()
    return answers.size === 0
  })
})

test('a reader that takes what it is sent stays', async () => {
  const { answers, change, port, state } = await serve()
  const socket = await read(port)
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
  })
  await until('much was sent', async () => {
    change()
    return bytes > 16 * 1024 * 1024
  })
  assert.equal(answers.size, 1)
  assert.ok(state.asked > 16)
  socket.destroy()
  await until('it is forgotten', async () => answers.size === 0)
})
