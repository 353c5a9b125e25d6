import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formOf, touchedErrors } from './bucket-form-values.ts'

test('a password that is kept is not sent, one that is removed is sent empty', () => {
  const typed = { ramQuotaMB: '100', saslPassword: 'secret' }
  assert.deepEqual(formOf({ ...typed, passwordChange: 'keep' }), { ramQuotaMB: '100' })
  const none = formOf({ ...typed, passwordChange: 'none' })
  assert.deepEqual(none, { ramQuotaMB: '100', saslPassword: '' })
  assert.deepEqual(formOf({ ...typed, passwordChange: 'set' }), typed)
  assert.deepEqual(formOf(typed), typed)
})

test('while a form is filled in, only fields that were touched show an error', () => {
  const errors = { name: 'Bucket name cannot be empty', ramQuotaMB: 'too large' }
  const start = { name: '', ramQuotaMB: '100' }
  assert.deepEqual(touchedErrors(errors, start, { name: '', ramQuotaMB: '99999' }), {
    ramQuotaMB: 'too large',
  })
})
