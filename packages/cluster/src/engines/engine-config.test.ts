import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ENGINE_DATA_USER,
  type EngineSettings,
  engineConfigText,
  liveConfig,
} from './engine-config.ts'

const SETTINGS: EngineSettings = {
  host: '10.0.0.1',
  port: 12_000,
  folder: '/var/lib/holdfast/engines/b-0',
  adminPassword: 'admin-secret',
  dataPassword: 'data-secret',
  memoryBytesMax: 104_857_600,
  backlogBytes: 4_194_304,
  eviction: 'refuse',
  persistence: 'everysec',
}

function linesOf(settings: Partial<EngineSettings> = {}): string[] {
  return engineConfigText({ ...SETTINGS, ...settings })
    .trimEnd()
    .split('\n')
}

test('a replicated bucket keeps an append-only file and refuses writes when it is full', () => {
  const lines = linesOf()
  for (const line of [
    'bind 10.0.0.1',
    'cluster-announce-ip 10.0.0.1',
    'port 12000',
    'cluster-enabled yes',
    'appendonly yes',
    'appendfsync everysec',
    'maxmemory 104857600',
    'maxmemory-policy noeviction',
  ]) {
    assert.ok(lines.includes(line), line)
  }
})

test('a cache keeps no file and drops what was not used for longest', () => {
  const lines = linesOf({ eviction: 'lru', persistence: 'none' })
  assert.ok(lines.includes('appendonly no'))
  assert.ok(lines.includes('maxmemory-policy allkeys-lru'))
})

test('a bucket may drop what expires soonest, and may write before it answers', () => {
  const lines = linesOf({ eviction: 'expiring', persistence: 'always' })
  for (const line of ['maxmemory-policy volatile-ttl', 'appendonly yes', 'appendfsync always']) {
    assert.ok(lines.includes(line), line)
  }
})

test('what changes while an engine runs is in its file too', () => {
  const lines = linesOf()
  for (const [name, value] of liveConfig(SETTINGS)) assert.ok(lines.includes(`${name} ${value}`))
})

test('what a failover rests on is set', () => {
  const lines = linesOf()
  for (const line of [
    'cluster-require-full-coverage no',
    'cluster-replica-validity-factor 0',
    'cluster-allow-replica-migration no',
    'repl-diskless-sync-delay 0',
    'daemonize no',
  ]) {
    assert.ok(lines.includes(line), line)
  }
})

test('engines know each other by the admin password, proxies have a user for data only', () => {
  const lines = linesOf()
  assert.ok(lines.includes('masterauth admin-secret'))
  const users = lines.filter((line) => line.startsWith('user '))
  assert.equal(users.length, 2)
  assert.equal(users[0], 'user default on >admin-secret ~* &* +@all')
  const proxy = users[1] ?? ''
  assert.match(proxy, new RegExp(`^user ${ENGINE_DATA_USER} on >data-secret ~\\* `))
  for (const word of ['-@all', '-@admin', '-@dangerous', '-function', 'resetchannels']) {
    assert.ok(proxy.split(' ').includes(word), word)
  }
  assert.ok(!proxy.includes('+@all'))
})

test('a folder with blanks, quotes and backslashes stays one word', () => {
  const lines = linesOf({ folder: '/my "data"\\x' })
  assert.ok(lines.includes('dir "/my \\"data\\"\\\\x"'))
  assert.ok(lines.includes('logfile "/my \\"data\\"\\\\x/engine.log"'))
})
