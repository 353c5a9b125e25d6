import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basicCredentials, hashPassword, PasswordCheck, sameSecret } from './credentials.ts'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

test('a password matches its hash and no other', async () => {
  const check = new PasswordCheck()
  const stored = await hashPassword('päßword')
  assert.equal(await check.matches('päßword', stored), true)
  assert.equal(await check.matches('päßword', stored), true)
  assert.equal(await check.matches('password', stored), false)
  assert.equal(await check.matches('', stored), false)
})

test('a hash holds neither the password nor the same salt twice', async () => {
  const [a, b] = await Promise.all([hashPassword('password'), hashPassword('password')])
  assert.notEqual(a, b)
  assert.ok(!a.includes('password'))
  assert.match(a, /^scrypt\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+$/)
})

test('a verified password does not match a hash that has changed', async () => {
  const check = new PasswordCheck()
  assert.equal(await check.matches('first!', await hashPassword('first!')), true)
  assert.equal(await check.matches('first!', await hashPassword('second')), false)
})

test('a hash of an unknown kind matches nothing', async () => {
  assert.equal(await new PasswordCheck().matches('x', 'plain$x$x'), false)
  assert.equal(await new PasswordCheck().matches('', ''), false)
})

test('secrets of any length are compared', () => {
  assert.equal(sameSecret('abc', 'abc'), true)
  assert.equal(sameSecret('abc', 'abcd'), false)
  assert.equal(sameSecret('', ''), true)
})

test('a Basic header is split at its first colon', () => {
  assert.deepEqual(basicCredentials(basic('user:pass:word')), ['user', 'pass:word'])
  assert.deepEqual(basicCredentials(basic('user:')), ['user', ''])
  assert.deepEqual(basicCredentials(`basic ${Buffer.from('ü:ß').toString('base64')}`), ['ü', 'ß'])
})

test('no header, another scheme and a text without colon are no credentials', () => {
  for (const header of [undefined, '', 'Bearer abc', 'Basic', basic('user')]) {
    assert.equal(basicCredentials(header), null)
  }
})
