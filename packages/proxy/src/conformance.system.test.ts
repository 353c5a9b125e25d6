// One suite, many servers: memcached itself, whose answers are the expected ones, and the proxy
// over each of its backends.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { BINARY_CASES } from './testing/conformance-binary-cases.ts'
import type { BinaryCase, ConformanceBackend, ConformanceCase } from './testing/conformance-case.ts'
import { converse, converseBinary, replyTo } from './testing/conformance-conversations.ts'
import {
  DOCUMENTED_DIFFERENCES,
  UNSAYABLE_CASES,
  UNSAYABLE_LINE,
} from './testing/conformance-differences.ts'
import { META_CASES } from './testing/conformance-meta-cases.ts'
import {
  type ConformanceProxy,
  OPEN_BACKENDS,
  openConformanceProxy,
} from './testing/conformance-servers.ts'
import { TEXT_CASES } from './testing/conformance-text-cases.ts'

describe('answers agree with memcached', () => {
  let memcached: MemcachedProcess
  const expected: Map<ConformanceCase, string[]> = new Map()
  const expectedBinary: Map<BinaryCase, string[][]> = new Map()

  before(async () => {
    memcached = await MemcachedProcess.start('-I', '20m')
    for (const asked of [...TEXT_CASES, ...META_CASES]) {
      expected.set(asked, await converse(memcached.address, asked))
    }
    for (const asked of BINARY_CASES) {
      expectedBinary.set(asked, await converseBinary(memcached.address, asked))
    }
  })

  after(() => memcached?.kill())

  for (const backend of OPEN_BACKENDS) {
    describe(`over ${backend}`, () => {
      let proxy: ConformanceProxy

      before(async () => {
        proxy = await openConformanceProxy(backend)
      })

      after(() => proxy?.stop())

      for (const [dialect, cases] of [
        ['text', TEXT_CASES],
        ['meta', META_CASES],
      ] as const) {
        for (const asked of cases) {
          test(`${dialect}: ${asked.name}`, async () => {
            const replies = await converse(proxy.address, asked)
            if (dialect === 'meta' && isUnsayable(backend, asked)) {
              assert.ok(replies.includes(`${UNSAYABLE_LINE}\r\n`), replies.join(''))
            } else {
              assert.deepEqual(replies, expected.get(asked))
            }
          })
        }
      }

      for (const asked of BINARY_CASES) {
        test(`binary: ${asked.name}`, async () => {
          const replies = await converseBinary(proxy.address, asked)
          assert.deepEqual(replies, expectedBinary.get(asked))
        })
      }

      for (const { before: first = '', request, holdfast, why, over } of DOCUMENTED_DIFFERENCES) {
        if (over !== undefined && !over.includes(backend)) continue
        test(`${JSON.stringify(request)} differs: ${why}`, async () => {
          assert.equal(await replyTo(proxy.address, first, request), holdfast)
        })
      }
    })
  }

  for (const { before: first = '', request, memcached: theirs } of DOCUMENTED_DIFFERENCES) {
    test(`memcached answers ${JSON.stringify(request)} in its own way`, async () => {
      assert.equal(await replyTo(memcached.address, first, request), theirs)
    })
  }
})

function isUnsayable(backend: ConformanceBackend, { name }: ConformanceCase): boolean {
  return backend === 'memcached by binary' && UNSAYABLE_CASES.includes(name)
}
