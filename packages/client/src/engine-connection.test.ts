import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { RespKind, type RespReply, writeCommand } from '@holdfast/protocol'
import { EngineConnection, type EngineConnectionOwner, splitAddress } from './engine-connection.ts'
import { until } from './testing/engines.ts'
import { Turn } from './turn.ts'

/** An owner that notes what it is told. */
class Notes implements EngineConnectionOwner {
  readonly replies: string[] = []
  closed = ''
  onReady: () => void = () => {}

  engineReady(): void {
    this.onReady()
  }

  engineReply(reply: RespReply): void {
    this.replies.push(
      reply.kind === RespKind.Null ? 'null' : reply.buf.toString('latin1', reply.start, reply.end),
    )
  }

  engineClosed(reason: string): void {
    assert.equal(this.closed, '', 'closed twice')
    this.closed = reason
  }
}

async function withServer(
  answer: (received: string, socket: net.Socket) => void,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => answer(chunk.toString('latin1'), socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    await use(`127.0.0.1:${address.port}`)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

function connect(address: string, owner: Notes, password = 'geheim'): EngineConnection {
  const credentials = { username: 'u', password }
  const connection = new EngineConnection(
    { address, credentials, connectTimeoutMs: 300 },
    new Turn(),
    owner,
  )
  owner.onReady = () => {
    writeCommand(connection.writer, ['GET', 'k'])
    connection.sent(1)
  }
  return connection
}

test('commands leave together with the authentication, whose reply is kept back', async () => {
  const received: string[] = []
  const answer = (text: string, socket: net.Socket): void => {
    received.push(text)
    socket.write('+OK\r\n$1\r\nv\r\n')
  }
  await withServer(answer, async (address) => {
    const owner = new Notes()
    const connection = connect(address, owner)
    await until('a reply', () => owner.replies.length > 0)
    assert.deepEqual(owner.replies, ['v'])
    assert.match(received[0] ?? '', /AUTH\r\n.*geheim\r\n.*GET\r\n/s)
    assert.equal(received.length, 1)
    connection.close()
  })
})

test('refused credentials close it, and the reason names no password', async () => {
  const answer = (_text: string, socket: net.Socket): void => {
    socket.write('-WRONGPASS invalid username-password pair geheim\r\n-NOAUTH\r\n')
  }
  await withServer(answer, async (address) => {
    const owner = new Notes()
    connect(address, owner)
    await until('closed', () => owner.closed !== '')
    assert.equal(owner.closed, `engine ${address} refused the login: WRONGPASS`)
    assert.deepEqual(owner.replies, [])
  })
})

test('an engine that does not answer is given up after two seconds, an idle one never', async () => {
  await withServer(
    () => {},
    async (address) => {
      const owner = new Notes()
      const connection = connect(address, owner)
      await until('connected', () => connection.ready)
      const nowMs = performance.now()
      connection.checkSilence(nowMs + 1900)
      assert.equal(owner.closed, '')
      connection.checkSilence(nowMs + 2500)
      assert.match(owner.closed, /sent nothing for 2000 ms$/)
    },
  )
})

test('bytes that are no RESP, and replies that nothing asked for, close it', async () => {
  for (const [bytes, reason] of [
    ['hello\r\n', /broke the protocol/],
    ['+OK\r\n+OK\r\n+OK\r\n', /a reply that nothing asked for/],
  ] as const) {
    const answer = (_text: string, socket: net.Socket): void => {
      socket.write(bytes)
    }
    await withServer(answer, async (address) => {
      const owner = new Notes()
      connect(address, owner)
      await until('closed', () => owner.closed !== '')
      assert.match(owner.closed, reason)
    })
  }
})

test('an engine that is not there is reported once', async () => {
  const owner = new Notes()
  connect('127.0.0.1:9', owner)
  await until('closed', () => owner.closed !== '')
  assert.match(owner.closed, /ECONNREFUSED/)
})

test('addresses may be IPv6', () => {
  assert.deepEqual(splitAddress('[::1]:7000'), { host: '::1', port: 7000 })
  assert.deepEqual(splitAddress('a.b:1'), { host: 'a.b', port: 1 })
})
