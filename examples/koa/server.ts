/*
 * Counts your visits with Koa and Holdfast sessions.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/koa/server.ts
 */
import type { AddressInfo } from 'node:net'
import session from '@holdfast/session/koa'
import Koa from 'koa'

const app = new Koa()
// Koa signs the session cookie with its keys: the first signs, all verify.
// A real application reads them from where it keeps its other secrets.
app.keys = [process.env.SESSION_SECRET ?? 'holdfast-example-secret']

const sessions = session(
  { memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311', sticky: false },
  app,
)

// Before the sessions: a health check has no session and must not wait for one.
app.use(async (ctx, next) => {
  if (ctx.path !== '/health') return next()
  const { ok } = await sessions.health()
  ctx.status = ok ? 200 : 503
  ctx.body = { ok }
  return undefined
})
app.use(sessions)

app.use(async (ctx) => {
  if (ctx.path === '/count') {
    const count = Number(ctx.session?.count ?? 0) + 1
    if (ctx.session !== null) ctx.session.count = count
    ctx.body = { count }
  } else if (ctx.path === '/login' && ctx.method === 'POST') {
    const { user } = ctx.query
    if (typeof user !== 'string' || user === '') ctx.throw(400, 'user is missing')
    // A fresh id at login: an id planted before it is worth nothing.
    await ctx.session?.regenerate()
    if (ctx.session !== null) ctx.session.user = user
    ctx.body = { user }
  } else if (ctx.path === '/logout' && ctx.method === 'POST') {
    ctx.session = null
    ctx.body = { user: null }
  }
})

const port = Number(process.env.PORT ?? 3000)
const server = app.listen(port, '127.0.0.1', () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => {
  server.close(() => void sessions.close())
  server.closeIdleConnections()
})
