import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ProxyCommand, parseProxyArguments } from './arguments.ts'
import type { ProxyConfig } from './proxy-config.ts'

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

function commandOf(
  argv: readonly string[],
  around: ReturnType<typeof surroundings> = surroundings(),
): ProxyCommand & { warnings: string[] } {
  const parsed = parseProxyArguments(argv, around)
  assert.ok(parsed.kind === 'run', JSON.stringify(parsed))
  return { ...parsed.command, warnings: parsed.warnings }
}

function run(...argv: string[]): ProxyConfig {
  return commandOf(argv).config
}

function storeOf(config: ProxyConfig, name = 'default') {
  const backend = config.backends[name]
  assert.ok(backend?.type === 'store', JSON.stringify(config.backends))
  return backend
}

describe('a dynamic configuration', () => {
  test('the command line of the 2011 set-up', () => {
    const config = run('-Z', 'port_listen=11311', `http://10.0.0.1:8091${STREAM}`)
    const [listener] = config.listeners
    assert.equal(listener?.host, '127.0.0.1')
    assert.equal(listener?.port, 11311)
    assert.deepEqual(config.backends, {
      default: { type: 'store', urls: [`http://10.0.0.1:8091${STREAM}`] },
    })
    assert.deepEqual(config.buckets, { default: { use: 'default' } })
    assert.equal(config.limits.operationTimeoutMs, 5000)
    assert.equal(config.limits.connectTimeoutMs, 400)
    assert.equal(config.limits.connectionsMax, 10_000)
    assert.equal(config.limits.outstandingMax, 1024)
    assert.equal(config.workers, 1)
  })

  test("the store node's own command line for its gateway", () => {
    const { config, stopWithStdin, warnings } = commandOf(
      [
        '-Z',
        'port_listen=11211,default_bucket_name=default,downstream_max=1024,downstream_conn_max=4,connect_max_errors=5,connect_retry_interval=30000,connect_timeout=400,auth_timeout=100,cycle=200,downstream_conn_queue_timeout=200,downstream_timeout=5000,wait_queue_timeout=200',
        '-z',
        'url=http://127.0.0.1:8091/pools/default/saslBucketsStreaming',
        ...['-p', '0', '-Y', 'y', '-O', 'stderr'],
      ],
      surroundings({}, { MOXI_SASL_PLAIN_USR: 'Administrator', MOXI_SASL_PLAIN_PWD: 'secret' }),
    )
    assert.deepEqual(warnings, [])
    assert.equal(config.listeners[0]?.port, 11211)
    assert.equal(stopWithStdin, true)
    assert.deepEqual(config.gateways, [
      {
        urls: ['http://127.0.0.1:8091/pools/default/saslBucketsStreaming'],
        username: 'Administrator',
        password: 'secret',
        defaultBucket: 'default',
        first: false,
      },
    ])
    assert.deepEqual(config.buckets, {})
  })

  test('every form of a URL list is read whole', () => {
    const urls = [`http://a:8091${STREAM}`, `http://b:8091${STREAM}`]
    for (const text of [
      `url=${urls[0]}|${urls[1]}`,
      `url=${urls[0]},${urls[1]}`,
      urls.join(','),
      `host=${urls[0]},url=${urls[1]}`,
      `config=x,${urls.join('|')},dbpath=/y`,
      'http://a:8091,http://b:8091/',
    ]) {
      assert.deepEqual(storeOf(run('-z', text)).urls, urls, text)
    }
    assert.deepEqual(storeOf(run('-z', 'https://a:18091')).urls, [`https://a:18091${STREAM}`])
    assert.deepEqual(storeOf(run('u:p@a:8091')).urls, [`http://u:p@a:8091${STREAM}`])
  })

  test('sections are separate sources, named by their URLs', () => {
    const config = run(
      '-z',
      'http://a:1/pools/default/bucketsStreaming/one;auth=u%p,url=http://b:1/pools/default/bucketsStreaming/two',
    )
    assert.deepEqual(Object.keys(config.buckets), ['one', 'two'])
    assert.equal(storeOf(config, 'one').username, undefined)
    assert.equal(storeOf(config, 'two').username, 'u')
    assert.equal(config.listeners.length, 1)
  })

  test('credentials come from -Z, from auth= and from the environment', () => {
    const url = 'http://a:8091/'
    assert.equal(storeOf(run('-Z', 'usr=u,pwd=p', url)).password, 'p')
    assert.equal(storeOf(run('-z', `auth=u%p%q,url=${url}`)).password, 'p%q')
    assert.equal(storeOf(run('-z', `apikey=u%p,url=${url}`)).username, 'u')
    const environment = { MOXI_SASL_PLAIN_USR: 'e', MOXI_SASL_PLAIN_PWD: 'f' }
    const { config } = commandOf([url], surroundings({}, environment))
    assert.equal(storeOf(config).username, 'e')
    assert.equal(storeOf(config).password, 'f')
    const token = surroundings({}, { HOLDFAST_PROXY_TOKEN: 't' })
    assert.equal(storeOf(commandOf([url], token).config).username, '@proxy')
    assert.equal(storeOf(commandOf([url], token).config).password, 't')
    const both = surroundings({}, { HOLDFAST_PROXY_TOKEN: 't', ...environment })
    assert.equal(storeOf(commandOf([url], both).config).username, 'e')
  })

  test('default_bucket_name is the bucket without login, or means that one is needed', () => {
    const url = 'http://a:1/pools/default/bucketsStreaming/shop'
    assert.equal(run(url).listeners[0]?.bucket, undefined)
    assert.equal(run('-Z', 'default_bucket_name=shop', url).listeners[0]?.bucket, 'shop')
    assert.equal(run('-Z', 'default_bucket_name=other', url).listeners[0]?.bucket, null)
    const gateway = 'http://a:1/pools/default/saslBucketsStreaming'
    assert.equal(run(gateway).gateways[0]?.first, false)
    const first = run('-Z', 'default_bucket_name=[ <FIRST_BUCKET> ]', gateway)
    assert.equal(first.gateways[0]?.first, true)
  })
})

describe('a static configuration', () => {
  test('each port has its servers; the first bucket is default', () => {
    const config = run(
      '-Z',
      'mcs_opts=distribution:modula,downstream_protocol=ascii,downstream_conn_max=4',
      '-z',
      '11311 = 10.0.0.1, 10.0.0.2:11212:2 ; 11312=[::1]:11211',
    )
    assert.deepEqual(
      config.listeners.map(({ port, bucket }) => [port, bucket]),
      [
        [11311, 'default'],
        [11312, 'default-11312'],
      ],
    )
    assert.deepEqual(config.backends.default, {
      type: 'memcached',
      servers: ['10.0.0.1', '10.0.0.2:11212:2'],
      distribution: 'modula',
      protocol: 'text',
      connectionsPerServer: 4,
      ejectDead: false,
    })
  })

  test('a map is read as JSON, semicolons and all', () => {
    const config = {
      name: 'a;b}',
      vBucketServerMap: {
        hashAlgorithm: 'CRC',
        numReplicas: 0,
        serverList: ['h:1'],
        vBucketMap: [[0], [0]],
      },
    }
    const read = run('-Z', 'usr=u,pwd=p', '-z', `11311=${JSON.stringify(config)};11312=h`)
    assert.deepEqual(read.backends.default, { type: 'map', config, username: 'u', password: 'p' })
    assert.equal(read.listeners[1]?.port, 11312)
  })

  test('valkey and embedded stores are named by their URLs', () => {
    const url = 'valkey://u:p@h:6379,h:6380'
    assert.deepEqual(run(url).backends.default, { type: 'valkey', url })
    assert.deepEqual(run('embedded:/x').backends.default, { type: 'embedded', folder: '/x' })
  })
})

test('flags take their argument apart or attached, by short or long name', () => {
  const config = run('-l0.0.0.0', '-c', '5', '--http-port=9', '-vv', '-t', '3', 'http://a:8091')
  assert.equal(config.listeners[0]?.host, '0.0.0.0')
  assert.equal(config.limits.connectionsMax, 5)
  assert.equal(config.http.port, 9)
  assert.equal(config.log.level, 'trace')
  assert.equal(config.workers, 3)
  assert.equal(run('-l', '0.0.0.0:7', 'http://a:8091').listeners[0]?.port, 7)
  assert.equal(run('-l', '::1', 'http://a:8091').listeners[0]?.host, '::1')
  assert.equal(run('--listen=[::1]:8', 'http://a:8091').listeners[0]?.host, '::1')
  const socket = run('-s', '/run/p.sock', '-a', '0770', '-B', 'binary', 'http://a:8091')
  assert.equal(socket.listeners[0]?.socket, '/run/p.sock')
  assert.equal(socket.listeners[0]?.socketMask, '0770')
  assert.equal(socket.listeners[0]?.protocol, 'binary')
  const inFrontOfPool = run('-s', '/run/p.sock', '-z', '11311=10.0.0.1')
  assert.equal(inFrontOfPool.listeners[0]?.socket, '/run/p.sock')
  assert.equal(inFrontOfPool.listeners[0]?.port, undefined)
  assert.throws(() => run('-s', '/run/p.sock', '-z', '1=a;2=b'), /-s needs one listener/)
  const daemon = commandOf(['-d', '-P', '/run/p.pid', '-O', '/log', '-u', 'nobody', 'http://a:1'])
  assert.equal(daemon.daemonize, true)
  assert.equal(daemon.pidFile, '/run/p.pid')
  assert.equal(daemon.user, 'nobody')
  assert.equal(daemon.config.log.file, '/log')
})

test('synonyms and 0 for unlimited', () => {
  const { limits } = run('-Z', 'timeout=0,concurrency=0,connect_timeout=0', 'http://a:8091')
  assert.equal(limits.operationTimeoutMs, 600_000)
  assert.equal(limits.outstandingMax, 65_536)
  assert.equal(limits.connectTimeoutMs, 10_000)
  const short = run('-Z', 'downstream_conn_timeout=70', 'http://a:8091')
  assert.equal(short.limits.operationTimeoutMs, 70)
})

test('-z and -Z may name files', () => {
  const files = { './z': 'url=http://a:8091\n', '/Z': '# a comment\nport_listen=5\n#x=1,usr=u' }
  const { config, warnings } = commandOf(['-z', './z', '-Z', '/Z'], surroundings(files))
  assert.deepEqual(storeOf(config).urls, [`http://a:8091${STREAM}`])
  assert.equal(config.listeners[0]?.port, 5)
  assert.deepEqual(warnings, [])
})

test('an unknown setting is reported in the original words and the start goes on', () => {
  const { warnings } = commandOf(['-Z', 'colour=red,pasword=x', 'http://a:8091'])
  assert.deepEqual(warnings, [
    'ERROR: config error in key: colour value: red',
    'ERROR: config error in key: pasword value: (hidden)',
  ])
})

test('a setting that is ignored is said to be, with the reason, unless it changes nothing', () => {
  const { warnings } = commandOf(['-Z', 'front_cache_lifespan=5,cycle=200', 'http://a:8091'])
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /^setting front_cache_lifespan ignored: .*not coherent/)
})

test('errors stop the start, in the original words', () => {
  const cases: [string[], string][] = [
    [[], 'ERROR: need cluster configuration. See usage (-h).'],
    [['-Z', 'port_listen', 'http://a'], 'bad moxi config, missing ='],
    [['-z', '=a'], 'missing proxy port'],
    [['-z', 'somewhere'], 'ERROR: missing -z configuration for url/host'],
    [['http://a/pools/default/buckets/%zz'], 'ERROR: the bucket name %zz is badly percent-encoded'],
    [['-z', './no'], 'ERROR: could not read cfg file: ./no'],
    [['-Z', './no', 'http://a'], 'ERROR: could not read behavior file: ./no'],
    [['-Z', 'downstream_max=x', 'http://a'], 'ERROR: config error in key: downstream_max value: x'],
    [['-Z', 'port_listen=70000', 'http://a'], 'ERROR: port_listen needs a port, not 70000'],
    [['-q', 'http://a'], 'ERROR: unknown flag -q'],
    [['-c', '0', 'http://a'], 'ERROR: -c needs a number above 0, not 0'],
    [['-c'], 'ERROR: flag -c needs an argument'],
    [['embedded:'], 'ERROR: embedded: needs a folder'],
    [['-t', '2', 'embedded:x'], 'ERROR: -t needs 1, as there is an embedded store'],
    [['--config', 'f', '-l', 'x'], 'ERROR: --config and -l exclude each other'],
    [['-z', '1=a;1=b'], 'ERROR: bad moxi config, port 1 is given twice'],
    [
      ['-X', 'http://a'],
      'ERROR: flag -X is not supported: a client that names the server would get past the logins of the buckets',
    ],
  ]
  for (const [argv, message] of cases) {
    assert.deepEqual(parseProxyArguments(argv, surroundings()), { kind: 'error', message })
  }
})

test('a message never holds a password', () => {
  for (const text of ['http://ok:1,ftp://u:secret@h', 'http://ok:1,u:secret@']) {
    const parsed = parseProxyArguments(['-z', text], surroundings())
    assert.ok(parsed.kind === 'error')
    assert.ok(!parsed.message.includes('secret'), parsed.message)
  }
})

test('help and version are asked for', () => {
  assert.deepEqual(parseProxyArguments(['-h'], surroundings()), { kind: 'help' })
  assert.deepEqual(parseProxyArguments(['--version'], surroundings()), { kind: 'version' })
})

describe('a configuration file', () => {
  const text =
    'listeners: [{port: 5}]\nbackends: {s: {type: embedded, folder: /x}}\nbuckets: {default: {use: s}}\n'

  test('is read, checked, and followed; flags of the process hold beside it', () => {
    const around = surroundings({ 'p.yaml': text })
    const command = commandOf(['--config', 'p.yaml', '-v', '-O', '/log'], around)
    assert.equal(command.configFile, 'p.yaml')
    assert.equal(command.config.listeners[0]?.port, 5)
    assert.equal(command.config.log.level, 'debug')
    assert.equal(command.load().log.file, '/log')
    const checked = parseProxyArguments(['--check-config', 'p.yaml'], around)
    assert.deepEqual(checked, { kind: 'checked', path: 'p.yaml' })
  })

  test('that is bad is an error with the line', () => {
    const around = surroundings({ 'p.yaml': text.replace('5', 'five') })
    const parsed = parseProxyArguments(['--check-config', 'p.yaml'], around)
    assert.ok(parsed.kind === 'error')
    assert.match(parsed.message, /^p\.yaml:1:14: listeners\.0\.port: expected number/)
    const missing = parseProxyArguments(['--config', 'q.yaml'], around)
    assert.ok(missing.kind === 'error')
    assert.match(missing.message, /^could not read configuration file q\.yaml/)
  })

  test('may be named by the environment, over which the command line goes', () => {
    const environment = { HOLDFAST_PROXY_CONFIG: 'p.yaml', HOLDFAST_PROXY_LOG_LEVEL: 'warn' }
    const around = surroundings({ 'p.yaml': text }, environment)
    assert.equal(commandOf([], around).config.log.level, 'warn')
    const { configFile, config } = commandOf(['http://a:1'], around)
    assert.equal(configFile, undefined)
    assert.equal(storeOf(config).urls.length, 1)
  })
})

test('options may come from the environment', () => {
  const environment = {
    HOLDFAST_PROXY_CLUSTER: 'http://a:8091',
    HOLDFAST_PROXY_PORT: '7',
    HOLDFAST_PROXY_WORKERS: '2',
    HOLDFAST_PROXY_DAEMON: '1',
  }
  const { config, daemonize } = commandOf(['--port', '8'], surroundings({}, environment))
  assert.equal(config.listeners[0]?.port, 8)
  assert.equal(config.workers, 2)
  assert.equal(daemonize, true)
})
