// What a connection has written it reads, also when the writes were quiet and nothing was waited
// for in between, over every backend and across the death of a primary.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BucketClient, Turn } from '@holdfast/client'
import { startEngines, type TestEngines } from '@holdfast/client/testing'
import { Opcode } from '@holdfast/protocol'
import { BinaryClient, binaryRequest } from './testing/binary-client.ts'
import type { ConformanceBackend } from './testing/conformance-case.ts'
import {
  type ConformanceProxy,
  OPEN_BACKENDS,
  openConformanceProxy,
} from './testing/conformance-servers.ts'
import { bucketOf, type Front, onlyBucket, openFront } from './testing/front.ts'
import { TextClient } from './testing/text-client.ts'

const KEYS = 40
const ROUNDS = 25

/** Quiet writes and reads of what they wrote, in one piece; and the replies that are right. */
function textRound(round: number): { asked: string; expected: string } {
  let asked = ''
  let expected = ''
  for (let i = 0; i < KEYS; i++) {
    const key = `t${i}`
    const value = `${round}.${i}`
    asked += `set ${key} 0 0 ${value.length} noreply\r\n${value}\r\n`
    asked += `append ${key} 0 0 1 noreply\r\n!\r\nget ${key}\r\n`
    expected += `VALUE ${key} 0 ${value.length + 1}\r\n${value}!\r\nEND\r\n`
    if (i % 4 > 0) continue
    asked += `delete ${key} noreply\r\nget ${key}\r\n`
    expected += 'END\r\n'
  }
  const many = Array.from({ length: KEYS }, (_, i) => `t${i}`)
  asked += `get ${many.join(' ')}\r\n`
  for (const [i, key] of many.entries()) {
    const value = `${round}.${i}!`
    if (i % 4 > 0) expected += `VALUE ${key} 0 ${value.length}\r\n${value}\r\n`
  }
  return { asked: `${asked}mn\r\n`, expected: `${expected}END\r\nMN\r\n` }
}

function metaRound(round: number): { asked: string; expected: string } {
  let asked = ''
  let expected = ''
  for (let i = 0; i < KEYS; i++) {
    const value = `${round}.${i}`
    asked += `ms m${i} ${value.length} q\r\n${value}\r\nmg m${i} v\r\n`
    asked += `ms m${i} 1 MA q\r\n!\r\nmg m${i} v k\r\n`
    expected += `VA ${value.length}\r\n${value}\r\nVA ${value.length + 1} km${i}\r\n${value}!\r\n`
  }
  return { asked: `${asked}mn\r\n`, expected: `${expected}MN\r\n` }
}

async function readsWhatItWrote(address: string, rounds: number): Promise<void> {
  const client = await TextClient.connect(address)
  for (let round = 0; round < rounds; round++) {
    for (const { asked, expected } of [textRound(round), metaRound(round)]) {
      assert.equal(await client.ask(asked, 'MN\r\n'), expected)
    }
  }
  client.close()
}

async function readsWhatItWroteInBinary(address: string, rounds: number): Promise<void> {
  const client = await BinaryClient.connect(address)
  for (let round = 0; round < rounds; round++) {
    const requests: Buffer[] = []
    for (let i = 0; i < KEYS; i++) {
      const key = `b${i}`
      const extras = '0000000000000000'
      requests.push(binaryRequest(Opcode.SetQ, { key, extras, value: `${round}.${i}` }))
      requests.push(binaryRequest(Opcode.AppendQ, { key, value: '!' }))
      requests.push(binaryRequest(Opcode.GetK, { key, opaque: i }))
    }
    const replies = await client.askAll(Buffer.concat(requests))
    assert.deepEqual(
      replies.map(({ opaque, value }) => `${opaque} ${value}`),
      Array.from({ length: KEYS }, (_, i) => `${i} ${round}.${i}!`),
    )
  }
  client.close()
}

describe('a connection reads what it has written quietly', () => {
  for (const backend of OPEN_BACKENDS) {
    describe(`over ${backend}`, () => {
      let proxy: ConformanceProxy

      before(async () => {
        proxy = await openConformanceProxy(backend as ConformanceBackend)
      })

      after(() => proxy?.stop())

      test('in text and meta', () => readsWhatItWrote(proxy.address, ROUNDS))
      test('in binary', () => readsWhatItWroteInBinary(proxy.address, ROUNDS))
    })
  }
})

describe('while a primary dies and another takes its place', () => {
  let engines: TestEngines
  let client: BucketClient
  let front: Front

  before(async () => {
    // An election needs most primaries.
    engines = await startEngines(3, 1)
    const turn = new Turn()
    client = new BucketClient({ turn })
    client.applyConfig(engines.config)
    front = await openFront({ turn, directory: onlyBucket(bucketOf('default', client)) })
  })

  after(async () => {
    await front?.stop()
    await client?.stop()
    await engines?.stop()
  })

  test('every connection still reads what it has written', async () => {
    const writing = [
      readsWhatItWrote(front.address, 60),
      readsWhatItWroteInBinary(front.address, 60),
    ]
    const [primary, heir] = engines.shards[0] ?? []
    assert.ok(primary && heir)
    const { config } = engines
    primary.process.kill('SIGKILL')
    const away = config.shards.map((route, s) => (s === 0 ? { ...route, primary: null } : route))
    client.applyConfig({ ...config, rev: 2, shards: away })
    await engines.promote(heir)
    const shards = config.shards.map((route, s) => {
      return s === 0 ? { ...route, primary: heir.address, replicas: [] } : route
    })
    client.applyConfig({ ...config, rev: 3, shards })
    await Promise.all(writing)
  })
})
