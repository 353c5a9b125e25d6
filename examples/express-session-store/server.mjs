/*
 * express-session as it is, with its sessions in Holdfast: only the store is another one.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/express-session-store/server.mjs
 */
import { HoldfastStore } from '@holdfast/session/store'
import express from 'express'
import session from 'express-session'

const name = process.env.APP_NAME ?? 'app1'
const store = new HoldfastStore({
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  ttl: 1800,
})

const app = express()

// Before the sessions: a health check has no session and must not wait for one.
app.get('/health', async (_request, response) => {
  const health = await store.health()
  response.status(health.ok ? 200 : 503).json(health)
})

app.use(
  session({
    store,
    // A real application reads its secret from where it keeps its other secrets.
    secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
    resave: false,
    saveUninitialized: false,
  }),
)

app.get('/count', (request, response) => {
  request.session.count = (request.session.count ?? 0) + 1
  response.json({ count: request.session.count, app: name })
})

app.post('/logout', (request, response, next) => {
  request.session.destroy((error) => {
    if (error) next(error)
    else response.json({ count: 0, app: name })
  })
})

const server = app.listen(
  Number(process.env.PORT ?? 3000),
  process.env.HOST ?? '127.0.0.1',
  (error) => {
    if (error) throw error
    process.stdout.write(`listening on ${server.address().port}\n`)
  },
)

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close(() => void store.close().then(() => process.exit(0)))
    server.closeIdleConnections()
  })
}
