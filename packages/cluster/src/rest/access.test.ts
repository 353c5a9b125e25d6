import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify from 'fastify'
import { makeBucketLogin } from '../document/bucket-login.ts'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { addBucket } from '../document/new-document.ts'
import { BUCKET_WISH, documentOf } from '../test-support/fixtures.ts'
import { type Access, type AccessRule, challenge, checkAccess } from './access.ts'
import { ApiError } from './api-error.ts'
import { hashPassword, PasswordCheck } from './credentials.ts'

const ACCESSES: readonly Access[] = ['open', 'anybucket', 'bucket', 'admin', 'member']
const ADMIN_HASH = await hashPassword('admin-password')

const SHOP_LOGIN = await makeBucketLogin('shop-password')
const THIRD_LOGIN = await makeBucketLogin('third-password')
const READER_HASH = await hashPassword('reader-password')

/** A bucket `shop` with a password; `default` without, when asked for. */
function documentFor(options: { admin: boolean; default?: boolean }): ClusterDocument {
  const document = documentOf(1)
  if (options.admin) document.admin = { username: 'Administrator', passwordHash: ADMIN_HASH }
  document.readOnlyUser = { username: 'reader', passwordHash: READER_HASH }
  addBucket(document, { ...BUCKET_WISH, name: 'shop', login: SHOP_LOGIN })
  if (options.default) addBucket(document, BUCKET_WISH)
  return document
}

/** `access -> 'admin' | 'yes' | status`, for a request for the bucket with these credentials. */
async function answersFor(
  document: ClusterDocument,
  headers: Record<string, string>,
  bucket = 'shop',
): Promise<Record<Access, string>> {
  const passwords = new PasswordCheck()
  const app = fastify()
  app.get('/:access/:bucket', async (request) => {
    const access = ACCESSES.find((one) => request.url.startsWith(`/${one}/`)) ?? 'admin'
    try {
      const { admin } = await checkAccess({ access }, request, document, passwords)
      return admin ? 'admin' : 'yes'
    } catch (error) {
      assert.ok(error instanceof ApiError)
      return String(error.status)
    }
  })
  const answers = await Promise.all(
    ACCESSES.map(async (access) => {
      const { body } = await app.inject({ url: `/${access}/${bucket}`, headers })
      return [access, body] as const
    }),
  )
  await app.close()
  const [open, anybucket, ofBucket, admin, member] = answers.map(([, body]) => body)
  return {
    open: open ?? '',
    anybucket: anybucket ?? '',
    bucket: ofBucket ?? '',
    admin: admin ?? '',
    member: member ?? '',
  }
}

const basic = (user: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

const LOCKED = { open: 'yes', anybucket: '401', bucket: '401', admin: '401', member: '401' }

test('without credentials only what is open, once an admin is set', async () => {
  assert.deepEqual(await answersFor(documentFor({ admin: true }), {}), LOCKED)
})

test('the admin may do everything but speak as a member', async () => {
  const answers = await answersFor(
    documentFor({ admin: true }),
    basic('Administrator', 'admin-password'),
  )
  const all = { open: 'admin', anybucket: 'admin', bucket: 'admin', admin: 'admin', member: '401' }
  assert.deepEqual(answers, all)
})

test('a wrong password and a wrong name are as good as none', async () => {
  const document = documentFor({ admin: true })
  assert.deepEqual(await answersFor(document, basic('Administrator', 'shop-password')), LOCKED)
  assert.deepEqual(await answersFor(document, basic('administrator', 'admin-password')), LOCKED)
  assert.deepEqual(await answersFor(document, basic('shop', 'admin-password')), LOCKED)
  assert.deepEqual(await answersFor(document, { authorization: 'Basic ?' }), LOCKED)
})

test("a bucket's credentials open that bucket and the pool, nothing else", async () => {
  const document = documentFor({ admin: true, default: true })
  const own = await answersFor(document, basic('shop', 'shop-password'))
  assert.deepEqual(own, { ...LOCKED, anybucket: 'yes', bucket: 'yes' })
  const third = structuredClone(document)
  addBucket(third, { ...BUCKET_WISH, name: 'third', login: THIRD_LOGIN })
  const other = await answersFor(third, basic('shop', 'shop-password'), 'third')
  assert.equal(other.bucket, '401')
})

test('a bucket without a password is open, and with it the pool', async () => {
  const document = documentFor({ admin: true, default: true })
  const answers = await answersFor(document, {}, 'default')
  assert.deepEqual(answers, { ...LOCKED, anybucket: 'yes', bucket: 'yes' })
})

test('until an admin is set everybody is one', async () => {
  const answers = await answersFor(documentFor({ admin: false }), {})
  const all = { open: 'admin', anybucket: 'admin', bucket: 'admin', admin: 'admin', member: '401' }
  assert.deepEqual(answers, all)
})

test('members speak with the secret of the cluster', async () => {
  const document = documentFor({ admin: true })
  const answers = await answersFor(document, { authorization: `Bearer ${document.secret}` })
  assert.equal(answers.member, 'admin')
  assert.deepEqual(await answersFor(document, { authorization: 'Bearer guess' }), LOCKED)
})

test('a caller may ask not to be challenged', async () => {
  const app = fastify()
  app.get('/', (request) => challenge(request) ?? 'none')
  assert.match((await app.inject('/')).body, /^Basic realm=/)
  const headers = { 'invalid-auth-response': 'on' }
  assert.equal((await app.inject({ url: '/', headers })).body, 'none')
  await app.close()
})

/** `yes` or the status, for the read-only user. */
async function readerMay(method: 'GET' | 'POST', rule: AccessRule): Promise<string> {
  const document = documentFor({ admin: true })
  const passwords = new PasswordCheck()
  const app = fastify()
  app.route({
    method,
    url: '/:bucket',
    handler: async (request) => {
      try {
        const caller = await checkAccess(rule, request, document, passwords)
        assert.equal(caller.admin, false)
        return caller.readOnly ? 'yes' : 'as nobody'
      } catch (error) {
        assert.ok(error instanceof ApiError)
        return String(error.status)
      }
    },
  })
  const headers = basic('reader', 'reader-password')
  const { body } = await app.inject({ method, url: '/shop', headers })
  await app.close()
  return body
}

test('the read-only user may read what the admin may', async () => {
  for (const access of ['open', 'anybucket', 'bucket', 'admin'] as const) {
    assert.equal(await readerMay('GET', { access }), 'yes', access)
  }
  assert.equal(await readerMay('GET', { access: 'member' }), '401')
})

test('the read-only user changes nothing and sees no secret', async () => {
  for (const access of ['anybucket', 'bucket', 'admin'] as const) {
    assert.equal(await readerMay('POST', { access }), '403', access)
  }
  assert.equal(await readerMay('GET', { access: 'admin', secret: true }), '403')
  assert.equal(await readerMay('POST', { access: 'anybucket', harmless: true }), 'yes')
})

test('a bucket whose authentication is none is open whatever its password', async () => {
  const document = documentFor({ admin: true })
  for (const bucket of document.buckets) bucket.authType = 'none'
  const answers = await answersFor(document, {})
  assert.deepEqual(answers, { ...LOCKED, anybucket: 'yes', bucket: 'yes' })
})
