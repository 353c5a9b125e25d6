import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listOf, numberOf, oneAction, switchOf, UsageError } from './command.ts'

test('servers may be given several times and with commas', () => {
  assert.deepEqual(listOf({ serverAdd: ['a,b', 'c'] }, 'serverAdd'), ['a', 'b', 'c'])
  assert.deepEqual(listOf({ serverAdd: 'a,b' }, 'serverAdd'), ['a', 'b'])
  assert.deepEqual(listOf({}, 'serverAdd'), [])
})

test('switches are 0 and 1, as in couchbase-cli', () => {
  assert.equal(switchOf({ enable: '1' }, 'enable'), 'true')
  assert.equal(switchOf({ enable: '0' }, 'enable'), 'false')
  assert.equal(switchOf({}, 'enable'), undefined)
  assert.throws(() => switchOf({ enableThis: 'yes' }, 'enableThis'), /--enable-this is 0 or 1/)
})

test('numbers are checked', () => {
  assert.equal(numberOf({ timeout: '0.3' }, 'timeout'), 0.3)
  for (const text of ['', 'x', '-1', 'Infinity']) {
    assert.throws(() => numberOf({ timeout: text }, 'timeout'), UsageError)
  }
})

test('exactly one action is taken', () => {
  assert.equal(oneAction({ create: true }, ['create', 'delete']), 'create')
  assert.throws(() => oneAction({}, ['create', 'delete']), /one of --create, --delete is needed/)
  assert.throws(() => oneAction({ create: true, delete: true }, ['create', 'delete']), UsageError)
})
