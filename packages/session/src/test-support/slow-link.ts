/*
 * A TCP link to a server that delays what goes through, for tests of slow stores.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface SlowLink {
  address: string
  /** Delay of each answer. */
  delayMs: number
  /** Breaks what is connected, once a request has come through. */
  breakConnections: () => Promise<void>
  close: () => Promise<void>
}

export async function startSlowLink(targetPort: number, delayMs: number): Promise<SlowLink> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (chunk) => {
      far.write(chunk)
      server.emit('request')
    })
    far.on('data', (chunk) => setTimeout(() => near.write(chunk), link.delayMs))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const link: SlowLink = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayMs,
    breakConnections: async () => {
      await once(server, 'request')
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
  return link
}
