import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigFileError, parseConfigText } from './config-file.ts'
import { anonymousBucketName, type ProxyConfig } from './proxy-config.ts'

const FILES: Record<string, string> = { '/run/secret': 's3cret\n' }

const surroundings = {
  environment: { BUCKET_PASSWORD: 'pa55' },
  readFile: (path: string): string => FILES[path] ?? assert.fail(path),
}

function parse(text: string): ProxyConfig {
  return parseConfigText(text, 'proxy.yaml', surroundings)
}

function refused(text: string): string {
  let message = ''
  assert.throws(
    () => parse(text),
    (error: unknown) => {
      assert.ok(error instanceof ConfigFileError)
      message = error.message
      return true
    },
  )
  return message
}

const SMALL = `
listeners:
  - port: 11211
backends:
  cache: { type: memcached, servers: ["10.0.0.1", "10.0.0.2:11212:2"] }
buckets:
  default: { use: cache }
`

test('a small file is completed with defaults', () => {
  const config = parse(SMALL)
  assert.equal(config.listeners[0]?.host, '127.0.0.1')
  assert.equal(config.listeners[0]?.protocol, 'auto')
  assert.equal(config.limits.operationTimeoutMs, 5000)
  assert.equal(config.workers, 1)
  assert.deepEqual(config.backends.cache, {
    type: 'memcached',
    servers: ['10.0.0.1', '10.0.0.2:11212:2'],
    distribution: 'ketama-weighted',
    protocol: 'text',
    connectionsPerServer: 1,
    ejectDead: false,
  })
})

test('JSON is read as well', () => {
  const text = JSON.stringify({
    listeners: [{ socket: '/run/proxy.sock' }],
    backends: { local: { type: 'embedded', folder: '/data' } },
    buckets: { default: { use: 'local' } },
  })
  assert.equal(parse(text).listeners[0]?.socketMask, '0700')
})

test('passwords come from a file or the environment', () => {
  const config = parse(`${SMALL}
  other: { use: cache, passwordEnvironment: BUCKET_PASSWORD }
users:
  app: { bucket: other, passwordFile: /run/secret }
`)
  assert.equal(config.buckets.other?.password, 'pa55')
  assert.equal(config.users.app?.password, 's3cret')
})

test('an error names file, line, path and what was expected', () => {
  const cases: [string, RegExp][] = [
    [SMALL.replace('11211', 'soon'), /^proxy\.yaml:3:5: listeners\.0\.port: expected number/],
    [SMALL.replace('port:', 'prot:'), /^proxy\.yaml:3:5: listeners\.0\.prot: no such setting/],
    [
      SMALL.replace('use: cache', 'use: x'),
      /^proxy\.yaml:7:14: buckets\.default\.use: there is no/,
    ],
    [SMALL.replace('memcached', 'mongo'), /^proxy\.yaml:5:\d+: backends\.cache\.type: /],
    [`${SMALL}limits: { connectionsMax: 0 }`, /^proxy\.yaml:8:11: limits\.connectionsMax: .*>=1/],
    [`${SMALL}  bad: [`, /^proxy\.yaml:\d+:\d+: /],
    ['listeners: [{ port: 1 }]', /^proxy\.yaml:1:1: buckets: expected at least one bucket/],
    [
      `${SMALL}users: { a: { bucket: default } }`,
      /^proxy\.yaml:8:10: users\.a: expected a password/,
    ],
    ['', /^proxy\.yaml:1:1: expected object/],
  ]
  for (const [text, expected] of cases) assert.match(refused(text), expected, text)
})

test('a password that cannot be had is an error at its place, without showing others', () => {
  const message = refused(`${SMALL}
  other: { use: cache, passwordEnvironment: NOWHERE }
  third: { use: cache, password: visible }
`)
  assert.match(message, /^proxy\.yaml:9:24: buckets\.other\.passwordEnvironment: .*no NOWHERE$/)
  assert.ok(!message.includes('visible'))
})

test('all that is wrong is told at once', () => {
  const message = refused(SMALL.replace('11211', '-1').replace('memcached', 'memcache'))
  assert.equal(message.split('\n').length, 2)
})

test('connections that have not logged in use default, or the only bucket', () => {
  const config = parse(SMALL)
  const [listener] = config.listeners
  assert.ok(listener)
  assert.equal(anonymousBucketName(config, listener), 'default')
  const only = parse(SMALL.replace('default:', 'only:'))
  assert.equal(anonymousBucketName(only, listener), 'only')
  assert.equal(anonymousBucketName(config, { ...listener, bucket: null }), undefined)
})

test('what fuzzing found is refused: aliases without end, names that every object has', () => {
  const many = Array.from({ length: 20 }, () => '*a').join(', ')
  const bomb = `a: &a [x, x]\nb: &b [${many}]\nc: &c [${many.replaceAll('a', 'b')}]\n`
  assert.match(
    refused(`${SMALL}${bomb}d: [${many.replaceAll('a', 'c')}]\n`),
    /^proxy.yaml:1:1: .*alias/,
  )
  const named = SMALL.replace('{ use: cache }', '{ use: constructor }')
  assert.match(refused(named), /buckets.default.use: expected another name/)
  const routed = `${SMALL.replace('use: cache', 'use: r')}routes:\n  r: { type: failover, pools: [cache, toString] }\n`
  assert.match(refused(routed), /there is no backend or route toString/)
})
