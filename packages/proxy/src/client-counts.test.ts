import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientCounts, sumClients } from './client-counts.ts'

test('connections are counted by address, and an address goes with its last connection', () => {
  const counts = new ClientCounts()
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '', '10.0.0.2']) counts.opened(address)
  counts.closed('10.0.0.2')
  counts.closed('::ffff:10.0.0.1')
  assert.deepEqual(counts.list(), [
    { address: '10.0.0.1', connections: 1 },
    { address: 'unix socket', connections: 1 },
  ])
})

test('of many addresses those with the most connections are told', () => {
  const one = Array.from({ length: 20 }, (_, i) => ({ address: `a${i}`, connections: 1 }))
  const sum = sumClients([one, [{ address: 'a7', connections: 4 }]], 3)
  assert.deepEqual(
    sum.map(({ address, connections }) => `${address} ${connections}`),
    ['a7 5', 'a0 1', 'a1 1'],
  )
})
