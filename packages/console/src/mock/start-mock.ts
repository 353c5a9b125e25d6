/**
 * The mock as servers on loopback, one per node, that serve the built console under the same policy
 * as a node: for page tests and screenshots.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MockApi } from './mock-api.ts'

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url))
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export interface RunningMock {
  api: MockApi
  /** Address of each node's console. */
  urls: string[]
  stop: () => Promise<void>
}

export async function startMock(
  options: { nodes?: number; fresh?: boolean } = {},
): Promise<RunningMock> {
  const { nodes = 3, fresh = false } = options
  const servers = await Promise.all(Array.from({ length: nodes }, listen))
  const hostnames = servers.map(({ port }) => `127.0.0.1:${port}`)
  const api = new MockApi({ hostnames, fresh })
  for (const [index, { server }] of servers.entries()) {
    const hostname = hostnames[index] ?? ''
    server.on('request', (request, response) => {
      if (api.handle(hostname, request, response)) return
      void serveFile(request.url ?? '/', hostnames, response)
    })
  }
  return {
    api,
    urls: hostnames.map((hostname) => `http://${hostname}/ui/`),
    stop: async () => {
      api.stop()
      await Promise.all(servers.map(({ server }) => close(server)))
    },
  }
}

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port to listen on')
  return { server, port: address.port }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

async function serveFile(
  url: string,
  hostnames: readonly string[],
  response: ServerResponse,
): Promise<void> {
  const path = new URL(url, 'http://mock').pathname.replace(/^\/ui\//, '') || 'index.html'
  const file = join(DIST, normalize(`/${path}`))
  try {
    const content = await readFile(file)
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': policy(hostnames),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    response.end(content)
  } catch {
    response.writeHead(404).end()
  }
}

function policy(hostnames: readonly string[]): string {
  const others = hostnames.map((hostname) => `http://${hostname}`).join(' ')
  return (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    `font-src 'self'; connect-src 'self' ${others}; form-action 'self'; ` +
    "frame-ancestors 'none'; base-uri 'none'"
  )
}
