// Serves `GET /count` by a route handler of Next.js, without Next.js: what Next does with the
// Response is not tested here, what the handler does is.
//
//   PORT=3000 node e2e/harness/serve-route-handler.ts examples/next/app/count/route.ts
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { serve } from '@hono/node-server'

type RouteHandler = (request: Request, context: object) => Promise<Response>

const path = resolve(process.argv[2] ?? '')
const { GET } = (await import(pathToFileURL(path).href)) as { GET: RouteHandler }

serve(
  {
    fetch: (request: Request) => {
      const { pathname } = new URL(request.url)
      return pathname === '/count' ? GET(request, {}) : new Response(null, { status: 404 })
    },
    port: Number(process.env.PORT),
    hostname: '127.0.0.1',
  },
  ({ port }) => process.stdout.write(`listening on ${port}\n`),
)
