import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLockOptions } from './lock-options.ts'

function parse(options: Record<string, unknown>): ReturnType<typeof parseLockOptions> {
  return parseLockOptions(new Map(Object.entries(options)))
}

test('the defaults lock nothing, and wait for a lock as long as for an operation', () => {
  assert.deepEqual(parse({ operationTimeout: 700 }), {
    lockingMode: 'none',
    lockPattern: undefined,
    lockExpirationSeconds: 5,
    lockHoldMaxSeconds: 60,
    lockWaitMs: 700,
    lockTimeout: 'fail',
    readOnlyRequests: undefined,
  })
})

test('the names of the modes are read as the original does, whatever their case', () => {
  for (const [name, mode] of [
    ['none', 'none'],
    ['ALL', 'all'],
    ['Auto', 'auto'],
    ['uriPattern:.*', 'uriPattern'],
  ]) {
    assert.equal(parse({ lockingMode: name }).lockingMode, mode)
  }
})

test('APP is refused with the reason, and so is a pattern without text', () => {
  assert.throws(
    () => parse({ lockingMode: 'APP' }),
    /lockingMode: APP is not available: .*uriPattern/,
  )
  assert.throws(() => parse({ lockingMode: 'uriPattern:' }), /needs a pattern/)
  assert.throws(() => parse({ lockingMode: 'uriPattern:(' }), /not a valid pattern/)
})

test('a lock may not be renewed for a shorter time than it lives', () => {
  assert.equal(parse({ lockExpiration: 90 }).lockHoldMaxSeconds, 90)
  assert.throws(() => parse({ lockExpiration: 9, lockHoldMax: 8 }), TypeError)
})
