import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMemcachedNodes, parseStoreTargets } from './memcached-nodes.ts'

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
    ['ftp://localhost:21', /URL at position 0 begins with ftp: .* are known/],
    ['redis://localhost:6379/7', /memcachedNodes: bad valkey url: database 7 is not supported/],
    ['redis://a:1 redis://b:2', /memcachedNodes: bad valkey url/],
    ['http://a:8091/pools,n1:b:1', /either bucket URLs or nodes/],
    ['http://u:secret@a:8091/pools', /URL at position 0 holds credentials/],
    ['http://', /URL at position 0 is not a URL/],
  ]
  for (const [text, message] of mistakes) {
    assert.throws(() => parseMemcachedNodes(text), { name: 'TypeError', message })
  }
})

test('a password in a mistyped URL does not reach the message', () => {
  for (const text of ['http://u:secret@h/p', 'n1:a:1 x//u:secret@h', 'redis://u:secret@h:x']) {
    assert.throws(
      () => parseMemcachedNodes(text),
      (error) => error instanceof TypeError && !error.message.includes('secret'),
    )
  }
})

test('bucket URLs are one node without an id', () => {
  const stream = '/pools/default/bucketsStreaming/shop'
  assert.deepEqual(parseMemcachedNodes(`http://a:8091${stream}, http://[::1]:8091${stream}`), [
    { id: undefined, urls: [`http://a:8091${stream}`, `http://[::1]:8091${stream}`] },
  ])
})

test('a bucket URL without a bucket means the one of the username, as in the original', () => {
  const urlsOf = (username?: string): unknown =>
    parseMemcachedNodes('http://a:8091/pools', username)
  const expected = (name: string): unknown => [
    { id: undefined, urls: [`http://a:8091/pools/default/bucketsStreaming/${name}`] },
  ]
  assert.deepEqual(urlsOf('my shop'), expected('my%20shop'))
  assert.deepEqual(urlsOf(), expected('default'))
})

test('a redis URL is one node without an id', () => {
  for (const valkeyUrl of ['redis://localhost', 'rediss://u:p%40@a:6379,b:6380', 'valkey://a:1']) {
    assert.deepEqual(parseMemcachedNodes(` ${valkeyUrl} `), [{ id: undefined, valkeyUrl }])
  }
})

test('failover nodes are some of the nodes', () => {
  const of = (memcachedNodes: string, failoverNodes: unknown): string[] =>
    parseStoreTargets({ memcachedNodes, failoverNodes }).failoverIds
  const nodes = 'n1:a:1 n2:b:1 n3:c:1'
  assert.deepEqual(of(nodes, undefined), [])
  assert.deepEqual(of(nodes, ' n3, n1'), ['n3', 'n1'])
  assert.throws(() => of(nodes, 'n4'), /failoverNodes: memcachedNodes has no node "n4"/)
  assert.throws(() => of(nodes, 'n1 n2 n3'), /names all nodes/)
  assert.throws(() => of('n1:a:1', 'n1'), /needs several nodes/)
  assert.throws(() => of('http://a:8091/pools', 'n1'), /needs several nodes/)
  assert.throws(() => of(nodes, 5), /must be a string/)
})
