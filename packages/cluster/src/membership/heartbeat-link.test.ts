import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { HeartbeatLink } from './heartbeat-link.ts'
import { readLines, writeLine } from './message-lines.ts'
import { PeerError } from './peer-error.ts'

/** A member that answers what `answer` says; undefined: not at all. */
async function member(
  t: TestContext,
  answer: (line: string, secret: string) => unknown,
): Promise<{ port: number; sockets: Duplex[]; server: Server }> {
  const sockets: Duplex[] = []
  const server = createServer()
  server.on('connect', (request, socket: Duplex) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    readLines(socket, (line) => {
      const said = answer(line, request.headers.authorization ?? '')
      if (said !== undefined) writeLine(socket, said)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: portOf(server.address()), sockets, server }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return address.port
}

function link(t: TestContext, port: number, onDisconnect: () => void = () => {}): HeartbeatLink {
  const made = new HeartbeatLink({ host: '127.0.0.1', restPort: port }, onDisconnect)
  t.after(() => made.close())
  return made
}

test('heartbeats share one connection, and each gets its own answer', async (t) => {
  const { port, sockets } = await member(t, (line) => ({ heard: JSON.parse(line) }))
  const peer = link(t, port)
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(await peer.send({ n, text: 'ä\n' }, 's'), { heard: { n, text: 'ä\n' } })
  }
  assert.equal(sockets.length, 1)
})

test('another secret is another connection', async (t) => {
  const { port, sockets } = await member(t, (_line, secret) => ({ secret }))
  const peer = link(t, port)
  assert.deepEqual(await peer.send({}, 'one'), { secret: 'Bearer one' })
  assert.deepEqual(await peer.send({}, 'two'), { secret: 'Bearer two' })
  assert.equal(sockets.length, 2)
})

test('a member that nothing listens at is refused, one that is silent is not', async (t) => {
  const { port, server } = await member(t, () => undefined)
  const peer = link(t, port)
  const silent = await peer.send({}, 's').catch((error: unknown) => error)
  assert.ok(silent instanceof PeerError && !silent.refused)
  await new Promise((resolve) => server.close(resolve))
  const refused = await peer.send({}, 's').catch((error: unknown) => error)
  assert.ok(refused instanceof PeerError && refused.refused)
})

test('a late answer is not taken for that of the next heartbeat', async (t) => {
  const answers: (() => void)[] = []
  const { port, sockets } = await member(t, (line) => {
    const { n } = JSON.parse(line)
    if (n > 1) return { n }
    answers.push(() => writeLine(sockets[0] as Duplex, { n }))
    return undefined
  })
  const peer = link(t, port)
  await assert.rejects(peer.send({ n: 1 }, 's'), PeerError)
  const next = peer.send({ n: 2 }, 's')
  for (const answer of answers) answer()
  assert.deepEqual(await next, { n: 2 })
})

test('a connection that breaks fails the heartbeat at once and is told', async (t) => {
  let told = 0
  const { port, sockets } = await member(t, (line) => {
    if (line !== '"die"') return {}
    for (const socket of sockets) socket.destroy()
    return undefined
  })
  const peer = link(t, port, () => told++)
  await peer.send('live', 's')
  await assert.rejects(peer.send('die', 's'), PeerError)
  assert.equal(told, 1)
  assert.deepEqual(await peer.send('live', 's'), {})
})

test('a refusal carries its status, whether of the connection or of one heartbeat', async (t) => {
  const { port } = await member(t, () => ({ refused: 409 }))
  await assert.rejects(link(t, port).send({}, 's'), { status: 409 })
  const stranger = createTcpServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n')
  })
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  t.after(() => stranger.close())
  await assert.rejects(link(t, portOf(stranger.address())).send({}, 's'), { status: 401 })
})
