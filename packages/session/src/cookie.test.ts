import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCookies, serializeCookie, signSessionId, unsignSessionId } from './cookie.ts'

const SECRET = 'holdfast-test-secret-0123456789abcdef'
const ID = 'abcdefghijklmnopqrstuvwxyz0-_005'
const COOKIE =
  's%3Aabcdefghijklmnopqrstuvwxyz0-_005.XRH7RdqQ8oySw4M%2F1Ds6e1CFO4BKpTRvfY%2BlX6Cst%2F0'
const ATTRIBUTES = {
  path: '/',
  httpOnly: true,
  secure: false,
  sameSite: undefined,
  domain: undefined,
  maxAgeMs: null,
} as const

test('the cookie value is express-session’s', () => {
  assert.equal(encodeURIComponent(signSessionId(ID, SECRET)), COOKIE)
  const [value] = readCookies(`a=b; connect.sid=${COOKIE}`, 'connect.sid')
  assert.equal(unsignSessionId(value ?? '', [SECRET]), ID)
})

test('an id with a route is split from its signature at the last dot', () => {
  const value = signSessionId('abc-n1.app1', SECRET)
  assert.equal(unsignSessionId(value, [SECRET]), 'abc-n1.app1')
})

test('the first secret signs and all verify', () => {
  const value = signSessionId(ID, 'old')
  assert.equal(unsignSessionId(value, ['new', 'old']), ID)
  assert.equal(unsignSessionId(value, ['new']), undefined)
})

test('a changed id, route or signature does not verify', () => {
  const value = signSessionId('abc.app1', SECRET)
  const signature = value.slice(value.lastIndexOf('.'))
  for (const forged of [
    `s:abd.app1${signature}`,
    `s:abc.app2${signature}`,
    `s:abc.app1${signature.slice(0, -1)}`,
    `s:abc.app1${signature}A`,
    'abc.app1',
    's:',
    's:.',
    `s:${signature}`,
    `s:${'x'.repeat(2000)}${signature}`,
  ]) {
    assert.equal(unsignSessionId(forged, [SECRET]), undefined, forged)
  }
})

test('all cookies of the name are read, in order, quoted or badly encoded ones too', () => {
  const header = 'sid=one; other=x; sid="two"; sid=%E0%A4%A; xsid=no; sid'
  assert.deepEqual(readCookies(header, 'sid'), ['one', 'two', '%E0%A4%A'])
  assert.deepEqual(readCookies(undefined, 'sid'), [])
})

test('Set-Cookie has express-session’s attributes in its order', () => {
  assert.equal(serializeCookie('sid', 's:a', ATTRIBUTES, 0), 'sid=s%3Aa; Path=/; HttpOnly')
  const all = {
    path: '/shop',
    httpOnly: true,
    secure: true,
    sameSite: 'lax',
    domain: 'example.org',
    maxAgeMs: 1000,
  } as const
  assert.equal(
    serializeCookie('sid', 'v', all, 0),
    'sid=v; Domain=example.org; Path=/shop; Expires=Thu, 01 Jan 1970 00:00:01 GMT; HttpOnly; Secure; SameSite=Lax',
  )
})
