// Memory of values that went through the proxy is used again: never while a client still has to
// get them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type ConformanceProxy, openConformanceProxy } from './testing/conformance-servers.ts'
import { TextClient } from './testing/text-client.ts'

const KEYS = 64
const SLOW_GETS = 4096
const QUICK_ROUNDS = 40

function valueFor(key: number, bytes: number): string {
  return `value ${key}; `.repeat(Math.ceil(bytes / 8)).slice(0, bytes)
}

function itemOf(key: number, bytes: number): string {
  return `VALUE key-${key} 0 ${bytes}\r\n${valueFor(key, bytes)}\r\nEND\r\n`
}

describe('values of a few kilobytes in front of memcached', () => {
  let proxy: ConformanceProxy

  before(async () => {
    proxy = await openConformanceProxy('memcached by text')
  })

  after(() => proxy?.stop())

  for (const bytes of [1024, 4096, 9000]) {
    test(`of ${bytes} bytes reach a slow reader as they were, whatever others get and set`, async () => {
      const slow = await TextClient.connect(proxy.address)
      const quick = await TextClient.connect(proxy.address)
      const keys = Array.from({ length: KEYS }, (_, key) => key)
      const sets = keys.map((key) => `set key-${key} 0 0 ${bytes}\r\n${valueFor(key, bytes)}\r\n`)
      assert.equal(
        await quick.ask(`${sets.join('')}mn\r\n`, 'MN\r\n'),
        `${'STORED\r\n'.repeat(KEYS)}MN\r\n`,
      )
      slow.pause()
      const asked = Array.from({ length: SLOW_GETS }, (_, i) => i % KEYS)
      slow.send(`${asked.map((key) => `get key-${key}\r\n`).join('')}mn\r\n`)
      const gets = keys.map((key) => `get key-${KEYS - 1 - key}\r\n`)
      const mixed = sets.map((set, i) => `${set}${gets[i] ?? ''}`)
      const answers = keys.map((key) => `STORED\r\n${itemOf(KEYS - 1 - key, bytes)}`)
      for (let round = 0; round < QUICK_ROUNDS; round++) {
        const got = await quick.ask(`${mixed.join('')}mn\r\n`, 'MN\r\n')
        assert.ok(got === `${answers.join('')}MN\r\n`, `round ${round} is wrong`)
      }
      slow.resume()
      const got = await slow.take('MN\r\n')
      assert.ok(got === `${asked.map((key) => itemOf(key, bytes)).join('')}MN\r\n`)
      slow.close()
      quick.close()
    })
  }
})
