// One table of conversations for every store that keeps items itself, and memcached to say what the
// answers are.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { BINARY_REQUEST_MAGIC } from '@holdfast/protocol'
import type { Backend } from './backend.ts'
import { BucketClient } from './bucket-client.ts'
import { EmbeddedStore } from './embedded-store.ts'
import { startEngines, type TestEngines, until } from './testing/engines.ts'
import {
  BINARY_ITEM_CASES,
  type BinaryStep,
  ITEM_CASES,
  LATER_ITEM_CASES,
} from './testing/item-cases.ts'
import { MemcachedProcess } from './testing/memcached-process.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

interface Place {
  name: string
  text: TextUpstream
  binary: TextUpstream
}

type Ask = (request: string) => Promise<string>

const TEXT_END = { request: 'mn\r\n', reply: 'MN\r\n' }
const BINARY_END = {
  request: `\x80\x0a${'\0'.repeat(22)}`,
  reply: `\x81\x0a${'\0'.repeat(22)}`,
}

/** Asks memcached; a no-op behind each request tells where its replies end. */
class Memcached {
  readonly #socket: net.Socket
  readonly #end: { request: string; reply: string }
  #received = ''

  constructor(port: number, end: { request: string; reply: string }) {
    this.#end = end
    this.#socket = net.connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1')
    })
  }

  async ask(request: string): Promise<string> {
    this.#received = ''
    const { request: endRequest, reply } = this.#end
    this.#socket.write(Buffer.from(request + endRequest, 'latin1'))
    await until('memcached answers', () => this.#received.endsWith(reply))
    return this.#received.slice(0, -reply.length)
  }

  async close(): Promise<void> {
    this.#socket.end()
    await once(this.#socket, 'close')
  }
}

/** A conversation's replies, with `c1`, `c2` ... for the CASes seen, in order of their age. */
async function converse(ask: Ask, steps: readonly string[]): Promise<string[]> {
  const seen: bigint[] = []
  const replies: string[] = []
  for (const step of steps) {
    const last = seen.at(-1) ?? 0n
    const older = last > 1n ? last - 1n : 1n
    const request = step.replaceAll('{cas}', String(last)).replaceAll('{older}', String(older))
    const reply = await ask(`${request}\r\n`)
    for (const match of reply.matchAll(/ c(\d+)/g)) seen.push(BigInt(match[1] ?? 0))
    replies.push(reply.replace(/size=\d+|cls=\d+/g, '?'))
  }
  const ages = [...new Set(seen)].sort((a, b) => (a < b ? -1 : 1))
  return replies.map((reply) =>
    reply.replace(/ c(\d+)/g, (_, cas) => ` c#${ages.indexOf(BigInt(cas))}`),
  )
}

/** The same in binary: status, CAS by age, extras and value of each reply. */
async function converseBinary(ask: Ask, steps: readonly BinaryStep[]): Promise<string[]> {
  const seen: bigint[] = []
  const replies: [status: number, cas: bigint, body: string][] = []
  for (const { opcode, key, extras = '', value = '', cas } of steps) {
    const last = seen.at(-1) ?? 7n
    const wanted = cas === undefined ? 0n : cas === 'last' ? last : last - 1n
    const body = Buffer.concat([Buffer.from(extras, 'hex'), Buffer.from(key + value)])
    const header = Buffer.alloc(24)
    header.set([BINARY_REQUEST_MAGIC, opcode, 0, key.length, extras.length / 2])
    header.writeUInt32BE(body.length, 8)
    header.writeBigUInt64BE(wanted, 16)
    const request = Buffer.concat([header, body]).toString('latin1')
    const reply = Buffer.from(await ask(request), 'latin1')
    const replyCas = reply.readBigUInt64BE(16)
    if (replyCas !== 0n) seen.push(replyCas)
    replies.push([reply.readUInt16BE(6), replyCas, reply.toString('latin1', 24)])
  }
  const ages = [0n, ...new Set(seen)].sort((a, b) => (a < b ? -1 : 1))
  return replies.map(([status, cas, body]) => `${status} c#${ages.indexOf(cas)} ${body}`)
}

describe('items behave as in memcached', () => {
  const turn = new Turn()
  let folder: string
  let engines: TestEngines
  let bucket: BucketClient
  let store: EmbeddedStore
  let server: MemcachedProcess
  let memcached: Memcached
  let binaryMemcached: Memcached
  let places: Place[]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-items-'))
    engines = await startEngines(1, 0)
    bucket = new BucketClient({ turn })
    bucket.applyConfig(engines.config)
    store = new EmbeddedStore({ folder, turn })
    server = await MemcachedProcess.start()
    memcached = new Memcached(server.port, TEXT_END)
    binaryMemcached = new Memcached(server.port, BINARY_END)
    const over = (name: string, backend: Backend): Place => ({
      name,
      text: new TextUpstream(backend, turn),
      binary: new TextUpstream(backend, turn),
    })
    places = [over('engine', bucket), over('embedded', store)]
  })

  after(async () => {
    for (const { text, binary } of places ?? []) {
      text.close()
      binary.close()
    }
    await memcached?.close()
    await binaryMemcached?.close()
    await server?.kill()
    await store?.stop()
    await bucket?.stop()
    await engines?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  for (const { name, steps } of ITEM_CASES) {
    test(name, async () => {
      const expected = await converse((request) => memcached.ask(request), steps)
      for (const { name: place, text } of places) {
        assert.deepEqual(await converse((request) => text.ask(request), steps), expected, place)
      }
    })
  }

  for (const { name, steps } of BINARY_ITEM_CASES) {
    test(name, async () => {
      const expected = await converseBinary((request) => binaryMemcached.ask(request), steps)
      for (const { name: place, binary } of places) {
        const replies = await converseBinary((request) => binary.ask(request), steps)
        assert.deepEqual(replies, expected, place)
      }
    })
  }

  for (const { name, steps } of LATER_ITEM_CASES) {
    test(name, async () => {
      for (const { name: place, text } of places) {
        for (const [request, reply] of steps) {
          const got = await text.ask(`${request}\r\n`)
          assert.equal(got, `${reply}\r\n`, `${place}: ${request}`)
        }
      }
    })
  }
})
