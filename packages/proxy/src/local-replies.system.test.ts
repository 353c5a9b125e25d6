// What the proxy answers itself, over connections: in order with all else, in the dialect asked.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Operation, Outcome, Turn } from '@holdfast/client'
import { MemoryBackend, until } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { BinaryClient, binaryRequest } from './testing/binary-client.ts'
import { bucketOf, type Front, onlyBucket, openFront } from './testing/front.ts'
import { TextClient } from './testing/text-client.ts'
import { VERSION } from './version.ts'

/** Answers nothing before it is told to. */
class HoldingBackend extends MemoryBackend {
  readonly held: Operation[] = []

  override submit(operation: Operation): void {
    this.held.push(operation)
  }

  release(): void {
    for (const operation of this.held.splice(0)) {
      operation.decide(Outcome.Miss)
      operation.settle()
    }
  }
}

describe('replies of the proxy itself', () => {
  let front: Front

  before(async () => {
    const directory = onlyBucket(bucketOf('default', new MemoryBackend()))
    front = await openFront({ turn: new Turn(), directory })
  })

  after(() => front?.stop())

  test('flush_all with a delay is answered at once and carried out later', async () => {
    const client = await TextClient.connect(front.address)
    for (const asked of ['flush_all 1\r\n', 'flush_all 1 noreply\r\nmn\r\n']) {
      await client.ask('set a 0 0 1\r\nx\r\n')
      await client.ask(asked)
      assert.equal(await client.ask('mg a\r\n'), 'HD\r\n')
      await until('it is flushed', async () => (await client.ask('mg a\r\n')) === 'EN\r\n')
    }
    const binary = await BinaryClient.connect(front.address)
    await client.ask('set a 0 0 1\r\nx\r\n')
    assert.equal((await binary.ask(Opcode.Flush, { extras: '00000001' })).status, 0)
    assert.equal(await client.ask('mg a\r\n'), 'HD\r\n')
    await until('it is flushed', async () => (await client.ask('mg a\r\n')) === 'EN\r\n')
    client.close()
    binary.close()
  })

  test('more flushes to come than there may be are refused', async () => {
    const client = await TextClient.connect(front.address)
    const replies = await client.ask(`${'flush_all 1000\r\n'.repeat(20)}mn\r\n`, 'MN\r\n')
    const line = 'SERVER_ERROR delayed flush_all out of bounds\r\n'
    assert.equal(replies, `${'OK\r\n'.repeat(16)}${line.repeat(4)}MN\r\n`)
    const binary = await BinaryClient.connect(front.address)
    const refused = await binary.ask(Opcode.Flush, { extras: '000003e8' })
    assert.equal(refused.status, BinaryStatus.TemporaryFailure)
    client.close()
    binary.close()
  })

  test('stats are a list in text, packets in binary, and a refusal of what they do not know', async () => {
    const client = await TextClient.connect(front.address)
    assert.equal(await client.ask('stats\r\n', 'END\r\n'), 'STAT bucket default\r\nEND\r\n')
    assert.equal(await client.ask('stats reset\r\n'), 'RESET\r\n')
    assert.equal(await client.ask('stats nonsense\r\n'), 'ERROR\r\n')
    const binary = await BinaryClient.connect(front.address)
    const listed = await binary.askAll(binaryRequest(Opcode.Stat, { opaque: 5 }))
    assert.deepEqual(
      listed.map(({ key, value, opaque }) => [key, value, opaque]),
      [
        ['bucket', 'default', 5],
        ['', '', 5],
      ],
    )
    const reset = await binary.askAll(binaryRequest(Opcode.Stat, { key: 'reset' }))
    assert.deepEqual(
      reset.map(({ key, status }) => [key, status]),
      [['', 0]],
    )
    const unknown = await binary.ask(Opcode.Stat, { key: 'nonsense' })
    assert.equal(unknown.status, BinaryStatus.KeyNotFound)
    client.close()
    binary.close()
  })

  test('versions are those of the proxy', async () => {
    const client = await TextClient.connect(front.address)
    assert.equal(await client.ask('version\r\n'), `VERSION ${VERSION}\r\n`)
    const binary = await BinaryClient.connect(front.address)
    assert.equal((await binary.ask(Opcode.Version)).value, VERSION)
    client.close()
    binary.close()
  })

  test('a no-op, like all others, is answered behind what was asked before it', async (t) => {
    const backend = new HoldingBackend()
    const holding = await openFront({
      turn: new Turn(),
      directory: onlyBucket(bucketOf('default', backend)),
    })
    t.after(() => holding.stop())
    const text = await TextClient.connect(holding.address)
    text.send('get a\r\nmn\r\nversion\r\nmg b q\r\nstats\r\nverbosity 1\r\nquit\r\n')
    const binary = await BinaryClient.connect(holding.address)
    const asked = [Opcode.GetQ, Opcode.Get].map((opcode) => binaryRequest(opcode, { key: 'a' }))
    binary.send(...asked, binaryRequest(Opcode.Noop), binaryRequest(Opcode.Quit))
    await until('all has arrived', () => backend.held.length === 4)
    assert.equal(text.received, '')
    backend.release()
    await text.ended()
    const stats = 'STAT bucket default\r\nEND\r\n'
    assert.equal(text.received, `END\r\nMN\r\nVERSION ${VERSION}\r\n${stats}OK\r\n`)
    const opcodes: number[] = []
    for (let reply = await binary.take(); reply; reply = await binary.take()) {
      opcodes.push(reply.opcode)
    }
    assert.deepEqual(opcodes, [Opcode.Get, Opcode.Noop, Opcode.Quit])
  })
})
