// Property tests of whole connections: random pipelines, cut at random places, through a real proxy
// over the embedded store. Exactly one reply for each request that wants one, in order; noise never
// hangs or kills anything. HOLDFAST_FUZZ_SECONDS is the time for each property, for a long run:
//   HOLDFAST_FUZZ_SECONDS=600 node --test packages/proxy/src/fuzz.test.ts
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { EmbeddedStore, Turn } from '@holdfast/client'
import { until } from '@holdfast/client/testing'
import fc from 'fast-check'
import { BinaryClient } from './testing/binary-client.ts'
import { bucketOf, type Front, onlyBucket, openFront } from './testing/front.ts'
import { binaryAsked, cutAt, cutTextReply, textRequest } from './testing/fuzz-pipelines.ts'
import { TextClient } from './testing/text-client.ts'

const SECONDS = Number(process.env.HOLDFAST_FUZZ_SECONDS ?? 2)
const RUNS_MAX = 1_000_000
const BUDGET: fc.Parameters<unknown> = {
  numRuns: RUNS_MAX,
  interruptAfterTimeLimit: SECONDS * 1000,
  markInterruptAsFailure: false,
}
const FENCE = 'MN\r\n'
const VALUE_BYTES_MAX = 1_000_000
const cuts = fc.array(fc.nat(), { maxLength: 6 })

describe('whole connections', () => {
  let folder: string
  let store: EmbeddedStore
  let front: Front

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-fuzz-'))
    const turn = new Turn()
    store = new EmbeddedStore({ folder, turn })
    front = await openFront({
      turn,
      directory: onlyBucket(bucketOf('default', store)),
      settings: { valueBytesMax: VALUE_BYTES_MAX, outstandingMax: 16 },
    })
  })

  after(async () => {
    await front?.stop()
    await store?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('text and meta: one reply for each request, in order', async () => {
    const pipeline = fc.array(textRequest, { minLength: 1, maxLength: 60 })
    const property = fc.asyncProperty(pipeline, cuts, async (requests, places) => {
      const client = await TextClient.connect(front.address)
      const bytes = Buffer.from(requests.map((request) => request.bytes).join(''), 'latin1')
      for (const piece of cutAt(bytes, places)) client.send(piece.toString('latin1'))
      const wanted = requests.flatMap(({ reply }) => (reply === null ? [] : [reply]))
      const text = await takeReplies(client, wanted.length)
      let at = 0
      for (const pattern of wanted) {
        const end = cutTextReply(text, at)
        assert.ok(end !== undefined && end <= text.length, `no reply like ${pattern}`)
        assert.match(text.slice(at, end), pattern)
        at = end
      }
      assert.equal(text.slice(at), FENCE)
      client.close()
    })
    await fc.assert(property, BUDGET)
  })

  test('binary: every opaque comes back in order, quiet ones perhaps', async () => {
    const pipeline = fc.array(binaryAsked, { minLength: 1, maxLength: 60 })
    const property = fc.asyncProperty(pipeline, cuts, async (requests, places) => {
      const client = await BinaryClient.connect(front.address)
      const numbered = requests.map((request, place) => {
        request.bytes.writeUInt32BE(place, 12)
        return request
      })
      const bytes = Buffer.concat(numbered.map((request) => request.bytes))
      const pieces = cutAt(bytes, places)
      for (const piece of pieces.slice(0, -1)) client.send(piece)
      const replies = await client.askAll(pieces.at(-1) ?? Buffer.alloc(0))
      let at = 0
      for (const [place, { answered }] of numbered.entries()) {
        const here = replies[at]?.opaque === place
        if (here) at++
        else assert.notEqual(answered, 'always', `request ${place} has no reply`)
      }
      assert.equal(at, replies.length, 'a reply to nothing')
      client.close()
    })
    await fc.assert(property, BUDGET)
  })

  test('noise of any kind ends in replies or a close', async () => {
    const noise = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      fc.uint8Array({ maxLength: 60 }).map((rest) => Uint8Array.of(0x80, ...rest)),
      fc
        .array(
          fc.constantFrom('get ', 'set ', 'ms ', 'mg ', 'a', ' ', '0', '\r\n', '9', ' 5\r\n'),
          {
            maxLength: 60,
          },
        )
        .map((words) => new Uint8Array(Buffer.from(words.join('')))),
    )
    const property = fc.asyncProperty(fc.array(noise, { maxLength: 5 }), async (pieces) => {
      const socket = net.connect(front.listener.port, '127.0.0.1').on('error', () => {})
      socket.resume()
      for (const piece of pieces) socket.write(piece)
      socket.end()
      await until('it is closed', () => socket.closed)
    })
    await fc.assert(property, BUDGET)
    const client = await TextClient.connect(front.address)
    assert.equal(await client.ask('mn\r\n'), 'MN\r\n')
    client.close()
  })
})

/** Takes so many replies and that to a no-op behind them. */
async function takeReplies(client: TextClient, count: number): Promise<string> {
  let text = await client.ask('mn\r\n', FENCE)
  for (;;) {
    let at: number | undefined = 0
    let complete = 0
    while (at !== undefined && at < text.length) {
      at = cutTextReply(text, at)
      if (at !== undefined && at <= text.length) complete++
    }
    // A value may end like the fence.
    if (complete > count || client.closed) return text
    text += await client.take(FENCE)
  }
}
