// Serves `GET /count` by the route handler of a Next.js application, without Next.js: what it does
// with the Response is not tested here, what the handler does is.
//
//   PORT=3000 node e2e/harness/serve-route-handler.ts
import { serve } from '@hono/node-server'
import { GET } from '../../examples/next/app/count/route.ts'

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
