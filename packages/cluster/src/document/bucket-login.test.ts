import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  deriveKeys,
  SCRAM_ITERATIONS,
  type ScramHash,
  type StoredScramKeys,
} from '@holdfast/client'
import { PasswordCheck } from '../rest/credentials.ts'
import { bucketLoginSchema, makeBucketLogin, withoutPassword } from './bucket-login.ts'

test('a password is kept as a hash and as keys that it leads to, with salts of its own', async () => {
  const [one, other] = [await makeBucketLogin('secret'), await makeBucketLogin('secret')]
  assert.ok(one && other)
  assert.ok(await new PasswordCheck().matches('secret', one.passwordHash))
  assert.notDeepEqual(one, other)
  const hashes: ScramHash[] = ['sha1', 'sha256', 'sha512']
  for (const hash of hashes) {
    const { salt, iterations, storedKey, serverKey }: StoredScramKeys = one.scram[hash]
    const keys = deriveKeys(hash, 'secret', Buffer.from(salt, 'base64'), iterations)
    assert.equal(iterations, SCRAM_ITERATIONS)
    assert.equal(keys.storedKey.toString('base64'), storedKey)
    assert.equal(keys.serverKey.toString('base64'), serverKey)
  }
  assert.ok(!JSON.stringify(one).includes('secret'))
})

test('no password is no login', async () => {
  assert.equal(await makeBucketLogin(''), null)
})

test('every member converts the password of an earlier build to the same login', async () => {
  const earlier = { uuid: 'u1', name: 'shop', saslPassword: 'secret' }
  const converted = withoutPassword(earlier) as { login: unknown }
  assert.deepEqual(converted, withoutPassword({ ...earlier }))
  assert.notDeepEqual(converted, withoutPassword({ ...earlier, uuid: 'u2' }))
  assert.deepEqual(Object.keys(converted), ['uuid', 'name', 'login'])
  const login = bucketLoginSchema.parse(converted.login)
  assert.ok(await new PasswordCheck().matches('secret', login.passwordHash))
})

test('a login that is there already is not touched', () => {
  const bucket = { uuid: 'u1', login: null }
  assert.equal(withoutPassword(bucket), bucket)
  assert.deepEqual(withoutPassword({ ...bucket, saslPassword: 'left over' }), bucket)
})
