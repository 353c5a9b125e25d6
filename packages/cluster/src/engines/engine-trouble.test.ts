import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  engineIdIn,
  nodesConfText,
  type RepairInput,
  repairOf,
  troubleInInfo,
  troubleInLog,
} from './engine-trouble.ts'

const LOGGED: [line: string, trouble: string | null][] = [
  ['# Unrecoverable error: corrupted cluster config file.', 'nodesDamaged'],
  [
    '# Bad file format reading the append only file appendonly.aof.3.incr.aof: make a',
    'dataDamaged',
  ],
  ['# Invalid AOF manifest file format', 'dataDamaged'],
  ['# Short read or OOM loading DB. Unrecoverable error, aborting now.', 'dataDamaged'],
  [
    '# Unable to obtain the AOF file appendonly.aof.3.base.rdb length. stat: No such',
    'dataDamaged',
  ],
  ['# Could not create server TCP listening socket: bind: Address already in use', 'portTaken'],
  ['# Error writing to the AOF file: No space left on device', 'diskFull'],
  ['* Ready to accept connections', null],
]

for (const [line, trouble] of LOGGED) {
  test(`in the log: ${line} is ${trouble}`, () => assert.equal(troubleInLog(line), trouble))
}

test('a damaged file on a full disk is first of all a full disk', () => {
  const text = 'Short read or OOM loading DB\nerror: No space left on device\n'
  assert.equal(troubleInLog(text), 'diskFull')
})

test('in INFO: files that cannot be written, memory that is used up', () => {
  const info = (fields: Record<string, string>) => new Map(Object.entries(fields))
  assert.equal(troubleInInfo(info({ aof_last_write_status: 'err' }), 0), 'diskFull')
  assert.equal(troubleInInfo(info({ aof_last_write_status: 'ok' }), 0), null)
  const full = { maxmemory: '1000', used_memory: '995', maxmemory_policy: 'noeviction' }
  assert.equal(troubleInInfo(info(full), 0), 'memoryFull')
  assert.equal(troubleInInfo(info({ ...full, maxmemory_policy: 'allkeys-lru' }), 0), null)
  assert.equal(troubleInInfo(info({ ...full, maxmemory: '0' }), 0), null)
  const refused = { ...full, used_memory: '1', errorstat_OOM: 'count=3' }
  assert.equal(troubleInInfo(info(refused), 2), 'memoryFull')
  assert.equal(troubleInInfo(info(refused), 3), null)
})

const REPLICA: RepairInput = {
  trouble: 'dataDamaged',
  duty: 'replica',
  created: true,
  trusted: false,
}

test('a replica that nobody counts on is emptied', () => {
  assert.equal(repairOf(REPLICA), 'removeItems')
  assert.equal(repairOf({ ...REPLICA, trouble: 'nodesDamaged' }), 'removeAll')
})

test('what may be the last copy is never removed', () => {
  for (const trouble of ['dataDamaged', 'nodesDamaged', 'diskFull', 'notStarting', null] as const) {
    for (const duty of ['primary', 'replica'] as const) {
      const repair = repairOf({ trouble, duty, created: true, trusted: true })
      assert.ok(repair === null || repair === 'rebuildNodes', `${duty} ${trouble}: ${repair}`)
    }
  }
})

test('the last copy keeps its items and gets its nodes.conf anew', () => {
  const primary = { ...REPLICA, duty: 'primary', trusted: true } as const
  assert.equal(repairOf({ ...primary, trouble: 'nodesDamaged' }), 'rebuildNodes')
  assert.equal(repairOf({ ...primary, trouble: 'dataDamaged' }), null)
})

test('an arbiter, and a shard that never held anything, begin anew', () => {
  assert.equal(repairOf({ ...REPLICA, duty: 'arbiter' }), 'removeAll')
  assert.equal(repairOf({ ...REPLICA, duty: 'primary', created: false }), 'removeAll')
})

test('nodes.conf written anew names the engine by the id that can still be read', () => {
  const engineId = 'a'.repeat(40)
  const text = nodesConfText({
    engineId,
    host: '10.0.0.1',
    port: 12_000,
    slots: [0, 2047],
    epoch: 9,
  })
  assert.equal(
    text,
    `${engineId} 10.0.0.1:12000@22000 myself,master - 0 0 9 connected 0-2047\n` +
      'vars currentEpoch 9 lastVoteEpoch 0\n',
  )
  assert.equal(engineIdIn(text.slice(0, 90)), engineId)
  assert.equal(engineIdIn(text.slice(0, 20)), null)
  assert.equal(engineIdIn(''), null)
})
