/**
 * Puts the mock in front of the development server. The nodes of the mock besides the first listen
 * on the ports that follow, so that a page can move there when "its node" dies.
 */
import { createServer, type Server } from 'node:http'
import type { Plugin } from 'vite'
import { MockApi } from './mock-api.ts'

const NODES = 3

export function mockPlugin(): Plugin {
  return {
    name: 'holdfast-mock',
    apply: 'serve',
    configureServer(server) {
      const port = server.config.server.port ?? 5173
      const hostnames = Array.from({ length: NODES }, (_, index) => `127.0.0.1:${port + index}`)
      const fresh = process.env.MOCK_FRESH === '1'
      const api = new MockApi({ hostnames, fresh })
      const others: Server[] = []
      server.middlewares.use((request, response, next) => {
        const { localPort } = request.socket
        const hostname = hostnames.find((one) => one.endsWith(`:${localPort}`)) ?? hostnames[0]
        if (!api.handle(hostname ?? '', request, response)) next()
      })
      server.httpServer?.once('listening', () => {
        for (const hostname of hostnames.slice(1)) {
          const other = createServer(server.middlewares)
          others.push(other.listen(Number(hostname.split(':')[1]), '127.0.0.1'))
        }
        server.config.logger.info('mock: log in as admin or reader, password holdfast')
      })
      server.httpServer?.once('close', () => {
        api.stop()
        for (const other of others) other.close()
      })
    },
  }
}
