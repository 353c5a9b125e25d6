import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RestError } from './rest-error.ts'

const told = (status: number, body: unknown) => {
  const { message, fields } = new RestError(status, body)
  return { message, fields }
}

test('errors by field keep their fields', () => {
  const fields = { name: 'Bucket name cannot be empty' }
  assert.deepEqual(told(400, { errors: fields, summaries: {} }), { message: fields.name, fields })
  assert.deepEqual(told(400, { name: 'already exists' }), {
    message: 'already exists',
    fields: { name: 'already exists' },
  })
})

test('lists and sentences are messages', () => {
  assert.equal(told(400, ['one.', 'two.']).message, 'one. two.')
  assert.equal(told(400, 'Unknown server given.\n').message, 'Unknown server given.')
  assert.equal(told(404, '"no read-only user"').message, 'no read-only user')
  assert.equal(told(403, { message: 'Forbidden.' }).message, 'Forbidden.')
  assert.equal(told(400, { _: 'group is not empty' }).message, 'group is not empty')
  assert.equal(told(400, { error: "Couldn't send email" }).message, "Couldn't send email")
})

test('codes become sentences and no fields', () => {
  assert.match(told(400, { mismatch: 1 }).message, /list of nodes has changed/)
  assert.match(told(400, { unknownNodes: ['ns_9@x'] }).message, /no longer a member/)
  assert.deepEqual(told(400, { mismatch: 1 }).fields, {})
})

test('an empty body is told by its status', () => {
  assert.match(told(401, '').message, /login has ended/)
  assert.match(told(418, '').message, /418/)
  assert.equal(RestError.of(new TypeError('fetch failed')).message, 'The node does not answer.')
})
