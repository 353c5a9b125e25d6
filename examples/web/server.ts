/*
 * Counts your visits with a Web-standard handler and Holdfast sessions. The handler is the default
 * export, `{ fetch }`: what `deno serve`, `bun` and srvx run. On Node an adapter serves it.
 *
 *   MEMCACHED_NODES=localhost:11311 PORT=3000 node examples/web/server.ts
 */
import { createSessions, type Session } from '@holdfast/session/web'
import { serve } from '@hono/node-server'

interface Attributes {
  count: number
}

const sessions = createSessions<Attributes>({
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
  sticky: false,
})

const handler = {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    // A health check has no session and must not wait for one.
    if (pathname === '/health') {
      const { ok } = await sessions.health()
      return Response.json({ ok }, { status: ok ? 200 : 503 })
    }
    return sessions.handle(request, (_request, session) => answer(pathname, session))
  },
}

export default handler

async function answer(pathname: string, session: Session<Attributes>): Promise<Response> {
  if (pathname === '/count') {
    const count = (session.get('count') ?? 0) + 1
    session.set('count', count)
    return Response.json({ count })
  }
  if (pathname === '/logout') {
    await session.destroy()
    return Response.json({ count: 0 })
  }
  return new Response('not found\n', { status: 404 })
}

if (import.meta.main) listen(Number(process.env.PORT ?? 3000))

function listen(port: number): void {
  const { fetch } = handler
  const server = serve({ fetch, port, hostname: '127.0.0.1' }, (address) => {
    process.stdout.write(`listening on ${address.port}\n`)
  })
  process.once('SIGTERM', () => server.close(() => void sessions.close()))
}
