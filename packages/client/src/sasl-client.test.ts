import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginSasl, chooseMechanism, type SaslConversation, SaslError } from './sasl-client.ts'

const PENCIL = { username: 'user', password: 'pencil' }

test('the strongest mechanism of a list is chosen', () => {
  assert.equal(chooseMechanism('SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN'), 'SCRAM-SHA512')
  assert.equal(chooseMechanism('PLAIN SCRAM-SHA1'), 'SCRAM-SHA1')
  assert.equal(chooseMechanism('PLAIN SCRAM-SHA-1 SCRAM-SHA-256'), 'SCRAM-SHA-256')
  assert.equal(chooseMechanism('CRAM-MD5 PLAIN'), 'PLAIN')
  assert.equal(chooseMechanism('CRAM-MD5'), undefined)
  assert.equal(chooseMechanism(''), undefined)
})

test('PLAIN says name and password at once', () => {
  assert.equal(beginSasl('PLAIN', PENCIL).first, '\0user\0pencil')
})

test('SCRAM-SHA1 speaks the example of RFC 5802', async () => {
  const login = beginSasl('SCRAM-SHA1', PENCIL, 'fyko+d2lbbFgONRv9qkxdawL')
  assert.equal(login.first, 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL')
  const nonce = 'fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j'
  assert.equal(
    await login.answer(`r=${nonce},s=QSXCR+Q6sek8bf92,i=4096`),
    `c=biws,r=${nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=`,
  )
  login.finish('v=rmF9pqV8S7suAoZWja4dJRkFsKQ=')
})

test('SCRAM-SHA256 speaks the example of RFC 7677', async () => {
  const login = beginSasl('SCRAM-SHA256', PENCIL, 'rOprNGfwEbeRWgbNEkqO')
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  assert.equal(
    await login.answer(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`),
    `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  )
  login.finish('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

test('a proof that comes as one more challenge is checked, and answered with nothing', async () => {
  const begin = async (): Promise<SaslConversation> => {
    const login = beginSasl('SCRAM-SHA-1', PENCIL, 'fyko+d2lbbFgONRv9qkxdawL')
    await login.answer('r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096')
    return login
  }
  const login = await begin()
  assert.equal(await login.answer('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='), '')
  login.finish('Authenticated')
  const deceived = await begin()
  await assert.rejects(deceived.answer('v=AAAApqV8S7suAoZWja4dJRkFsKQ='), SaslError)
  assert.throws(() => deceived.finish('Authenticated'), SaslError)
})

test('a server that does not know the password is not believed', async () => {
  const login = beginSasl('SCRAM-SHA1', PENCIL, 'abc')
  assert.throws(() => login.finish('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='), SaslError)
  await login.answer('r=abcdef,s=QSXCR+Q6sek8bf92,i=10')
  assert.throws(() => login.finish('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='), /does not know the password/)
  assert.throws(() => login.finish('e=other-error'), SaslError)
})

test('challenges without our nonce, or with absurd work, are refused', async () => {
  const login = beginSasl('SCRAM-SHA512', PENCIL, 'abc')
  await assert.rejects(login.answer('r=xyz,s=QSXC,i=10'), SaslError)
  await assert.rejects(login.answer('r=abc,s=QSXC,i=10'), SaslError)
  await assert.rejects(login.answer('r=abcd,s=QSXC,i=1000001'), SaslError)
  await assert.rejects(login.answer('r=abcd,s=QSXC,i=0'), SaslError)
  await assert.rejects(login.answer('nonsense'), SaslError)
})

test('a name with commas and equals signs is escaped', () => {
  const login = beginSasl('SCRAM-SHA256', { username: 'a,b=c', password: '' }, 'x')
  assert.equal(login.first, 'n,,n=a=2Cb=3Dc,r=x')
})
