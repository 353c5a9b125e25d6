import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { documentOf } from '../test-support/fixtures.ts'
import { type LoginClaims, readToken, signToken } from './login-token.ts'

const NOW_MS = 1_700_000_000_000
const ADMIN: LoginClaims = {
  ...{ id: 'one', user: 'Administrator', role: 'admin' },
  ...{ expiresAtMs: NOW_MS + 1000, loginEndsAtMs: NOW_MS + 1000 },
}
const READER: LoginClaims = { ...ADMIN, user: 'reader', role: 'reader' }

function documentWithUsers(): ClusterDocument {
  const document = documentOf(2)
  document.admin = { username: 'Administrator', passwordHash: 'scrypt$a$b' }
  document.readOnlyUser = { username: 'reader', passwordHash: 'scrypt$c$d' }
  return document
}

test('any member with the same secret reads what another has signed', () => {
  const document = documentWithUsers()
  for (const claims of [ADMIN, READER]) {
    const token = signToken('login', claims, document)
    assert.deepEqual(readToken('login', token, structuredClone(document), NOW_MS), claims)
  }
})

test('a token is void when its time is over', () => {
  const document = documentWithUsers()
  const token = signToken('login', ADMIN, document)
  assert.ok(readToken('login', token, document, ADMIN.expiresAtMs - 1))
  assert.equal(readToken('login', token, document, ADMIN.expiresAtMs), null)
})

test('a changed password, another name and a removed user void a token', () => {
  const document = documentWithUsers()
  const admin = signToken('login', ADMIN, document)
  const reader = signToken('login', READER, document)
  document.admin = { username: 'Administrator', passwordHash: 'scrypt$a$other' }
  assert.equal(readToken('login', admin, document, NOW_MS), null)
  assert.ok(readToken('login', reader, document, NOW_MS), 'the other user stays logged in')
  document.admin = { username: 'Root', passwordHash: 'scrypt$a$b' }
  assert.equal(readToken('login', admin, document, NOW_MS), null)
  document.readOnlyUser = null
  assert.equal(readToken('login', reader, document, NOW_MS), null)
})

test("another cluster's secret signs nothing that counts here", () => {
  const token = signToken('login', ADMIN, { ...documentWithUsers(), secret: 'of another cluster' })
  assert.equal(readToken('login', token, documentWithUsers(), NOW_MS), null)
})

test('a ticket is no login and a login is no ticket', () => {
  const document = documentWithUsers()
  assert.equal(readToken('login', signToken('ticket', ADMIN, document), document, NOW_MS), null)
  assert.equal(readToken('ticket', signToken('login', ADMIN, document), document, NOW_MS), null)
})

test('what is forged or broken counts nothing', () => {
  const document = documentWithUsers()
  const [payload = '', signature = ''] = signToken('login', READER, document).split('.')
  const claims = JSON.stringify({ ...ADMIN, expiresAtMs: NOW_MS * 2 })
  const forged = Buffer.from(claims).toString('base64url')
  const empty = Buffer.from('{}').toString('base64url')
  for (const token of [
    `${forged}.${signature}`,
    `${payload}.${signature.slice(1)}`,
    `${payload}.${signature}.`,
    ...[payload, '', '.', `.${signature}`, `${empty}.${signature}`, `?.${signature}`],
    `${'a'.repeat(3000)}.${signature}`,
  ]) {
    assert.equal(readToken('login', token, document, NOW_MS), null, token)
  }
})
