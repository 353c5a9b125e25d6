import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertForm } from './alert-form.ts'

test('checked kinds become a list, an empty password is left out', () => {
  const values = { 'kind-disk': 'true', 'kind-ip': 'false', sender: 'a@b', emailPass: '' }
  assert.deepEqual(alertForm(values), { sender: 'a@b', alerts: 'disk' })
})

test('no kind at all is an empty list, a typed password is sent', () => {
  assert.deepEqual(alertForm({ 'kind-ip': 'false', emailPass: 'x' }), {
    emailPass: 'x',
    alerts: '',
  })
})
