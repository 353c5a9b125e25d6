import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseSessionOptions } from './options.ts'
import { optionsReference, SESSION_OPTIONS } from './options-table.ts'

const REQUIRED = { memcachedNodes: 'localhost:11311', secret: 's' }
const REFERENCE = new URL('../../../docs/reference/session-options.md', import.meta.url)

test('docs/reference/session-options.md is the table of options', async () => {
  assert.equal(await readFile(REFERENCE, 'utf8'), optionsReference())
})

test('the defaults are the documented ones', () => {
  const sticky = parseSessionOptions(REQUIRED)
  assert.equal(sticky.sticky, true)
  assert.equal(sticky.backupAsync, true)
  assert.equal(sticky.storeFailure, 'degrade')
  assert.equal(sticky.operationTimeoutMs, 2500)
  assert.equal(sticky.backupTimeoutMs, 2500)
  assert.equal(sticky.maxInactiveSeconds, 1800)
  assert.equal(sticky.cookieName, 'connect.sid')
  const nonSticky = parseSessionOptions({ ...REQUIRED, sticky: false })
  assert.equal(nonSticky.backupAsync, false)
  assert.equal(nonSticky.storeFailure, 'fail')
})

test('the cookie’s maxAge is the session’s life unless that is given', () => {
  const cookie = { maxAge: 3_600_500 }
  assert.equal(parseSessionOptions({ ...REQUIRED, cookie }).maxInactiveSeconds, 3601)
  const both = { ...REQUIRED, cookie, maxInactiveInterval: 60 }
  assert.equal(parseSessionOptions(both).maxInactiveSeconds, 60)
})

test('an unknown option is a TypeError that names it and what is allowed', () => {
  assert.throws(() => parseSessionOptions({ ...REQUIRED, resaved: false }), {
    name: 'TypeError',
    message: /unknown session option "resaved"; the options are memcachedNodes, /,
  })
  assert.throws(() => parseSessionOptions({ ...REQUIRED, cookie: { maxage: 1 } }), {
    name: 'TypeError',
    message: /"cookie\.maxage"/,
  })
})

test('each wrong value is a TypeError that names its option', () => {
  const wrong: [string, unknown][] = [
    ['memcachedNodes', ''],
    ['secret', ''],
    ['secret', []],
    ['secret', 5],
    ['sticky', 'yes'],
    ['jvmRoute', 'a b'],
    ['sessionBackupAsync', 1],
    ['sessionBackupTimeout', 0],
    ['operationTimeout', '100'],
    ['storeFailure', 'ignore'],
    ['loadFailure', 'ignore'],
    ['requestUriIgnorePattern', '('],
    ['sessionAttributeFilter', 5],
    ['storageKeyPrefix', 'host'],
    ['storageKeyPrefix', 'static:a:b'],
    ['storageKeyPrefix', 'lock'],
    ['maxInactiveInterval', 1.5],
    ['maxActiveSessions', Number.NaN],
    ['enabled', null],
    ['name', 'a b'],
    ['cookie', 'x'],
    ['key', ''],
    ['hostPrefix', 1],
    ['resave', 1],
    ['unset', 'x'],
    ['proxy', 1],
    ['saveUninitialized', 'x'],
    ['rolling', 'x'],
    ['genid', 'x'],
    ['transcoder', 'xml'],
    ['transcoder', []],
    ['transcoder', ['json', 'json']],
    ['transcoder', { name: 'cbor', encode: () => null, decode: () => null }],
    ['customConverter', {}],
    ['customConverter', [{ name: 'Date', test: String, encode: String, decode: String }]],
    ['customConverter', [{ name: 'Money' }]],
    ['compression', 'lzma'],
    ['compression', { algorithm: 'gzip', threshold: -1 }],
    ['encryption', 'x'],
    ['encryption', { keys: 'x' }],
    ['sessionSizeMax', 0],
    ['mergeAttribute', 'x'],
    ['logger', {}],
    ['failoverNodes', 'n2'],
    ['memcachedProtocol', 'meta'],
    ['username', 'a b'],
    ['password', 'p'],
    ['hostName', 1],
    ['contextName', 1],
    ['webappVersion', 'a:b'],
    ['storeWait', 0],
    ['lockingMode', 'some'],
    ['lockingMode', 'APP'],
    ['lockingMode', 'uriPattern:('],
    ['lockExpiration', 0],
    ['lockHoldMax', 4],
    ['lockWait', -1],
    ['lockTimeout', 'wait'],
    ['readOnlyRequests', 5],
    ['userOf', 5],
    ['sessionsPerUserMax', 5],
    ['sessionsPerUserPolicy', 'endOldest'],
    ['revocationPoll', 5],
    ['enableStatistics', 1],
    ['tracing', 'yes'],
  ]
  for (const [name, value] of wrong) {
    assert.throws(
      () => parseSessionOptions({ ...REQUIRED, [name]: value }),
      (error) =>
        error instanceof TypeError && error.message.includes(name === 'key' ? 'name' : name),
      `${name}: ${String(value)}`,
    )
  }
  const tested = new Set([...wrong.map(([name]) => name), 'route'])
  assert.deepEqual(
    SESSION_OPTIONS.filter(({ name }) => !tested.has(name)),
    [],
  )
})

test('route is another name of jvmRoute', () => {
  assert.equal(parseSessionOptions({ ...REQUIRED, route: 'app1' }).route, 'app1')
  assert.throws(() => parseSessionOptions({ ...REQUIRED, route: 'a', jvmRoute: 'b' }), TypeError)
})

test('sessions without a store need sticky mode', () => {
  assert.throws(
    () => parseSessionOptions({ ...REQUIRED, enabled: false, sticky: false }),
    TypeError,
  )
})

test('a pattern matches the whole text, every time', () => {
  const { ignorePattern } = parseSessionOptions({
    ...REQUIRED,
    requestUriIgnorePattern: /.*\.png/g,
  })
  for (let time = 0; time < 3; time++) assert.equal(ignorePattern?.test('GET /a.png'), true)
  assert.equal(ignorePattern?.test('GET /a.png?v=1'), false)
})

test('the key prefix is the original’s: values joined by a colon, then an underscore', () => {
  const prefix = (storageKeyPrefix: string): string =>
    parseSessionOptions({ ...REQUIRED, storageKeyPrefix }).keyPrefix
  assert.equal(prefix(''), '')
  assert.equal(prefix('static:shop'), 'shop_')
  assert.equal(prefix('shop, static:eu'), 'shop:eu_')
})

test('a password with a blank is refused where it would be sent in text', () => {
  const login = { secret: 's', username: 'ann', password: 'two words' }
  const node = 'localhost:11211'
  assert.throws(
    () => parseSessionOptions({ ...login, memcachedNodes: node }),
    (error) =>
      error instanceof TypeError &&
      /memcachedProtocol "binary"/.test(error.message) &&
      !error.message.includes('two words'),
  )
  const others = [
    { memcachedNodes: node, memcachedProtocol: 'binary' },
    { memcachedNodes: 'http://localhost:8091/pools/default/bucketsStreaming/shop' },
  ]
  for (const other of others) {
    assert.equal(parseSessionOptions({ ...login, ...other }).credentials?.password, 'two words')
  }
})

test('a cookie that browsers would drop is warned of', () => {
  const warnings = (options: object): string[] => {
    const told: string[] = []
    const ignore = (): void => undefined
    const warn = (_fields: object, message: string): void => void told.push(message)
    const logger = { debug: ignore, info: ignore, warn, error: ignore }
    parseSessionOptions({ ...REQUIRED, ...options, logger })
    return told
  }
  const drops = [
    [{ cookie: { sameSite: 'none' } }, /sameSite "none" needs cookie.secure/],
    [{ cookie: { partitioned: true } }, /cookie.partitioned needs/],
    [{ name: '__Secure-sid' }, /the name’s prefix needs/],
  ] as const
  for (const [options, expected] of drops) {
    const [told = ''] = warnings(options)
    assert.match(told, expected)
    for (const secure of [true, 'auto']) {
      assert.deepEqual(
        warnings({
          ...options,
          cookie: { ...('cookie' in options ? options.cookie : {}), secure },
        }),
        [],
      )
    }
  }
  assert.deepEqual(warnings({ cookie: () => ({ sameSite: 'none' }) }), [])
  assert.deepEqual(warnings({ cookie: { sameSite: 'auto' } }), [])
})
