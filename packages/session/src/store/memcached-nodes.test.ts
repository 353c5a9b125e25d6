import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMemcachedNodes } from './memcached-nodes.ts'

test('a bare address is one node without an id', () => {
  assert.deepEqual(parseMemcachedNodes('localhost:11311'), [
    { id: undefined, host: 'localhost', port: 11311 },
  ])
})

test('a list is separated by spaces or commas', () => {
  assert.deepEqual(parseMemcachedNodes(' n1:host1:11211,n2:10.0.0.2:11212  n3:[::1]:11213 '), [
    { id: 'n1', host: 'host1', port: 11211 },
    { id: 'n2', host: '10.0.0.2', port: 11212 },
    { id: 'n3', host: '::1', port: 11213 },
  ])
})

test('each mistake says what and where', () => {
  const mistakes: [unknown, RegExp][] = [
    [undefined, /memcachedNodes is required/],
    [' ', /memcachedNodes is required/],
    [',', /no node found/],
    ['localhost', /"localhost" at position 0 .* neither <id>:<host>:<port> nor <host>:<port>/],
    ['n1:a:1 n2:b', /"n2:b" at position 7/],
    ['n1:a:70000', /port outside 1-65535/],
    [`${'n'.repeat(16)}:a:1`, /neither/],
    ['n-1:a:1', /"n-1:a:1" at position 0/],
    ['n1:a:1 b:2', /"b:2" in .* needs an id/],
    ['n1:a:1,n1:b:2', /node id "n1" appears twice/],
    ['redis://localhost:6379', /a URL at position 0 is not supported/],
  ]
  for (const [text, message] of mistakes) {
    assert.throws(() => parseMemcachedNodes(text), { name: 'TypeError', message })
  }
})

test('a password in a mistyped URL does not reach the message', () => {
  for (const text of ['http://u:secret@h/p', 'n1:a:1 x//u:secret@h']) {
    assert.throws(
      () => parseMemcachedNodes(text),
      (error) => error instanceof TypeError && !error.message.includes('secret'),
    )
  }
})
