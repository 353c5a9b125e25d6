import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RebalanceWatch, STALL_MS, STALL_UNEXPLAINED_MS } from './rebalance-watch.ts'

const QUIET = { running: true, movesLeft: 5, away: [], failure: null, nowMs: 0 }

test('a rebalance that moves, or does not run, has no trouble', () => {
  const watch = new RebalanceWatch()
  const failure = 'no free engine port on member 2'
  for (let step = 0; step < 5; step++) {
    const nowMs = step * STALL_MS
    assert.equal(watch.look({ ...QUIET, movesLeft: 5 - step, failure, nowMs }), null)
  }
  assert.equal(watch.look({ ...QUIET, running: false, failure, nowMs: 10 * STALL_MS }), null)
})

test('one that stands still says why: who is away, what has failed', () => {
  const watch = new RebalanceWatch()
  const about = { ...QUIET, away: ['ns_1@b'], failure: 'no free engine port on member 2' }
  assert.equal(watch.look(about), null)
  assert.equal(watch.look({ ...about, nowMs: STALL_MS - 1 }), null)
  assert.match(
    watch.look({ ...about, nowMs: STALL_MS }) ?? '',
    /not reachable: ns_1@b; no free engine port on member 2/,
  )
  assert.equal(watch.look({ ...about, movesLeft: 4, nowMs: STALL_MS + 1 }), null)
})

test('without a reason it is given much longer: a large copy takes its time', () => {
  const watch = new RebalanceWatch()
  assert.equal(watch.look(QUIET), null)
  assert.equal(watch.look({ ...QUIET, nowMs: STALL_UNEXPLAINED_MS - 1 }), null)
  assert.match(watch.look({ ...QUIET, nowMs: STALL_UNEXPLAINED_MS }) ?? '', /no copy has come/)
})
