import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newSid } from '../session-id.ts'
import {
  keyOfListed,
  keysOf,
  likeliestKey,
  maybeSessionKey,
  prefixOf,
  sidsOf,
} from './session-keys.ts'

const SID = 'abc_defghijklmnopqrstuvwxyz01234'

test('the prefix of a key is what stands before its sid', () => {
  assert.equal(SID.length, newSid().length)
  for (const prefix of ['', 'shop_', 'shop:7_', 'www.shop.de:a_b_']) {
    assert.equal(prefixOf(prefix + SID), prefix)
    assert.equal(prefixOf(`${prefix}${SID}-n1`), prefix)
  }
  assert.equal(prefixOf('shop_1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed'), 'shop_')
  assert.equal(prefixOf('1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed'), '')
})

test('an id is found with its route, as the value of a cookie, and behind each prefix', () => {
  assert.deepEqual(keysOf('sid-n1', ['']), ['sid-n1'])
  assert.deepEqual(keysOf('sid-n1.app1', ['']), ['sid-n1.app1', 'sid-n1'])
  assert.deepEqual(keysOf('sid', ['', 'shop_']), ['sid', 'shop_sid'])
  for (const cookie of ['s:sid.signature', 's%3Asid.signature', 's%3asid.sig%2Fnature']) {
    assert.deepEqual(keysOf(cookie, ['']), ['sid'], cookie)
  }
  assert.deepEqual(keysOf('s:sid.app1.signature', ['']), ['sid.app1', 'sid'])
  assert.ok(keysOf('a'.repeat(100).split('').join('.'), ['']).length <= 5)
})

test('what no key can be is not asked for', () => {
  for (const id of ['', 'a b', 'a\r\nb', 'ü', 'x'.repeat(251), 'gone:sid', 's:%']) {
    assert.deepEqual(keysOf(id, ['']), id === 's:%' ? ['%'] : [], id)
  }
  for (const beside of ['lock:a', 'gone:a', 'bak:a', 'user:a', 'feed:', 'validity:a']) {
    assert.equal(maybeSessionKey(beside), false, beside)
  }
  assert.equal(maybeSessionKey('shop:7_sid'), true)
})

test('the key of an unknown session is that of its sid without its route', () => {
  assert.equal(likeliestKey(`${SID}-n1.app1`, ''), `${SID}-n1`)
  assert.equal(likeliestKey(`${SID}.app.1`, 'shop_'), `shop_${SID}`)
  assert.equal(likeliestKey('own.app1', ''), 'own')
  assert.equal(likeliestKey('a b', ''), undefined)
})

test('a session is ended under every sid that servers may know it by', () => {
  assert.deepEqual(sidsOf(`${SID}-n1.app1`), [`${SID}-n1`, SID])
  assert.deepEqual(sidsOf(SID), [SID])
  assert.equal(keyOfListed({ id: `${SID}-n1.app1` }, 'shop_'), `shop_${SID}-n1`)
})
