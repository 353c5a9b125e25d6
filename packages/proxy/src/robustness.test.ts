// Clients that misbehave, each beside a witness that goes on as if nothing were: a clear error or a
// close for the one, right replies for the other.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { EmbeddedStore, Turn } from '@holdfast/client'
import { MemoryBackend, until } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { BinaryClient, binaryRequest } from './testing/binary-client.ts'
import { bucketOf, type Front, onlyBucket, openFront } from './testing/front.ts'
import { TextClient } from './testing/text-client.ts'

/** Asks without a pause until it is told to stop; every reply has to be right. */
class Witness {
  asked = 0
  readonly #client: TextClient
  #stopping = false
  readonly #done: Promise<void>

  constructor(client: TextClient) {
    this.#client = client
    this.#done = this.#run()
    // Whoever waits for it sees the failure.
    this.#done.catch(() => {})
  }

  static async start(front: Front): Promise<Witness> {
    return new Witness(await TextClient.connect(front.address))
  }

  /** Ends it, once it has asked for some time beside what is tested. */
  async stop(): Promise<void> {
    const askedBefore = this.asked
    await until('the witness goes on', () => this.asked > askedBefore + 5)
    this.#stopping = true
    await this.#done
    this.#client.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const value = `value${this.asked}`
      const set = `set witness 0 0 ${value.length}\r\n${value}\r\n`
      assert.equal(await this.#client.ask(set), 'STORED\r\n')
      const got = await this.#client.ask('get witness\r\n', 'END\r\n')
      assert.equal(got, `VALUE witness 0 ${value.length}\r\n${value}\r\nEND\r\n`)
      this.asked++
    }
  }
}

describe('a client that misbehaves', () => {
  let folder: string
  let store: EmbeddedStore
  let front: Front
  let witness: Witness

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-robust-'))
    const turn = new Turn()
    store = new EmbeddedStore({ folder, turn })
    front = await openFront({
      turn,
      directory: onlyBucket(bucketOf('default', store)),
      settings: { requestTimeoutMs: 400, blockedTimeoutMs: 400 },
    })
    witness = await Witness.start(front)
  })

  after(async () => {
    await witness?.stop()
    await front?.stop()
    await store?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function connect(): net.Socket {
    return net.connect(front.listener.port, '127.0.0.1').on('error', () => {})
  }

  async function others(run: () => Promise<void>): Promise<void> {
    const askedBefore = witness.asked
    await run()
    await until('the witness goes on', () => witness.asked > askedBefore)
  }

  test('by garbage gets an error for each line', () =>
    others(async () => {
      const client = await TextClient.connect(front.address)
      const lines = ['\0\x01\x02', 'GET / HTTP/1.1', 'Host: example', '', '\xff\xfe', 'set a', '{}']
      const replies = await client.ask(`${lines.join('\r\n')}\r\nmn\r\n`, 'MN\r\n')
      assert.equal(replies, `${'ERROR\r\n'.repeat(lines.length)}MN\r\n`)
      client.close()
    }))

  test('by garbage after a binary magic is answered and closed', () =>
    others(async () => {
      for (const garbage of ['80ff', `80${'ff'.repeat(23)}`, `8000${'00'.repeat(22)}00`]) {
        const socket = connect()
        const client = new BinaryClient(socket)
        client.send(Buffer.from(garbage.padEnd(48, '0'), 'hex'))
        const reply = await client.take()
        assert.notEqual(reply?.status, BinaryStatus.Success)
        client.close()
      }
    }))

  test('by a line without an end is closed with the reason', () =>
    others(async () => {
      const client = await TextClient.connect(front.address)
      client.send('x'.repeat(100_000))
      await client.ended()
      assert.equal(client.received, 'CLIENT_ERROR line too long\r\n')
    }))

  test('by half a value is closed when nothing more comes, and never while it trickles', () =>
    others(async () => {
      const silent = await TextClient.connect(front.address)
      silent.send('set half 0 0 10\r\nabc')
      const slow = await TextClient.connect(front.address)
      slow.send('set slow 0 0 10\r\n')
      const timer = setInterval(() => slow.send('x'), 100)
      await silent.ended()
      assert.equal(silent.received, '')
      clearInterval(timer)
      assert.equal(slow.closed, false)
      slow.close()
    }))

  test('by an enormous length is refused without memory for it', () =>
    others(async () => {
      const text = await TextClient.connect(front.address)
      const heapBefore = process.memoryUsage().rss
      assert.equal(
        await text.ask('set a 0 0 2147483647\r\n'),
        'CLIENT_ERROR bad command line format\r\n',
      )
      assert.equal(
        await text.ask('set a 0 0 2000000000\r\n'),
        'SERVER_ERROR object too large for cache\r\n',
      )
      text.close()
      const binary = await BinaryClient.connect(front.address)
      const set = binaryRequest(Opcode.Set, { key: 'a', extras: '00'.repeat(8) })
      set.writeUInt32BE(0x8000_0000, 8)
      binary.send(set)
      assert.equal((await binary.take())?.status, BinaryStatus.TooLarge)
      await binary.ended()
      assert.ok(process.memoryUsage().rss - heapBefore < 512 * 1024 * 1024)
    }))

  test('by ten thousand keys is answered, by more it is told so', () =>
    others(async () => {
      const client = await TextClient.connect(front.address)
      const keys = Array.from({ length: 10_000 }, (_, i) => `${i}`.padEnd(250, 'k'))
      const last = keys.at(-1)
      assert.equal(await client.ask(`set ${last} 0 0 1\r\nx\r\n`), 'STORED\r\n')
      const found = await client.ask(`get ${keys.join(' ')}\r\n`, 'END\r\n')
      assert.equal(found, `VALUE ${last} 0 1\r\nx\r\nEND\r\n`)
      const short = keys.map((_, i) => `${i}`)
      const refused = await client.ask(`get ${short.join(' ')} more\r\n`)
      assert.equal(refused, 'CLIENT_ERROR too many keys\r\n')
      assert.equal(await client.ask('mn\r\n'), 'MN\r\n')
      client.close()
    }))

  test('by never reading is disconnected', () =>
    others(async () => {
      const client = await TextClient.connect(front.address)
      const value = 'v'.repeat(1_000_000)
      assert.equal(await client.ask(`set big 0 0 ${value.length}\r\n${value}\r\n`), 'STORED\r\n')
      const connectionsBefore = front.listener.connections
      const socket = connect()
      socket.pause()
      socket.write('get big\r\n'.repeat(50))
      await until('it is known', () => front.listener.connections > connectionsBefore)
      await until('it is gone', () => front.listener.connections === connectionsBefore)
      socket.destroy()
      client.close()
    }))

  test('by half closing and never reading is disconnected', () =>
    others(async () => {
      const client = await TextClient.connect(front.address)
      const value = 'v'.repeat(1_000_000)
      assert.equal(await client.ask(`set big 0 0 ${value.length}\r\n${value}\r\n`), 'STORED\r\n')
      const connectionsBefore = front.listener.connections
      const socket = net.connect({
        port: front.listener.port,
        host: '127.0.0.1',
        allowHalfOpen: true,
      })
      socket.pause()
      socket.end('get big\r\n'.repeat(20))
      await until('it is known', () => front.listener.connections > connectionsBefore)
      await until('it is gone', () => front.listener.connections === connectionsBefore)
      socket.destroy()
      client.close()
    }))

  test('by leaving in the middle leaves nothing behind', () =>
    others(async () => {
      const connectionsBefore = front.listener.connections
      for (const sent of ['get a\r\n'.repeat(500), 'set a 0 0 100\r\nx', 'get ', '\x80']) {
        const socket = connect()
        socket.write(Buffer.from(sent, 'latin1'), () => socket.resetAndDestroy())
      }
      const settled = (): boolean => front.listener.connections === connectionsBefore
      await until('all are gone', settled)
    }))

  test('by one byte at a time is answered in every dialect', () =>
    others(async () => {
      const text = 'set s 5 0 3\r\nabc\r\nget s\r\nms s 2 c q\r\nxy\r\nmg s v\r\nmn\r\n'
      const client = await TextClient.connect(front.address)
      for (const byte of text) client.send(byte)
      const expected = 'STORED\r\nVALUE s 5 3\r\nabc\r\nEND\r\nVA 2\r\nxy\r\nMN\r\n'
      assert.equal(await client.take('MN\r\n'), expected)
      client.close()
      const binary = await BinaryClient.connect(front.address)
      const request = binaryRequest(Opcode.GetK, { key: 's', opaque: 77 })
      for (const byte of request) binary.send(Buffer.of(byte))
      const reply = await binary.take()
      assert.deepEqual([reply?.key, reply?.value, reply?.opaque], ['s', 'xy', 77])
      binary.close()
    }))
})

describe('a get of more than a reply may hold', () => {
  test('is refused as a whole, and the connection goes on', async (t) => {
    const directory = onlyBucket(bucketOf('default', new MemoryBackend()))
    const front = await openFront({ turn: new Turn(), directory })
    t.after(() => front.stop())
    const client = await TextClient.connect(front.address)
    const value = 'v'.repeat(10_000_000)
    assert.equal(await client.ask(`set big 0 0 ${value.length}\r\n${value}\r\n`), 'STORED\r\n')
    const reply = await client.ask(`get ${'big '.repeat(30)}\r\n`)
    assert.equal(reply, 'SERVER_ERROR out of memory writing get response\r\n')
    assert.equal(await client.ask('mn\r\n'), 'MN\r\n')
    client.close()
  })
})

describe('a connection that says nothing', () => {
  test('stays without a limit, and is closed after it when there is one', async (t) => {
    const directory = onlyBucket(bucketOf('default', new MemoryBackend()))
    const limited = await openFront({
      turn: new Turn(),
      directory,
      settings: { idleTimeoutMs: 300 },
    })
    t.after(() => limited.stop())
    const unlimited = await openFront({ turn: new Turn(), directory })
    t.after(() => unlimited.stop())
    const kept = await TextClient.connect(unlimited.address)
    const idle = await TextClient.connect(limited.address)
    const busy = await TextClient.connect(limited.address)
    const timer = setInterval(() => busy.send('mn\r\n'), 50)
    await idle.ended()
    clearInterval(timer)
    assert.equal(busy.closed, false)
    assert.equal(kept.closed, false)
    assert.equal(await kept.ask('mn\r\n'), 'MN\r\n')
    busy.close()
    kept.close()
  })
})
