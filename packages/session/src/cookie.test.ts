import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  COOKIE_CANDIDATES_MAX,
  decodeCookieValue,
  rawCookies,
  resolveCookie,
  serializeCookie,
} from './cookie.ts'

const ATTRIBUTES = {
  path: '/',
  httpOnly: true,
  secure: false,
  sameSite: undefined,
  domain: undefined,
  maxAgeMs: null,
  partitioned: false,
  priority: undefined,
} as const

test('all cookies of the name are read, in order, quoted or badly encoded ones too', () => {
  const header = 'sid=one; other=x; sid="two"; sid=%E0%A4%A; xsid=no; sid'
  assert.deepEqual(rawCookies(header, 'sid').map(decodeCookieValue), ['one', 'two', '%E0%A4%A'])
  assert.deepEqual(rawCookies(undefined, 'sid').map(decodeCookieValue), [])
})

test('a name inside a value or another name is no cookie, and blanks do not matter', () => {
  const header = 'a=sid=1;xsid=2;  sid =3; sid.x=4;\tsid= 5 ;sid'
  assert.deepEqual(rawCookies(header, 'sid'), ['3', '5'])
  assert.deepEqual(rawCookies('sid=', 'sid'), [''])
  assert.deepEqual(rawCookies('sidsid=1; sid=2', 'sid'), ['2'])
})

test('at most some cookies of one name are looked at', () => {
  const header = Array.from({ length: 100 }, (_, n) => `sid=${n}`).join('; ')
  assert.equal(rawCookies(header, 'sid').length, COOKIE_CANDIDATES_MAX)
})

test('auto follows the connection', () => {
  const auto = { ...ATTRIBUTES, secure: 'auto', sameSite: 'auto' } as const
  const { secure, sameSite } = resolveCookie(auto, true)
  assert.deepEqual([secure, sameSite], [true, 'none'])
  const open = resolveCookie(auto, false)
  assert.deepEqual([open.secure, open.sameSite], [false, 'lax'])
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
    partitioned: true,
    priority: 'high',
  } as const
  assert.equal(
    serializeCookie('sid', 'v', all, 0),
    'sid=v; Domain=example.org; Path=/shop; Expires=Thu, 01 Jan 1970 00:00:01 GMT; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Lax',
  )
})
