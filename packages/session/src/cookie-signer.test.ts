import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { decodeCookieValue, rawCookies } from './cookie.ts'
import { CookieSigner, signSessionId, unsignSessionId, VERIFIED_MAX } from './cookie-signer.ts'

const SECRET = 'holdfast-test-secret-0123456789abcdef'
const ID = 'abcdefghijklmnopqrstuvwxyz0-_005'
const COOKIE =
  's%3Aabcdefghijklmnopqrstuvwxyz0-_005.XRH7RdqQ8oySw4M%2F1Ds6e1CFO4BKpTRvfY%2BlX6Cst%2F0'

test('the cookie value is express-session’s', () => {
  assert.equal(encodeURIComponent(signSessionId(ID, SECRET)), COOKIE)
  const [value] = rawCookies(`a=b; connect.sid=${COOKIE}`, 'connect.sid').map(decodeCookieValue)
  assert.equal(unsignSessionId(value ?? '', [SECRET]), ID)
})

test('a value verifies as the browser sends it and decoded, at first and again', () => {
  const signer = new CookieSigner([SECRET])
  for (const value of [COOKIE, COOKIE, decodeURIComponent(COOKIE), decodeURIComponent(COOKIE)]) {
    assert.equal(signer.verify(value), ID)
  }
})

test('an id with a route is split from its signature at the last dot', () => {
  const value = signSessionId('abc-n1.app1', SECRET)
  assert.equal(unsignSessionId(value, [SECRET]), 'abc-n1.app1')
})

test('the first secret signs and all verify', () => {
  const value = signSessionId(ID, 'old')
  assert.equal(new CookieSigner(['new', 'old']).verify(value), ID)
  assert.equal(new CookieSigner(['new']).verify(value), undefined)
  assert.equal(new CookieSigner(['new', 'old']).sign(ID), signSessionId(ID, 'new'))
})

test('a secret may be a string, bytes or a key object', () => {
  const bytes = Buffer.from(SECRET)
  for (const secret of [SECRET, bytes, createSecretKey(bytes)]) {
    assert.equal(encodeURIComponent(new CookieSigner([secret]).sign(ID)), COOKIE)
    assert.equal(new CookieSigner([secret]).verify(COOKIE), ID)
  }
})

test('a changed id, route or signature does not verify, also after the right one did', () => {
  const signer = new CookieSigner([SECRET])
  const value = signSessionId('abc.app1', SECRET)
  assert.equal(signer.verify(value), 'abc.app1')
  const signature = value.slice(value.lastIndexOf('.'))
  for (const forged of [
    `s:abd.app1${signature}`,
    `s:abc.app2${signature}`,
    `s:abc.app1${signature.slice(0, -1)}`,
    `s:abc.app1${signature}A`,
    'abc.app1',
    '',
    's:',
    's:.',
    `s:${signature}`,
    `s:${'x'.repeat(2000)}${signature}`,
  ]) {
    assert.equal(signer.verify(forged), undefined, forged)
  }
})

test('more values than are remembered still verify', () => {
  const signer = new CookieSigner([SECRET])
  const first = signer.sign('first')
  assert.equal(signer.verify(first), 'first')
  for (let n = 0; n < VERIFIED_MAX + 10; n++) {
    assert.equal(signer.verify(signer.sign(`s${n}`)), `s${n}`)
  }
  assert.equal(signer.verify(first), 'first')
})
