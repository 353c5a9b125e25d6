import assert from 'node:assert/strict'
import {
  type CutStream,
  checkStream,
  cutStreams,
  damagedBytes,
  damagedText,
  fuzz,
} from '@holdfast/protocol/testing'
import {
  type BucketConfig,
  ConfigError,
  ConfigStreamParser,
  parseBucketConfigs,
  parseStaticPools,
} from '@holdfast/topology'
import fc from 'fast-check'
import { beginSasl, chooseMechanism, SaslError } from './sasl-client.ts'
import { isValkeyUrl, parseValkeyUrl } from './valkey-url.ts'

const hosts = fc.constantFrom(
  '10.0.0.1',
  '$HOST',
  '[::1]',
  'name.example',
  '',
  'h:1:2',
  '10.0.0.1:1',
)
const servers = fc
  .tuple(hosts, fc.constantFrom(':11210', ':0', ':99999', ''))
  .map((s) => s.join(''))
const rows = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 4, 16), fc.constantFrom([0], [0, 1], [0, -1], [9, 0], ['x']))
  .map(([count, row]) => new Array<readonly unknown[]>(count).fill(row))
const map = fc.record({
  hashAlgorithm: fc.constant('CRC'),
  numReplicas: fc.constantFrom<unknown>(0, 1, 4, 5, -1, '1', null),
  serverList: fc.array(servers, { maxLength: 3 }),
  vBucketMap: rows,
  vBucketMapForward: fc.option(rows, { nil: undefined }),
})
const node = fc.record({
  hostname: hosts,
  status: fc.constantFrom<unknown>('healthy', 'unhealthy', 1),
  ports: fc.constantFrom<unknown>({ direct: 11_210, proxy: 11_211 }, { direct: -1 }, 7, null),
})
const extension = fc.record({
  rev: fc.constantFrom<unknown>(1, -1, 2 ** 53, 'x'),
  durability: fc.constantFrom('replicated', 'none', 'other'),
  degradedWrites: fc.constantFrom<unknown>('allow', 'refuse', undefined),
  auth: fc.constant({ username: 'u', password: 'secret-word' }),
  shards: fc.constantFrom<unknown>(
    [{ vBuckets: [0, 1023], primary: 'a:1', replicas: [] }],
    [{ vBuckets: [0, 511], primary: null, replicas: ['b:1'] }],
    [{ vBuckets: [1, 0], primary: 'a', replicas: 'x' }],
    [],
  ),
})
const bucket = fc.record(
  {
    name: fc.constantFrom<unknown>('default', 'other', '', 5, '__proto__'),
    bucketType: fc.constantFrom('membase', 'memcached', 'couchbase'),
    saslPassword: fc.constant('secret-word'),
    nodeLocator: fc.constantFrom('vbucket', 'ketama', 'other'),
    nodes: fc.array(node, { maxLength: 2 }),
    vBucketServerMap: map,
    holdfast: extension,
    rev: fc.constantFrom<unknown>(1, 1.5, '2'),
  },
  { requiredKeys: [] },
)
const configs: fc.Arbitrary<string> = fc
  .oneof(bucket, map, fc.record({ buckets: fc.array(bucket, { maxLength: 2 }) }))
  .map((value) => JSON.stringify(value))

fuzz<string>({
  name: 'bucket-config',
  inputs: damagedText(configs),
  check: (json) => {
    const unusable: unknown[] = []
    const parsed = throwsOnly(ConfigError, () => {
      return parseBucketConfigs(json, { onUnusable: (_name, error) => unusable.push(error) })
    })
    for (const config of parsed ?? []) checkConfig(config)
    assert.ok(unusable.every((error) => error instanceof ConfigError))
  },
})

fuzz<CutStream>({
  name: 'config-stream',
  inputs: cutStreams(
    damagedBytes(
      fc
        .tuple(configs, fc.constantFrom('\n\n\n\n', '\n\n\n\n', '\n\n\n', '\n\n\n\n\n', ' ', ''))
        .map((parts) => Buffer.from(parts.join(''))),
      3,
    ),
  ),
  check: (stream) => {
    checkStream(stream, {
      open: () => {
        const parser = new ConfigStreamParser()
        const told: string[] = []
        return {
          told,
          bufferedBytes: 0,
          push: (chunk) => parser.push(chunk, (json) => told.push(json)),
        }
      },
      bufferedBytesMax: 0,
      error: ConfigError,
    })
  },
})

fuzz<string>({
  name: 'static-pools',
  inputs: damagedText(
    fc.constantFrom(
      '11311=10.0.0.1:11211,10.0.0.2:11211:2',
      ' 11311 = a , b:1 ; 11312=[::1]:11211:3',
      '11311=[fe80::1%lo]:1',
    ),
  ),
  check: (text) => {
    const pools = throwsOnly(ConfigError, () => parseStaticPools(text))
    for (const { port, servers: members } of pools ?? []) {
      assert.ok(port >= 1 && port <= 65_535)
      for (const member of members) {
        assert.ok(member.host !== '' && !/[\s,;=[\]]/.test(member.host), `host ${member.host}`)
        assert.ok(Number.isInteger(member.port) && member.port >= 1 && member.port <= 65_535)
        assert.ok(Number.isInteger(member.weight) && member.weight >= 1)
      }
    }
  },
})

fuzz<string>({
  name: 'valkey-url',
  inputs: damagedText(
    fc.constantFrom(
      'valkey://user:secret-word@10.0.0.1:6379,[::1]:6380/0?flush=1',
      'rediss://:secret-word@h/?insecure=1',
      'valkeys://host',
    ),
  ).filter((url) => isValkeyUrl(url) && !url.includes('ca=')),
  check: (url) => {
    const target = throwsOnly(Error, () => parseValkeyUrl(url), /^bad valkey url: /)
    if (target === undefined) return
    assert.ok(target.addresses.length > 0)
    for (const address of target.addresses) assert.match(address, /^[^\s,@]+:\d{1,5}$/)
  },
})

const NONCE = 'fyko+d2lbbFgONRv9qkxdawL'
const challenges = fc
  .tuple(
    fc.constantFrom(`${NONCE}3rfcNHYJY1ZVvWVs7j`, NONCE, 'other'),
    fc.constantFrom('QSXCR+Q6sek8bf92', '', '!!!', '='),
    fc.constantFrom('1', '16', '0', '-1', '1000001', '99999999999', '1e3'),
  )
  .map(([nonce, salt, iterations]) => `r=${nonce},s=${salt},i=${iterations}`)

fuzz<{ list: string; challenge: string; last: string }>({
  name: 'sasl-client',
  inputs: fc.record({
    list: damagedText(fc.constantFrom('SCRAM-SHA512 SCRAM-SHA1 PLAIN', 'SCRAM-SHA256', '')),
    challenge: damagedText(challenges),
    last: damagedText(fc.constantFrom('v=rmF9pqV8S7suAoZWja4dJRkFsKQ=', 'e=other-error', '')),
  }),
  check: async ({ list, challenge, last }) => {
    const mechanism = chooseMechanism(list)
    if (mechanism === undefined) return
    const credentials = { username: 'u=,', password: 'secret-word' }
    const conversation = beginSasl(mechanism, credentials, NONCE)
    try {
      const said = await conversation.answer(challenge)
      assert.match(said, /^c=biws,r=[^,]+,p=[A-Za-z0-9+/]+=*$/)
      conversation.finish(last)
      assert.fail('a server that does not know the password is believed')
    } catch (error) {
      if (!(error instanceof SaslError)) throw error
      assert.ok(!error.message.includes('secret-word'), error.message)
    }
  },
})

/** The result, or undefined when the one declared error is thrown; its message shows no secret. */
function throwsOnly<Result>(
  declared: new (...args: never[]) => Error,
  call: () => Result,
  message?: RegExp,
): Result | undefined {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof declared)) throw error
    if (message !== undefined) assert.match(error.message, message)
    assert.ok(!error.message.includes('secret-word'), error.message)
    return undefined
  }
}

function checkConfig(config: BucketConfig): void {
  const { serverList, numReplicas, vBucketMap, vBucketMapForward } = config
  for (const row of [...vBucketMap, ...(vBucketMapForward ?? [])]) {
    assert.equal(row.length, numReplicas + 1)
    for (const index of row) assert.ok(index >= -1 && index < serverList.length)
  }
  assert.ok(config.nodeLocator === 'ketama' || Number.isInteger(Math.log2(vBucketMap.length)))
  for (const server of serverList) assert.equal(typeof server, 'string')
}
