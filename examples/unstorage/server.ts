/*
 * Counts your visits in an unstorage mount over Holdfast's store: what Nitro, Nuxt and Astro do
 * when their session storage is mounted on this driver.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/unstorage/server.ts
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { holdfastDriver } from '@holdfast/session/unstorage'
import { createStorage } from 'unstorage'

const SESSION_TTL_SECONDS = 1800

const storage = createStorage<{ count: number }>({
  driver: holdfastDriver({
    memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
    base: 'sessions',
  }),
})

const server = createServer((request, response) => {
  count(request, response).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`)
    response.writeHead(503).end()
  })
})
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => server.close(() => void storage.dispose()))

async function count(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sent = /(?:^|; )sid=([0-9a-f-]{36})/.exec(request.headers.cookie ?? '')?.[1]
  const known = sent === undefined ? null : await storage.getItem(sent)
  // An id that is not in the storage is never taken from the browser.
  const id = sent === undefined || known === null ? randomUUID() : sent
  const session = { count: (known?.count ?? 0) + 1 }
  await storage.setItem(id, session, { ttl: SESSION_TTL_SECONDS })
  response.setHeader('set-cookie', `sid=${id}; Path=/; HttpOnly; SameSite=Lax`)
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(session))
}
