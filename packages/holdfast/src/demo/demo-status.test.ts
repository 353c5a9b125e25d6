import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusLine } from './demo-status.ts'

const visits = { count: 42, app: 'app1', failed: 0, slowestMs: 87 }
const full = { vBuckets: 1024, active: 1024, replicated: 1024 }

test('the status line says who answered, which nodes live and whether copies are full', () => {
  const shards = { total: 8, writable: 8 }
  assert.equal(
    statusLine({ visits, nodesUp: [true, false, true], shards, copies: full }),
    'visit 42 by app1 | nodes 1 - 3 | shards 8/8 writable | copies full | failed 0 | slowest 87 ms',
  )
})

test('missing copies are counted', () => {
  const shards = { total: 8, writable: 6 }
  const copies = { ...full, replicated: 512 }
  assert.match(
    statusLine({ visits, nodesUp: [true, true], shards, copies }),
    /shards 6\/8 writable \| copies 512\/1024 vBuckets/,
  )
})

test('without store nodes the line says so', () => {
  const shards = { total: 0, writable: 0 }
  const line = statusLine({ visits, nodesUp: [], shards, copies: full })
  assert.equal(line, 'visit 42 by app1 | embedded store | failed 0 | slowest 87 ms')
})
