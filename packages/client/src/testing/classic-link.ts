/*
 * A link to a memcached that hides its meta commands, for tests of servers and proxies that do not
 * know them: `mn` is answered by ERROR, or by hanging up.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface ClassicLink {
  port: number
  close(): Promise<void>
}

export async function startClassicLink(
  targetPort: number,
  options: { hangsUp?: boolean } = {},
): Promise<ClassicLink> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
        sockets.delete(socket)
      })
    }
    near.on('data', (chunk) => {
      if (!chunk.toString('latin1').startsWith('mn\r\n')) far.write(chunk)
      else if (options.hangsUp === true) near.end()
      else near.write('ERROR\r\n')
    })
    far.on('data', (chunk) => near.write(chunk))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
