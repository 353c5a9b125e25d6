import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeOptionError } from '../options.ts'
import { documentOf } from '../test-support/fixtures.ts'
import { adminAfterLeaving, isLoopback, withFirstAdmin } from './first-admin.ts'

const GIVEN = { username: 'Administrator', passwordHash: 'scrypt$given' }
const PRESENT = { username: 'root', passwordHash: 'scrypt$present' }

test('only addresses of this machine itself are loopback', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    assert.ok(isLoopback(host), host)
  }
  for (const host of ['10.0.0.1', '0.0.0.0', '::', '127.evil.example', 'store1']) {
    assert.ok(!isLoopback(host), host)
  }
})

test('a node on loopback may start without an admin', () => {
  const document = documentOf(1)
  assert.equal(withFirstAdmin(document, null, '127.0.0.1'), document)
})

test('a node that others can reach is refused without an admin, with both ways to give one', () => {
  for (const host of ['10.0.0.1', '0.0.0.0', '::']) {
    assert.throws(
      () => withFirstAdmin(documentOf(1), null, host),
      (error) =>
        error instanceof NodeOptionError &&
        /--admin-password-file .*HOLDFAST_ADMIN_PASSWORD/.test(error.message),
    )
  }
})

test('the admin that is given is set once, and never over one that is there', () => {
  const fresh = withFirstAdmin(documentOf(1), GIVEN, '10.0.0.1')
  assert.deepEqual(fresh.admin, GIVEN)
  assert.equal(fresh.rev, documentOf(1).rev + 1)
  const document = { ...documentOf(1), admin: PRESENT }
  assert.equal(withFirstAdmin(document, GIVEN, '10.0.0.1'), document)
  assert.equal(withFirstAdmin(document, null, '10.0.0.1'), document)
})

test('a removed node that others can reach keeps an admin', () => {
  assert.deepEqual(adminAfterLeaving(PRESENT, null, '10.0.0.1'), PRESENT)
  assert.deepEqual(adminAfterLeaving(PRESENT, GIVEN, '10.0.0.1'), GIVEN)
  assert.equal(adminAfterLeaving(PRESENT, null, '127.0.0.1'), null)
})
