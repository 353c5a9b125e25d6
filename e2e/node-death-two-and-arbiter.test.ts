import { test } from 'node:test'
import { playNodeDeath } from './harness/node-death.ts'
import { missing } from './harness/stage.ts'

const title =
  '2 store nodes and an arbiter, 4 app servers with local proxies, 100 visitors: ' +
  'the death and return of a store node cost no request and no increment'

test(title, { skip: missing('engine', 'balancer') }, async (t) => {
  await playNodeDeath(t, { nodes: 2, arbiter: true, sticky: true, healsBeforeReturn: false })
})
