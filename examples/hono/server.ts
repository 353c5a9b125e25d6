/*
 * Counts your visits with Hono and Holdfast sessions.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/hono/server.ts
 */
import { type SessionVariables, sessions } from '@holdfast/session/hono'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

interface Attributes {
  count: number
  user: string
}

const session = sessions<Attributes>({
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
  sticky: false,
})
const app = new Hono<{ Variables: SessionVariables<Attributes> }>()

// Before the sessions: a health check has no session and must not wait for one.
app.get('/health', async (c) => {
  const { ok } = await session.health()
  return c.json({ ok }, ok ? 200 : 503)
})
app.use(session)

app.get('/count', (c) => {
  const count = (c.var.session.get('count') ?? 0) + 1
  c.var.session.set('count', count)
  return c.json({ count })
})

app.post('/login', async (c) => {
  const { user } = await c.req.parseBody()
  if (typeof user !== 'string' || user === '') return c.json({ error: 'user is missing' }, 400)
  // A fresh id at login: an id planted before it is worth nothing.
  await c.var.session.regenerate({ keep: ['count'] })
  c.var.session.set('user', user)
  return c.json({ user })
})

app.post('/logout', async (c) => {
  await c.var.session.destroy()
  return c.json({ user: null })
})

const port = Number(process.env.PORT ?? 3000)
const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => {
  process.stdout.write(`listening on ${address.port}\n`)
})
process.once('SIGTERM', () => server.close(() => void session.close()))
