import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PrefixValues, parseStorageKeyPrefix } from './storage-key-prefix.ts'

const NONE: PrefixValues = { hostName: undefined, contextName: undefined, webappVersion: undefined }
const ALL: PrefixValues = { hostName: 'hst', contextName: 'ctxt', webappVersion: '7' }

test('tokens and their hashes are those of the original', () => {
  const cases: [string, string][] = [
    ['', ''],
    ['static:shop', 'shop_'],
    ['shop, static:eu', 'shop:eu_'],
    ['host', 'hst_'],
    ['host.hash', 'e93c085e_'],
    ['context', 'ctxt_'],
    ['context.hash', '45e6345f_'],
    ['webappVersion', '7_'],
    ['static:x,host,context.hash,webappVersion', 'x:hst:45e6345f:7_'],
    ['static:,webappVersion', '7_'],
  ]
  for (const [text, prefix] of cases) assert.equal(parseStorageKeyPrefix(text, ALL), prefix)
})

test('the default is the version of the application, if it has one', () => {
  assert.equal(parseStorageKeyPrefix(undefined, NONE), '')
  assert.equal(parseStorageKeyPrefix(undefined, ALL), '7_')
  assert.equal(parseStorageKeyPrefix('webappVersion', NONE), '')
})

test('a token whose value is not given says which option gives it', () => {
  assert.throws(() => parseStorageKeyPrefix('host', NONE), /token "host" needs option hostName/)
  assert.throws(() => parseStorageKeyPrefix('context.hash', NONE), /needs option contextName/)
})

test('what would break a key or meet another kind of key is refused', () => {
  for (const text of [
    'static:a:b',
    'a b',
    'lock',
    'static:bak',
    'validity',
    'gone',
    'x'.repeat(40),
  ]) {
    assert.throws(() => parseStorageKeyPrefix(text, NONE), TypeError)
  }
  assert.throws(
    () => parseStorageKeyPrefix(undefined, { ...NONE, webappVersion: '1:2' }),
    /option webappVersion: "1:2"/,
  )
})
