/*
 * Counts your visits with Fastify and Holdfast sessions.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/fastify/server.ts
 */
import { fastifySession } from '@holdfast/session/fastify'
import fastify from 'fastify'

declare module 'fastify' {
  interface Session {
    count?: number
    user?: string
  }
}

const app = fastify({ forceCloseConnections: 'idle' })

// A health check sends no cookie, so no store is asked for its session.
app.get('/health', async (_request, reply) => {
  const health = await app.sessionManager?.health()
  return reply.code(health?.ok === true ? 200 : 503).send({ ok: health?.ok === true })
})

await app.register(fastifySession, {
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret-of-32-characters',
  sticky: false,
  // Without TLS; behind a proxy that speaks TLS leave this out and set Fastify's `trustProxy`.
  cookie: { secure: false },
  saveUninitialized: false,
  rolling: false,
})

app.get('/count', async (request) => {
  const count = (request.session.count ?? 0) + 1
  request.session.count = count
  return { count }
})

app.post<{ Body: { user?: string } }>('/login', async (request, reply) => {
  const { user } = request.body ?? {}
  if (typeof user !== 'string' || user === '') {
    return reply.code(400).send({ error: 'user is missing' })
  }
  // A fresh id at login: an id planted before it is worth nothing.
  await request.session.regenerate(['count'])
  request.session.user = user
  return { user }
})

app.post('/logout', async (request) => {
  await request.session.destroy()
  return { user: null }
})

const port = Number(process.env.PORT ?? 3000)
const url = await app.listen({ port, host: '127.0.0.1' })
process.stdout.write(`listening on ${new URL(url).port}\n`)
process.once('SIGTERM', () => void app.close())
