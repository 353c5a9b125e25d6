/*
 * A small Express application with Holdfast sessions: it counts your visits and says which
 * application server answered. Start several with different --port and --route behind a load
 * balancer, kill one, and go on.
 *
 *   node examples/express/server.ts --port 3001 --proxy 127.0.0.1:11311 --route app1
 */
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import session from '@holdfast/session/express'
import express, { type NextFunction, type Request, type Response } from 'express'

declare module '@holdfast/session/express' {
  interface SessionAttributes {
    count?: number
    user?: string
  }
}

const SHUTDOWN_TIMEOUT_MS = 3000

const { values: args } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.PORT ?? '3000' },
    host: { type: 'string', default: process.env.HOST ?? '127.0.0.1' },
    proxy: { type: 'string', default: process.env.HOLDFAST_PROXY ?? '127.0.0.1:11311' },
    nodes: { type: 'string' },
    route: { type: 'string', default: process.env.HOLDFAST_ROUTE ?? 'app1' },
    sticky: { type: 'string', default: 'true' },
    async: { type: 'string' },
    'max-inactive': { type: 'string' },
  },
})

const app = express()
const sessions = session({
  memcachedNodes: args.nodes ?? args.proxy,
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
  sticky: args.sticky === 'true',
  jvmRoute: args.route,
  requestUriIgnorePattern: /.*\.(png|gif|jpg|css|js|ico)(\?.*)?/,
  ...(args.async === undefined ? {} : { sessionBackupAsync: args.async === 'true' }),
  ...(args['max-inactive'] === undefined
    ? {}
    : { maxInactiveInterval: Number(args['max-inactive']) }),
})

// Before the sessions: the health check of a load balancer has no session and must not wait for
// one.
app.get('/health', async (_req, res) => {
  const health = await sessions.health()
  res.status(health.ok ? 200 : 503).json({ ok: health.ok, app: args.route, nodes: health.nodes })
})

app.use(sessions)
app.use(express.urlencoded({ extended: false }))
app.use(express.json())

app.get('/', (req, res) => {
  req.session.count = (req.session.count ?? 0) + 1
  res.type('html').send(page(req.session.count, req.session.user, req.session.id))
})

app.all('/count', (req, res) => {
  req.session.count = (req.session.count ?? 0) + 1
  res.json({ count: req.session.count, app: args.route, id: req.session.id })
})

app.get('/session', (req, res) => {
  const { count, user } = req.session
  res.json({ count: count ?? 0, user: user ?? null, app: args.route, id: req.session.id })
})

app.post('/login', (req, res, next) => {
  const user: unknown = req.body?.user
  if (typeof user !== 'string' || user === '') {
    res.status(400).json({ error: 'user is missing' })
    return
  }
  // A fresh id at login: an id planted before it is worth nothing.
  req.session.regenerate({ keep: ['count'] }, (error) => {
    if (error !== undefined) {
      next(error)
      return
    }
    req.session.user = user
    res.json({ user, app: args.route, id: req.session.id })
  })
})

app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => {
    if (error === undefined) res.json({ user: null, app: args.route })
    else next(error)
  })
})

// Express knows an error handler by its four parameters.
app.use((error: Error & { status?: number }, _req: Request, res: Response, next: NextFunction) => {
  process.stderr.write(`${error.message}\n`)
  if (res.headersSent) next(error)
  else res.status(error.status ?? 500).json({ error: error.message, app: args.route })
})

const server = app.listen(Number(args.port), args.host, (error) => {
  if (error !== undefined) {
    process.stderr.write(`cannot listen on ${args.host}:${args.port}: ${error.message}\n`)
    process.exitCode = 1
    void sessions.close()
    return
  }
  const { port } = server.address() as AddressInfo
  process.stdout.write(`app ready http://${args.host}:${port}\n`)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)

/** Answers what has been asked, stores what is not stored yet, then ends. */
function stop(): void {
  setTimeout(() => process.exit(0), SHUTDOWN_TIMEOUT_MS).unref()
  server.close(() => {
    void sessions.close().finally(() => process.exit(0))
  })
  server.closeIdleConnections()
}

function page(count: number, user: string | undefined, id: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Holdfast: visit ${count}</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }
  strong { font-size: 3rem; display: block }
  code { overflow-wrap: anywhere }
</style>
<h1>Your session holds fast</h1>
<p>Visits in this session: <strong id="count">${count}</strong></p>
<p>Answered by application server <b id="app">${escaped(args.route)}</b>${
    user === undefined ? '' : ` for <b id="user">${escaped(user)}</b>`
  }.</p>
<p>Session id: <code id="session">${escaped(id)}</code></p>
<p>Stop this application server or a store node, then <a href="/">visit again</a>: the count goes on.</p>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
