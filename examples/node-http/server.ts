/*
 * Counts your visits with plain node:http and Holdfast sessions.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/node-http/server.ts
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSessions } from '@holdfast/session/node-http'

interface Attributes {
  count: number
}

const sessions = createSessions<Attributes>({
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
  sticky: false,
})

const withSession = sessions.listener(async (request, response, session) => {
  if (request.url === '/count') {
    const count = (session.get('count') ?? 0) + 1
    session.set('count', count)
    answer(response, 200, { count })
    return
  }
  if (request.url === '/logout') {
    await session.destroy()
    answer(response, 200, { count: 0 })
    return
  }
  answer(response, 404, { error: 'not found' })
})

const server = createServer((request, response) => {
  // A health check has no session and must not wait for one.
  if (request.url === '/health') void answerHealth(response)
  else void withSession(request, response)
})
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => server.close(() => void sessions.close()))

async function answerHealth(response: ServerResponse): Promise<void> {
  const { ok } = await sessions.health()
  answer(response, ok ? 200 : 503, { ok })
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
