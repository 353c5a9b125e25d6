import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_COUNTERS, ratesBetween, readEngineFigures } from './engine-figures.ts'

const INFO = [
  '# Memory',
  'used_memory:1000',
  'used_memory_rss:2000',
  'maxmemory:5000',
  'aof_current_size:77',
  'role:master',
  'connected_slaves:2',
  'slave0:ip=127.0.0.1,port=1,state=online,offset=90,lag=0',
  'slave1:ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0',
  'master_repl_offset:100',
  'keyspace_hits:7',
  'keyspace_misses:3',
  'cmdstat_get:calls=10,usec=50,usec_per_call=5.00,rejected_calls=0,failed_calls=0',
  'cmdstat_set:calls=4,usec=40,usec_per_call=10.00,rejected_calls=0,failed_calls=0',
  'cmdstat_info:calls=900,usec=9000,usec_per_call=10.00,rejected_calls=0,failed_calls=0',
  'errorstat_OOM:count=2',
  'db0:keys=12,expires=5,avg_ttl=100',
  '',
].join('\r\n')

test("an engine's INFO as numbers", () => {
  const { role, gauges, counters } = readEngineFigures(INFO)
  assert.equal(role, 'primary')
  assert.equal(gauges.items, 12)
  assert.equal(gauges.expiringItems, 5)
  assert.equal(gauges.lagBytes, 10)
  assert.equal(gauges.aofBytes, 77)
  assert.deepEqual([counters.hits, counters.misses, counters.sets], [7, 3, 4])
  assert.equal(counters.outOfMemory, 2)
})

test("the manager's own commands are not counted", () => {
  const { counters } = readEngineFigures(INFO)
  assert.equal(counters.commands, 14)
  assert.equal(counters.commandMicroseconds, 90)
})

test('an engine that says nothing has done nothing', () => {
  assert.deepEqual(readEngineFigures('').counters, NO_COUNTERS)
})

test('rates are per second; a restart and a first look count as nothing', () => {
  const at = (sets: number, cpuSeconds: number) => ({ ...NO_COUNTERS, sets, cpuSeconds })
  assert.equal(ratesBetween(at(10, 1), at(30, 2), 2).sets, 10)
  assert.equal(ratesBetween(undefined, at(30, 2), 2).sets, 0)
  assert.equal(ratesBetween(at(10, 5), at(30, 1), 2).sets, 0)
})
