import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from './config-error.ts'
import { parseStaticPools } from './pool-config.ts'

test('a pool is a port and servers with their ports and weights', () => {
  assert.deepEqual(parseStaticPools('11311=10.0.0.1,cache.example:11222,10.0.0.3:11211:4'), [
    {
      port: 11311,
      servers: [
        { host: '10.0.0.1', port: 11211, weight: 1 },
        { host: 'cache.example', port: 11222, weight: 1 },
        { host: '10.0.0.3', port: 11211, weight: 4 },
      ],
    },
  ])
})

test('several pools are joined by semicolons, blanks around every sign are allowed', () => {
  const pools = parseStaticPools(' 11311 = a:1 , b:2 ; 11312=c ;')
  assert.deepEqual(
    pools.map(({ port, servers }) => [port, servers.map(({ host }) => host)]),
    [
      [11311, ['a', 'b']],
      [11312, ['c']],
    ],
  )
})

test('an IPv6 server stands in brackets', () => {
  const [pool] = parseStaticPools('11311=[::1],[fe80::1%eth0]:11212:2')
  assert.deepEqual(pool?.servers, [
    { host: '::1', port: 11211, weight: 1 },
    { host: 'fe80::1%eth0', port: 11212, weight: 2 },
  ])
})

test('what cannot be meant is refused, with its place named', () => {
  const cases: [string, string][] = [
    ['', 'bad moxi config, missing ='],
    ['10.0.0.1:11211', 'bad moxi config, missing ='],
    ['11311=a;b', 'bad moxi config, missing ='],
    ['=10.0.0.1', 'missing proxy port'],
    ['0=a', 'bad moxi config, proxy port 0 is not 1..65535'],
    ['web=a', 'bad moxi config, proxy port web is not 1..65535'],
    ['65536=a', 'bad moxi config, proxy port 65536 is not 1..65535'],
    ['11311=', 'bad moxi config, no servers for port 11311'],
    ['11311=a,,b', 'bad moxi config, server "" of port 11311'],
    ['11311=::1', 'bad moxi config, server "::1" of port 11311'],
    ['11311=11312=a', 'bad moxi config, server "11312=a" of port 11311'],
    ['11311=a:b', 'bad moxi config, server "a:b" of port 11311'],
    ['11311=a:1:1:1', 'bad moxi config, server "a:1:1:1" of port 11311'],
    ['11311={"vBucketMap":[]}', 'bad moxi config, server "{"vBucketMap":[]}" of port 11311'],
    ['11311=a:', 'bad moxi config, server "a:": port is not 1..65535'],
    ['11311=a:99999', 'bad moxi config, server "a:99999": port is not 1..65535'],
    ['11311=a:1:0', 'bad moxi config, server "a:1:0": weight is not 1..1000'],
    ['11311=a;11311=b', 'bad moxi config, port 11311 is given twice'],
  ]
  for (const [text, message] of cases) {
    assert.throws(
      () => parseStaticPools(text),
      (error) => error instanceof ConfigError && error.message === message,
      text,
    )
  }
})
