import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify from 'fastify'
import { makeBucketLogin } from '../document/bucket-login.ts'
import { documentWithBucket } from '../test-support/fixtures.ts'
import type { Caller } from './access.ts'
import { mayRoute, PROXY_HEADER } from './proxy-trust.ts'

const NOBODY: Caller = { admin: false, readOnly: false, proxy: false }
const LOGIN = await makeBucketLogin('secret')
const AWAY = '10.0.0.9'
const HERE = '10.0.0.1'

interface Case {
  caller?: Partial<Caller>
  headers?: Record<string, string>
  remote?: string
  password?: boolean
}

/** Whether a caller who says that it is a proxy, from another machine, is told the engines. */
async function isTold({ caller, headers, remote = AWAY, password = false }: Case) {
  const [bucket] = documentWithBucket(1, { login: password ? LOGIN : null }).buckets
  assert.ok(bucket)
  const app = fastify()
  let told = false
  app.get('/', (request) => {
    const socket = { remoteAddress: remote, localAddress: HERE }
    const seen = { headers: request.headers, socket } as typeof request
    told = mayRoute({ request: seen, caller: { ...NOBODY, ...caller } }, bucket)
    return ''
  })
  await app.inject({ url: '/', headers: headers ?? { [PROXY_HEADER]: '1' } })
  await app.close()
  return told
}

test('a stranger on another machine is not told the engines of a bucket without a password', async () => {
  assert.equal(await isTold({}), false)
})

test('the admin, a proxy with the token and one with the bucket’s password are told', async () => {
  assert.equal(await isTold({ caller: { admin: true } }), true)
  assert.equal(await isTold({ caller: { proxy: true } }), true)
  assert.equal(await isTold({ password: true }), true)
})

test('nobody is who does not say that it is a proxy, nor the read-only user', async () => {
  assert.equal(await isTold({ caller: { admin: true }, headers: {} }), false)
  assert.equal(await isTold({ caller: { readOnly: true }, remote: '127.0.0.1' }), false)
})

test('a proxy on the same machine is told, unless it asks for someone else', async () => {
  for (const remote of ['127.0.0.1', '127.0.0.9', '::1', '::ffff:127.0.0.1', HERE]) {
    assert.equal(await isTold({ remote }), true, remote)
    for (const name of ['x-forwarded-for', 'forwarded']) {
      assert.equal(await isTold({ remote, headers: { [PROXY_HEADER]: '1', [name]: 'x' } }), false)
    }
  }
})
