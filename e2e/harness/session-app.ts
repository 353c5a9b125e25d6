// An app server whose sessions are counted, written by parallel requests and ended, for the tests
// that kill things under every mode of sessions. Started like the example app, with the options of
// its sessions as JSON: `--options {"sticky":false,"lockingMode":"all"}`.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import session, { type SessionOptions } from '@holdfast/session/express'
import express, { type NextFunction, type Request, type Response } from 'express'

const SHUTDOWN_TIMEOUT_MS = 3000

const text = { type: 'string', default: '' } as const
const { values: args } = parseArgs({
  options: { port: text, proxy: text, route: text, sticky: text, async: text, options: text },
})
const options = JSON.parse(args.options) as Partial<SessionOptions>
const sessions = session({
  memcachedNodes: args.proxy,
  secret: 'a secret of the tests',
  sticky: args.sticky === 'true',
  sessionBackupAsync: args.async === 'true',
  ...(args.sticky === 'true' ? { jvmRoute: args.route } : {}),
  ...options,
})

const app = express()
app.get('/health', async (_request, response) => {
  const { ok } = await sessions.health()
  response.status(ok ? 200 : 503).json({ ok })
})
app.use(sessions)

app.post('/count', (request, response) => {
  request.session.count = Number(request.session.count ?? 0) + 1
  answer(request, response)
})

// Reads, lets others go first, then writes: parallel ones overlap.
app.post('/put', async (request, response) => {
  const { name, value, ms } = request.query
  await delay(Number(ms ?? 5))
  request.session[String(name)] = Number(value)
  answer(request, response)
})

app.get('/session', answer)

app.post('/logout', (request, response, next) => {
  request.session.destroy((error) => {
    if (error === undefined) response.json({ attributes: {} })
    else next(error)
  })
})

app.use(
  (error: Error & { status?: number }, _: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error)
    else response.status(error.status ?? 500).json({ error: error.message, app: args.route })
  },
)

const server = app.listen(Number(args.port), '127.0.0.1', () => {
  process.stdout.write(`app ready http://127.0.0.1:${args.port}\n`)
})

process.once('SIGTERM', () => {
  setTimeout(() => process.exit(0), SHUTDOWN_TIMEOUT_MS).unref()
  server.close(() => void sessions.close().finally(() => process.exit(0)))
  server.closeIdleConnections()
})

function answer(request: Request, response: Response): void {
  const { cookie: _cookie, ...attributes } = { ...request.session }
  response.json({ attributes, id: request.session.id, app: args.route })
}
