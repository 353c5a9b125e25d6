import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isValkeyUrl, parseValkeyUrl } from './valkey-url.ts'

test('a URL names hosts, credentials and options', () => {
  assert.deepEqual(parseValkeyUrl('valkey://one'), {
    addresses: ['one:6379'],
    credentials: undefined,
    tls: undefined,
    flushAllowed: false,
  })
  assert.deepEqual(parseValkeyUrl('redis://u:p%40ss@10.0.0.1:7000,[::1]:7001,h/0?flush=1'), {
    addresses: ['10.0.0.1:7000', '[::1]:7001', 'h:6379'],
    credentials: { username: 'u', password: 'p@ss' },
    tls: undefined,
    flushAllowed: true,
  })
  assert.deepEqual(parseValkeyUrl('valkey://:pw@h').credentials, {
    username: 'default',
    password: 'pw',
  })
})

test('TLS verifies unless told not to', () => {
  assert.deepEqual(parseValkeyUrl('valkeys://h').tls, { rejectUnauthorized: true })
  assert.deepEqual(parseValkeyUrl('rediss://h?insecure=1').tls, { rejectUnauthorized: false })
  assert.throws(() => parseValkeyUrl('valkeys://h?ca=/does/not/exist'), /ENOENT/)
})

test('what is wrong is said, without the password', () => {
  const rows: [url: string, error: RegExp][] = [
    ['memcached://h', /expected valkey:/],
    ['valkey://', /expected valkey:/],
    ['valkey://h:0', /host 1 is not host, host:port/],
    ['valkey://h,,i', /host 2 is not host, host:port/],
    ['valkey://u:secret,h', /host 1 is not host, host:port/],
    ['valkey://h?u:secret@h', /unknown option \(not shown\)/],
    ['valkey://u@h', /a user without a password/],
    ['valkey://u:%zz@h', /badly percent-encoded/],
    ['valkey://u:secret@h/3', /database 3 is not supported/],
    ['valkey://u:secret@h?fast=1', /unknown option fast/],
    ['valkey://u:secret@h?insecure=1', /unknown option insecure/],
    ['valkey://u:secret@h?flush=yes', /flush is 0 or 1/],
  ]
  for (const [url, error] of rows) {
    assert.throws(
      () => parseValkeyUrl(url),
      (thrown: Error) => error.test(thrown.message) && !thrown.message.includes('secret'),
      url,
    )
  }
})

test('a scheme tells it from other backends', () => {
  for (const url of ['valkey://h', 'valkeys://h', 'redis://h', 'rediss://h']) {
    assert.equal(isValkeyUrl(url), true)
  }
  for (const url of ['embedded:dir', 'http://h', '11211=h']) assert.equal(isValkeyUrl(url), false)
})
