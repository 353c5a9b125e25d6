import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ProxyRunOptions, parseProxyArguments } from './arguments.ts'

const STREAM = '/pools/default/bucketsStreaming/default'

function surroundings(
  files: Record<string, string> = {},
  environment: Record<string, string> = {},
): Parameters<typeof parseProxyArguments>[1] {
  return {
    environment,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('ENOENT')
      return text
    },
  }
}

function run(...argv: string[]): ProxyRunOptions {
  const parsed = parseProxyArguments(argv, surroundings())
  assert.equal(parsed.kind, 'run', JSON.stringify(parsed))
  return parsed.kind === 'run' ? parsed.options : assert.fail()
}

test('the command line of the 2011 set-up', () => {
  const options = run('-Z', 'port_listen=11311', `http://10.0.0.1:8091${STREAM}`)
  assert.deepEqual(options, {
    host: '127.0.0.1',
    port: 11311,
    httpPort: undefined,
    urls: [`http://10.0.0.1:8091${STREAM}`],
    credentials: undefined,
    operationTimeoutMs: 5000,
    connectTimeoutMs: 400,
    connectionsMax: 10_000,
    outstandingMax: 1024,
    verbosity: 0,
    stopWithStdin: false,
  })
})

test("the store node's own command line for its gateway", () => {
  const options = run(
    '-Z',
    'port_listen=11211,default_bucket_name=default,downstream_max=1024,downstream_conn_max=4,connect_max_errors=5,connect_retry_interval=30000,connect_timeout=400,auth_timeout=100,cycle=200,downstream_conn_queue_timeout=200,downstream_timeout=5000,wait_queue_timeout=200',
    '-z',
    'url=http://127.0.0.1:8091/pools/default/saslBucketsStreaming',
    ...['-p', '0', '-Y', 'y', '-O', 'stderr'],
  )
  assert.equal(options.port, 11211)
  assert.equal(options.stopWithStdin, true)
  assert.deepEqual(options.urls, ['http://127.0.0.1:8091/pools/default/saslBucketsStreaming'])
})

test('every form of a URL list is read whole', () => {
  const urls = [`http://a:8091${STREAM}`, `http://b:8091${STREAM}`]
  for (const text of [
    `url=${urls[0]}|${urls[1]}`,
    `url=${urls[0]},${urls[1]}`,
    urls.join(','),
    `host=${urls[0]},url=${urls[1]}`,
    'http://a:8091,http://b:8091/',
  ]) {
    assert.deepEqual(run('-z', text).urls, urls, text)
  }
})

test('credentials come from -Z, from auth= and from the environment', () => {
  const url = 'http://a:8091/'
  assert.deepEqual(run('-Z', 'usr=u,pwd=p', url).credentials, { username: 'u', password: 'p' })
  assert.deepEqual(run('-z', `auth=u%p,url=${url}`).credentials, { username: 'u', password: 'p' })
  const environment = { MOXI_SASL_PLAIN_USR: 'e', MOXI_SASL_PLAIN_PWD: 'f' }
  const parsed = parseProxyArguments([url], surroundings({}, environment))
  assert.ok(parsed.kind === 'run')
  assert.deepEqual(parsed.options.credentials, { username: 'e', password: 'f' })
})

test('flags take their argument apart or attached', () => {
  const options = run('-l0.0.0.0', '-c', '5', '--http-port=9', '-vv', 'http://a:8091')
  assert.equal(options.host, '0.0.0.0')
  assert.equal(options.connectionsMax, 5)
  assert.equal(options.httpPort, 9)
  assert.equal(options.verbosity, 2)
  assert.equal(run('-l', '0.0.0.0:7', 'http://a:8091').port, 7)
  assert.equal(run('-l', '::1', 'http://a:8091').host, '::1')
})

test('synonyms and 0 for unlimited', () => {
  const options = run('-Z', 'timeout=0,concurrency=0,connect_timeout=0', 'http://a:8091')
  assert.equal(options.operationTimeoutMs, 600_000)
  assert.equal(options.outstandingMax, 65_536)
  assert.equal(options.connectTimeoutMs, 10_000)
  assert.equal(run('-Z', 'downstream_conn_timeout=70', 'http://a:8091').operationTimeoutMs, 70)
})

test('-z and -Z may name files', () => {
  const files = { './z': 'url=http://a:8091\n', '/Z': '# a comment\nport_listen=5\n#x=1,usr=u' }
  const parsed = parseProxyArguments(['-z', './z', '-Z', '/Z'], surroundings(files))
  assert.ok(parsed.kind === 'run')
  assert.deepEqual(parsed.options.urls, [`http://a:8091${STREAM}`])
  assert.equal(parsed.options.port, 5)
  assert.deepEqual(parsed.warnings, [])
})

test('an unknown setting is reported in the original words and the start goes on', () => {
  const parsed = parseProxyArguments(['-Z', 'colour=red', 'http://a:8091'], surroundings())
  assert.ok(parsed.kind === 'run')
  assert.deepEqual(parsed.warnings, ['ERROR: config error in key: colour value: red'])
})

test('errors stop the start, in the original words', () => {
  const cases: [string[], string][] = [
    [[], 'ERROR: need cluster configuration. See usage (-h).'],
    [['-Z', 'port_listen', 'http://a'], 'bad moxi config, missing ='],
    [['-z', 'somewhere'], 'ERROR: missing -z configuration for url/host'],
    [['-z', './no'], 'ERROR: could not read cfg file: ./no'],
    [['-Z', './no', 'http://a'], 'ERROR: could not read behavior file: ./no'],
    [['-Z', 'downstream_max=x', 'http://a'], 'ERROR: config error in key: downstream_max value: x'],
    [['-Z', 'port_listen=70000', 'http://a'], 'ERROR: port_listen needs a port, not 70000'],
    [['-q', 'http://a'], 'ERROR: unknown flag -q'],
    [['-c', '0', 'http://a'], 'ERROR: -c needs a number above 0, not 0'],
    [['-c'], 'ERROR: flag -c needs an argument'],
    [['-d', 'http://a'], 'ERROR: flag -d is not supported: run it under a supervisor instead'],
    [['embedded:'], 'ERROR: embedded: needs a folder'],
  ]
  for (const [argv, message] of cases) {
    assert.deepEqual(parseProxyArguments(argv, surroundings()), { kind: 'error', message })
  }
})

test('a message never holds a password', () => {
  const parsed = parseProxyArguments(['-z', 'http://ok:1,ftp://u:secret@h'], surroundings())
  assert.ok(parsed.kind === 'error')
  assert.ok(!parsed.message.includes('secret'), parsed.message)
})

test('embedded: names a folder, help and version are asked for', () => {
  assert.deepEqual(run('embedded:/tmp/x').urls, ['embedded:/tmp/x'])
  assert.deepEqual(parseProxyArguments(['-h'], surroundings()), { kind: 'help' })
  assert.deepEqual(parseProxyArguments(['-i'], surroundings()), { kind: 'version' })
})
