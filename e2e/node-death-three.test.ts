import { test } from 'node:test'
import { playNodeDeath } from './harness/node-death.ts'
import { missing } from './harness/stage.ts'

const title =
  '3 store nodes, 4 app servers with local proxies, 100 visitors whose sessions live in the store ' +
  'alone: the death and return of a store node cost no request and no increment'

test(title, { skip: missing('engine', 'balancer') }, async (t) => {
  await playNodeDeath(t, { nodes: 3, arbiter: false, sticky: false, healsBeforeReturn: true })
})
