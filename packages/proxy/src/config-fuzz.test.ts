import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedText, fuzz } from '@holdfast/protocol/testing'
import fc from 'fast-check'
import { ArgumentError } from './argument-error.ts'
import { parseProxyArguments } from './arguments.ts'
import { parseCluster } from './arguments-cluster.ts'
import { parseSettings } from './arguments-settings.ts'
import { ConfigFileError, type ConfigSurroundings, parseConfigText } from './config-file.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { PROXY_FLAGS } from './proxy-flags.ts'
import { PROXY_SETTINGS } from './proxy-settings.ts'

const SECRET = 'secret-word'
const STREAM_URL = 'http://10.0.0.1:8091/pools/default/bucketsStreaming/default'
const CLUSTERS = [
  ...[
    STREAM_URL,
    `${STREAM_URL},http://b:8091/`,
    `url=${STREAM_URL}|http://b`,
    `auth=u%${SECRET},url=${STREAM_URL}`,
  ],
  ...[`http://u:${SECRET}@h:8091/`, '11311=a:11211,b:11212:2;11312=[::1]', 'embedded:/tmp/x'],
  ...['11311={"vBucketServerMap":{"serverList":["a:1"],"numReplicas":0,"vBucketMap":[[0]]}}'],
  ...[`valkey://u:${SECRET}@h:6379,i:6380/0`, `apikey=u%${SECRET},host=http://h:8091`, './cluster'],
]
const CONFIG = `
listeners:
  - port: 11211
  - { socket: /tmp/s, socketMask: "0700", bucket: cache }
backends:
  pool: &pool { type: memcached, servers: ["10.0.0.1", "10.0.0.2:11212:2"], protocol: binary, username: u, password: ${SECRET} }
  store: { type: store, urls: [${STREAM_URL}] }
  own: { type: valkey, url: "valkey://u:${SECRET}@h:6379" }
  disk: { type: embedded, folder: /tmp/x }
routes:
  both: { type: failover, pools: [pool, own] }
buckets:
  default: { use: both }
  cache: { use: disk, passwordEnvironment: SECRET }
users:
  me: { bucket: cache, passwordFile: /run/secret }
limits: { operationTimeoutMs: 5000, valueBytesMax: 1048576 }
log: { level: info, slowMs: 250 }
`
const SMALL = `{ "listeners": [{ "port": 0 }], "backends": { "a": { "type": "map", "config":
  { "vBucketServerMap": { "serverList": ["a:1"], "numReplicas": 0, "vBucketMap": [[0]] } } } },
  "buckets": { "default": { "use": "a" } } }`
/** What YAML can do beyond what a configuration needs. */
const TRAPS = [
  ...['use: constructor', 'use: __proto__', '__proto__: { use: pool }', 'constructor: 1'],
  ...['a: &a [*a, *a]', 'workers: .nan', 'workers: 1e400', '? [a, b]\n: c', '<<: *pool'],
  ...['--- !!binary aGk=', '!!js/function x', 'x: !<tag:x> y', '\t', 'port: 0x10', 'on: off'],
  `a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]`,
]

const surroundings: ConfigSurroundings = {
  environment: { SECRET, MOXI_SASL_PLAIN_USR: 'u', MOXI_SASL_PLAIN_PWD: SECRET },
  readFile: (path) => {
    if (path === '/run/secret') return `${SECRET}\n`
    if (path === './cluster') return CLUSTERS[0] ?? ''
    if (path === 'proxy.yaml') return CONFIG
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  },
}

test('what is damaged was valid before', () => {
  for (const text of [CONFIG, SMALL]) checkConfig(parse(text))
  for (const text of CLUSTERS.filter((cluster) => !cluster.startsWith('.'))) parseCluster(text)
})

fuzz<string>({
  name: 'config-yaml',
  inputs: damagedText(
    fc
      .tuple(
        fc.constantFrom(CONFIG, CONFIG, SMALL),
        fc.nat(40),
        fc.constantFrom('', '', ...TRAPS),
        names('disk'),
        names('own'),
      )
      .map(([text, line, trap, use, pool]) => {
        const named = text.replace('use: disk', `use: ${use}`).replace(', own]', `, ${pool}]`)
        return named.split('\n').toSpliced(line, 0, trap).join('\n')
      }),
  ),
  check: (text) => {
    const config = refusing(ConfigFileError, () => parse(text), /^proxy\.yaml:\d+:\d+: ./s)
    if (config !== undefined) checkConfig(config)
  },
})

fuzz<string>({
  name: 'cluster',
  inputs: damagedText(fc.constantFrom(...CLUSTERS)),
  check: (text) => {
    const sections = refusing(ArgumentError, () => parseCluster(text))
    for (const section of sections ?? []) {
      if (section.kind === 'urls') assert.ok(section.urls.length > 0)
      else assert.ok(section.port >= 1 && section.port <= 65_535, `port ${section.port}`)
    }
  },
})

const settingWords = fc
  .tuple(
    fc.constantFrom(...PROXY_SETTINGS.flatMap(({ name, synonyms }) => [name, ...synonyms])),
    fc.constantFrom('0', '1', '200', '', 'binary', 'distribution:modula', 'a=b', '99999999999'),
  )
  .map((pair) => pair.join('='))
const settings = fc
  .tuple(fc.array(settingWords, { maxLength: 5 }), fc.constantFrom(',', ' , ', '\n', ',#x=1,'))
  .map(([words, between]) => words.join(between))

fuzz<string>({
  name: 'settings',
  inputs: damagedText(settings),
  check: (text) => {
    const warnings: string[] = []
    const parsed = refusing(ArgumentError, () => parseSettings(text, warnings))
    const names = new Set(PROXY_SETTINGS.map(({ name }) => name))
    for (const name of parsed?.keys() ?? []) assert.ok(names.has(name), name)
    assert.ok(
      warnings.every((warning) => !warning.includes('\n')),
      warnings.join('|'),
    )
  },
})

const values = fc.oneof(
  fc.constantFrom('0', '1', '11311', '65536', '-1', '', 'stderr', 'proxy.yaml', '127.0.0.1:9'),
  damagedText(fc.constantFrom(...CLUSTERS)),
  damagedText(settings),
)
const flagWords = fc
  .tuple(fc.constantFrom(...PROXY_FLAGS), values, fc.nat(3))
  .map(([{ flag, long, argument }, value, form]) => {
    const name = (form & 1) === 0 ? flag || long : long || flag
    if (argument === '') return [name]
    if ((form & 2) === 0) return [name, value]
    return [name.startsWith('--') ? `${name}=${value}` : name + value]
  })
const commandLines = fc
  .tuple(fc.array(flagWords, { maxLength: 5 }), fc.option(values, { nil: undefined }))
  .map(([flags, last]) => [...flags.flat(), ...(last === undefined ? [] : [last])])

fuzz<string[]>({
  name: 'command-line',
  inputs: commandLines,
  check: (argv) => {
    const parsed = parseProxyArguments(argv, surroundings)
    if (parsed.kind === 'error') assert.ok(parsed.message !== '' && parsed.message.length < 20_000)
    if (parsed.kind !== 'run') return
    checkConfig(parsed.command.config)
    assert.deepEqual(parsed.command.load(), parsed.command.config, 'a reload changes nothing')
  },
})

/** The name of a backend, or one that leads nowhere. */
function names(right: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(right) },
    { weight: 1, arbitrary: fc.constantFrom('constructor', '__proto__', 'absent', '') },
  )
}

function parse(text: string): ProxyConfig {
  return parseConfigText(text, 'proxy.yaml', surroundings)
}

/** What is used as it is: ports, and names that have to lead somewhere. */
function checkConfig(config: ProxyConfig): void {
  for (const { port, socket } of config.listeners) {
    assert.ok((port === undefined) !== (socket === undefined))
    if (port !== undefined) assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535)
  }
  for (const { use } of Object.values(config.buckets)) {
    const known = Object.hasOwn(config.backends, use) || Object.hasOwn(config.routes, use)
    assert.ok(known, `bucket behind ${use}`)
  }
  for (const route of Object.values(config.routes)) {
    for (const pool of Array.isArray(route.pools) ? route.pools : []) {
      assert.ok(Object.hasOwn(config.backends, pool) || Object.hasOwn(config.routes, pool), pool)
    }
  }
  for (const { bucket } of Object.values(config.users)) {
    assert.ok(config.gateways.length > 0 || Object.hasOwn(config.buckets, bucket), bucket)
  }
  assert.ok(Number.isInteger(config.workers) && config.workers >= 1)
  for (const [name, limit] of Object.entries(config.limits)) {
    assert.ok(Number.isSafeInteger(limit) && limit >= 0, `${name} ${limit}`)
  }
}

/** The result, or undefined when the one declared error is thrown; each of its lines fits. */
function refusing<Result>(
  declared: new (...args: never[]) => Error,
  call: () => Result,
  lines = /\S/,
): Result | undefined {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof declared)) throw error
    assert.match(error.message, lines)
    return undefined
  }
}
