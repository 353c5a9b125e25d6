// One suite for every socket layer: what the interface promises, over real loopback connections.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test } from 'node:test'
import { ByteWriter } from '@holdfast/protocol'
import {
  adoptSocket,
  type ByteSocket,
  type ByteSocketHandler,
  chooseSocketLayer,
  connectSocket,
  SOCKET_LAYERS,
} from './socket.ts'
import { until } from './testing/engines.ts'

const LAYER_VARIABLE = 'HOLDFAST_TEST_SOCKET_LAYER'
const layer = SOCKET_LAYERS.find((name) => name === process.env[LAYER_VARIABLE])

/** Keeps everything a socket told. */
class Recorder implements ByteSocketHandler {
  opened = 0
  ended = 0
  drained = 0
  closed: string[] = []
  chunks: Buffer[] = []

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  socketOpened(): void {
    this.opened++
  }

  socketRead(chunk: Buffer): void {
    this.chunks.push(chunk)
  }

  socketEnded(): void {
    this.ended++
  }

  socketDrained(): void {
    this.drained++
  }

  socketClosed(reason: string): void {
    this.closed.push(reason)
  }
}

/** A connection whose one end is the layer's, and whose other end is a plain socket. */
async function accepted(): Promise<[ByteSocket, Recorder, net.Socket, net.Server]> {
  const recorder = new Recorder()
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const peer = net.connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  const adopted = adoptSocket(socket, recorder)
  return [adopted, recorder, peer, server]
}

if (layer === undefined) {
  // A layer is chosen once per thread, so each has a process of its own.
  for (const name of SOCKET_LAYERS) {
    test(`the ${name} layer keeps the interface's promises`, () => {
      const env = { ...process.env, [LAYER_VARIABLE]: name, NODE_TEST_CONTEXT: undefined }
      const run = spawnSync(
        process.execPath,
        ['--no-warnings', '--test-reporter=spec', import.meta.filename],
        { env, encoding: 'utf8', timeout: 60_000 },
      )
      assert.equal(run.status, 0, run.stdout + run.stderr)
      assert.match(run.stdout, /pass [1-9]/)
    })
  }
} else {
  const missing = chooseSocketLayer(layer)
  describe(`sockets of the ${layer} layer`, { skip: missing || false }, () => {
    test('what is written arrives in order, and replies come back', async () => {
      const [socket, recorder, peer, server] = await accepted()
      peer.write('hello ')
      peer.write('world')
      await until('it arrived', () => recorder.text === 'hello world')
      socket.write(Buffer.from('one '))
      socket.write(Buffer.from('two'))
      let got = ''
      peer.on('data', (chunk: Buffer) => {
        got += chunk.toString()
      })
      await until('both came', () => got === 'one two')
      socket.destroy()
      await until('closed', () => recorder.closed.length === 1)
      assert.deepEqual(recorder.closed, [''])
      peer.destroy()
      server.close()
    })

    test('chunks stay as they were when more is read', async () => {
      const [socket, recorder, peer, server] = await accepted()
      for (let i = 0; i < 300; i++) {
        peer.write(`message ${i};`)
        await until('it arrived', () => recorder.text.endsWith(`message ${i};`))
      }
      assert.equal(recorder.text.split(';').length, 301)
      assert.ok(recorder.text.startsWith('message 0;message 1;'))
      socket.destroy()
      peer.destroy()
      server.close()
    })

    test('megabytes pass both ways, with a backlog while the peer does not read', async () => {
      const [socket, recorder, peer, server] = await accepted()
      const sent = Buffer.alloc(8 * 1024 * 1024, 'abcdefghij')
      peer.pause()
      for (let at = 0; at < sent.length; at += 65_536) socket.write(sent.subarray(at, at + 65_536))
      await until('the system takes no more', () => socket.backlogBytes > 1024 * 1024)
      const got: Buffer[] = []
      peer.resume()
      peer.on('data', (chunk: Buffer) => got.push(chunk))
      await until('it drained', () => recorder.drained > 0 && socket.backlogBytes === 0)
      await until(
        'all came',
        () => got.reduce((sum, { length }) => sum + length, 0) === sent.length,
      )
      assert.ok(Buffer.concat(got).equals(sent))
      peer.write(sent)
      await until('all arrived', () => recorder.bytes === sent.length)
      assert.ok(Buffer.concat(recorder.chunks).equals(sent))
      socket.destroy()
      peer.destroy()
      server.close()
    })

    test('memory is used again without touching what a slow peer has yet to get', async () => {
      const slow = await accepted()
      const quick = await accepted()
      const writer = new ByteWriter()
      const [expected, got] = [createHash('sha256'), createHash('sha256')]
      let gotBytes = 0
      slow[2].pause()
      let quickBytes = 0
      let wrongBytes = 0
      quick[2].on('data', (chunk: Buffer) => {
        quickBytes += chunk.length
        wrongBytes += chunk.filter((byte) => byte !== 46).length
      })
      const other = Buffer.alloc(4096, '.')
      const memory = new Set<ArrayBufferLike>()
      for (let i = 0; i < 2000; i++) {
        const value = Buffer.alloc(4096, `value ${i} `)
        expected.update(value)
        writer.bytes(value)
        writer.sendTo(slow[0])
        writer.bytes(other)
        writer.sendTo({
          get backlogBytes() {
            return quick[0].backlogBytes
          },
          write(chunk, slab) {
            memory.add(chunk.buffer)
            quick[0].write(chunk, slab)
          },
        })
        if (i % 100 === 99) await until('it came', () => quickBytes === (i + 1) * other.length)
      }
      assert.ok(slow[0].backlogBytes > 0)
      slow[2].on('data', (chunk: Buffer) => {
        gotBytes += chunk.length
        got.update(chunk)
      })
      slow[2].resume()
      await until('all came', () => gotBytes === 2000 * 4096)
      assert.equal(got.digest('hex'), expected.digest('hex'))
      assert.equal(wrongBytes, 0)
      assert.ok(memory.size < 2000)
      for (const [socket, , peer, server] of [slow, quick]) {
        socket.destroy()
        peer.destroy()
        server.close()
      }
    })

    test('nothing is handed over while reading is paused, and nothing is lost', async () => {
      const [socket, recorder, peer, server] = await accepted()
      peer.write('first')
      await until('it arrived', () => recorder.text === 'first')
      socket.pauseReading()
      peer.write('second')
      // A round trip on another connection shows that the loop has gone round.
      const [other, seen, through, otherServer] = await accepted()
      through.write('ping')
      await until('the other one is served', () => seen.text === 'ping')
      assert.equal(recorder.text, 'first')
      socket.resumeReading()
      await until('the rest came', () => recorder.text === 'firstsecond')
      socket.pauseReading()
      socket.resumeReading()
      peer.end('third')
      await until('the end came last', () => recorder.ended === 1)
      assert.equal(recorder.text, 'firstsecondthird')
      for (const each of [socket, other]) each.destroy()
      for (const each of [peer, through]) each.destroy()
      for (const each of [server, otherServer]) each.close()
    })

    test('a peer that has ended its side still gets what is written, then the end', async () => {
      const [socket, recorder, peer, server] = await accepted()
      let got = ''
      peer.on('data', (chunk: Buffer) => {
        got += chunk.toString()
      })
      peer.end('bye')
      await until('the end', () => recorder.ended === 1)
      assert.deepEqual(recorder.closed, [])
      socket.write(Buffer.alloc(500_000, 'x'))
      socket.end()
      await until('closed', () => recorder.closed.length === 1)
      await until('all came', () => got.length === 500_000)
      peer.destroy()
      server.close()
    })

    test('a reset is told once, with a reason', async () => {
      const [socket, recorder, peer, server] = await accepted()
      peer.resetAndDestroy()
      await until('closed', () => recorder.closed.length > 0 || recorder.ended > 0)
      socket.write(Buffer.from('into the void'))
      socket.destroy()
      await until('closed', () => recorder.closed.length === 1)
      assert.match(recorder.closed[0] ?? '', /ECONNRESET|EPIPE|^$/)
      server.close()
    })

    test('destroyed with a send under way it closes once, and tells nothing after', async () => {
      const [socket, recorder, peer, server] = await accepted()
      peer.pause()
      socket.write(Buffer.alloc(16 * 1024 * 1024))
      await until('the system takes no more', () => socket.backlogBytes > 0)
      socket.destroy()
      socket.destroy()
      socket.write(Buffer.from('ignored'))
      await until('closed', () => recorder.closed.length === 1)
      assert.deepEqual([recorder.drained, recorder.ended], [0, 0])
      peer.destroy()
      server.close()
    })

    test('connects, and tells why when it cannot', async () => {
      const server = net.createServer((peer) => peer.end('welcome'))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      assert.ok(typeof address === 'object' && address !== null)
      const target = { host: 'localhost', port: address.port, connectTimeoutMs: 5000 }
      const recorder = new Recorder()
      const socket = connectSocket({ ...target, host: '127.0.0.1' }, recorder)
      await until('greeted', () => recorder.text === 'welcome' && recorder.ended === 1)
      assert.equal(recorder.opened, 1)
      socket.destroy()
      await until('closed', () => recorder.closed.length === 1)
      server.close()
      await once(server, 'close')
      const refused = new Recorder()
      connectSocket({ ...target, host: '127.0.0.1' }, refused)
      await until('refused', () => refused.closed.length === 1)
      assert.match(refused.closed[0] ?? '', /ECONNREFUSED/)
      const unknown = new Recorder()
      connectSocket({ ...target, host: 'no-such-host.invalid' }, unknown).destroy()
      await until('given up', () => unknown.closed.length === 1)
      assert.equal(unknown.opened, 0)
    })

    test('hundreds of connections at once, each with its own bytes', async () => {
      const echo = net.createServer((peer) => peer.pipe(peer))
      echo.listen(0, '127.0.0.1')
      await once(echo, 'listening')
      const address = echo.address()
      assert.ok(typeof address === 'object' && address !== null)
      const { port } = address
      const made = Array.from({ length: 300 }, (_, i) => {
        const recorder = new Recorder()
        const target = { host: '127.0.0.1', port, connectTimeoutMs: 5000 }
        const socket = connectSocket(target, recorder)
        return { socket, recorder, text: `<${i}>`.repeat(i) }
      })
      await until('all are open', () => made.every(({ recorder }) => recorder.opened === 1))
      for (const { socket, text } of made) socket.write(Buffer.from(text))
      await until('all came back', () => made.every((each) => each.recorder.text === each.text))
      for (const { socket } of made) socket.destroy()
      await until('all closed', () => made.every(({ recorder }) => recorder.closed.length === 1))
      echo.close()
      await once(echo, 'close')
      assert.equal(made.length, 300)
    })
  })
}
