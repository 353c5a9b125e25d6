import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess, memcachedInstalled } from '@holdfast/client/testing'
import { Op } from '@holdfast/protocol'
import { pino } from 'pino'
import { SlowLog } from './slow-log.ts'
import { Statistics } from './statistics.ts'
import { GENERAL_STATS, SETTINGS_STATS } from './stats-general.ts'
import { answerStats, type StatsQuestion, statsText } from './stats-report.ts'
import { collectSnapshot } from './stats-snapshot.ts'

function question(bucketName = 'default'): StatsQuestion {
  const statistics = new Statistics()
  statistics.currentConnections = 2
  statistics.totalConnections = 5
  statistics.countLocal(Op.Version)
  const report = {
    kind: 'memcached',
    usable: true,
    outstanding: 0,
    servers: [
      {
        address: 'h:1',
        state: 'connected',
        held: 0,
        outstanding: 0,
        connects: 4,
        failures: 1,
      },
    ],
    counters: { retries: 3 },
  } as const
  const bucket = {
    name: 'default',
    statistics,
    backend: { submit: () => {}, stop: async () => {}, report: () => report },
    source: () => ({ configRev: 9, configsReceived: 1, configsRefused: 0 }),
  }
  return {
    bucketName,
    settings: {
      host: '127.0.0.1',
      port: 11311,
      socketPath: '',
      protocol: 'auto',
      connectionsMax: 10_000,
      outstandingMax: 1024,
      operationTimeoutMs: 5000,
      connectTimeoutMs: 400,
      valueBytesMax: 1024,
      anonymousBucket: 'default',
      dynamic: true,
    },
    snapshot: collectSnapshot({
      buckets: () => [bucket, { ...bucket, name: 'other\r\nSTAT x' }],
      unbound: new Statistics(),
      slow: new SlowLog({ slowMs: 0, logger: pino({ level: 'silent' }) }),
      startedAtMs: Date.now() - 5000,
      draining: false,
      clients: () => [],
      followed: () => [],
    }),
  }
}

function stats(args: string, bucketName?: string): Map<string, string> {
  const answer = answerStats(args, question(bucketName))
  assert.equal(answer.kind, 'list', args)
  return new Map(answer.kind === 'list' ? answer.stats : [])
}

test('stats has the names that clients look for', () => {
  const general = stats('')
  assert.equal(general.get('curr_connections'), '4', 'of all buckets')
  assert.equal(general.get('total_connections'), '10')
  assert.equal(general.get('cmd_get'), '0')
  assert.match(general.get('version') ?? '', /^\d+\.\d+\.\d+/)
  assert.match(general.get('uptime') ?? '', /^\d+$/)
  assert.equal(stats('settings').get('maxconns'), '10000')
})

test('every name of memcached is in the tables, once', { skip: !memcachedInstalled }, async () => {
  const memcached = await MemcachedProcess.start()
  try {
    for (const [args, table] of [
      ['', GENERAL_STATS],
      ['settings', SETTINGS_STATS],
    ] as const) {
      const names = table.flatMap((row) => row.names)
      assert.equal(new Set(names).size, names.length)
      const reply = await memcached.ask(Buffer.from(`stats ${args}\r\nquit\r\n`))
      const theirs = [...reply.toString().matchAll(/^STAT (\S+) /gm)].map(([, name]) => name ?? '')
      assert.ok(theirs.length > 50)
      assert.deepEqual(
        theirs.filter((name) => !names.includes(name)),
        [],
      )
    }
  } finally {
    await memcached.kill()
  }
})

test('stats proxy shows all, each sub-command its part, in moxi’s names', () => {
  const all = stats('proxy')
  assert.deepEqual(stats('proxy all').size, all.size)
  const place = '11311:default:'
  const expected: Record<string, [name: string, value: string]> = {
    basic: ['basic:nthreads', '1'],
    info: [`${place}info:config_ver`, '9'],
    config: [`${place}info:port`, '11311'],
    settings: ['memcached:settings:maxconns', '10000'],
    behaviors: [`${place}behavior:downstream_timeout`, '5000'],
    stats: [`${place}pstd_stats:tot_downstream_conn`, '4'],
  }
  for (const [word, [name, value]] of Object.entries(expected)) {
    assert.equal(stats(`proxy ${word}`).get(name), value, word)
    assert.equal(all.get(name), value)
  }
  assert.equal(all.get(`${place}pstd_stats_cmd:regular_version:seen`), '1')
  assert.equal(all.get(`${place}pstd_stats:tot_retry`), '3')
  assert.equal(all.get('memcached:stats:threads'), '1')
  assert.equal(all.get('proxy_main:conf_type'), 'dynamic')
  assert.equal(stats('proxy frontcache').size, 0)
  assert.equal(stats('proxy buckets').get('default'), 'memcached usable')
})

test('a name from a configuration cannot end a line', () => {
  const text = statsText(answerStats('proxy', question()))
  for (const line of text.split('\r\n').slice(0, -2)) assert.match(line, /^STAT \S+ [ -~]*$/)
  assert.match(text, /END\r\n$/)
})

test('timings draw what was timed and name quantiles', () => {
  const asked = question()
  const [bucket] = asked.snapshot.buckets
  assert.ok(bucket)
  const steps = [...bucket.statistics.latencySteps]
  steps[40] = 3
  const timed = { ...bucket, statistics: { ...bucket.statistics, latencySteps: steps } }
  const snapshot = { ...asked.snapshot, buckets: [timed] }
  assert.equal(
    statsText(answerStats('proxy timings', { ...asked, snapshot })),
    [
      'STAT 11311:default:read 2048+2048=3 100.00% ********************',
      'STAT 11311:default:read:p50_us 2560',
      'STAT 11311:default:read:p99_us 2560',
      'STAT 11311:default:read:p99_9_us 2560',
      'END',
      '',
    ].join('\r\n'),
  )
})

test('resets, and what is no form of stats, are said so', () => {
  assert.deepEqual(answerStats('reset', question()), { kind: 'reset', line: 'RESET' })
  assert.deepEqual(answerStats('proxy reset', question()), { kind: 'reset', line: 'OK' })
  assert.equal(statsText(answerStats('foo', question())), 'ERROR\r\n')
  assert.equal(statsText(answerStats('proxy foo', question())), 'ERROR\r\n')
  assert.equal(statsText(answerStats('items', question())), 'END\r\n')
  assert.equal(statsText(answerStats('sizes', question())), 'STAT sizes_status disabled\r\nEND\r\n')
  assert.match(statsText(answerStats('cachedump 1 1', question())), /^CLIENT_ERROR /)
})

test('a connection without a bucket sees no bucket’s counters', () => {
  assert.equal(stats('', '').get('bytes_read'), '0')
  assert.equal(stats('', '').get('curr_connections'), '4')
})
