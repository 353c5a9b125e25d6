import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { Op } from '@holdfast/protocol'
import { Operation, UPSTREAM_ORDER_SHARDS } from './operation.ts'
import { Outcome } from './outcome.ts'
import { until } from './testing/engines.ts'
import { VBucketOrder } from './vbucket-order.ts'

const UPSTREAM = {
  readsOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  writesOutstanding: new Int32Array(UPSTREAM_ORDER_SHARDS),
  slotSettled: () => {},
}

describe('the order of a vBucket', () => {
  let sent: string[] = []
  let order: VBucketOrder

  beforeEach(() => {
    sent = []
    order = new VBucketOrder((operation) => sent.push(operation.line))
  })

  function operation(name: string, vBucket = 1): Operation {
    const made = new Operation(UPSTREAM, Number.POSITIVE_INFINITY)
    made.accountTo({ operationSettled: (settled) => order.gone(settled) })
    made.kind = Op.Get
    made.line = name
    made.vBucket = vBucket
    return made
  }

  function answer(answered: Operation): void {
    answered.decide(Outcome.Ok)
    answered.settle()
  }

  test('nobody waits while nothing moves', () => {
    assert.ok(order.quiet)
    assert.equal(order.mustWait(1, true), false)
  })

  test('the first refused operation goes alone; the others follow its answer, then who waited', () => {
    const [a, b, c] = [operation('a'), operation('b'), operation('c')]
    order.refused(a, 0)
    order.refused(b, 0)
    assert.ok(order.mustWait(1, false))
    assert.equal(order.mustWait(2, true), false)
    order.wait(c)
    assert.deepEqual(sent, ['a'])
    answer(a)
    assert.deepEqual(sent, ['a', 'b', 'c'])
    assert.ok(order.quiet)
  })

  test('a refused probe stays the first', async () => {
    const [a, b] = [operation('a'), operation('b')]
    order.refused(a, 0)
    order.refused(b, 0)
    order.refused(a, 5)
    assert.deepEqual(sent, ['a'])
    await until('the delay is over', () => sent.length === 2)
    answer(a)
    assert.deepEqual(sent, ['a', 'a', 'b'])
  })

  test('strays hold back only who follows something unanswered', () => {
    const [stray, follower] = [operation('stray'), operation('follower')]
    order.stray(stray)
    assert.equal(order.mustWait(1, false), false)
    assert.ok(order.mustWait(1, true))
    order.wait(follower)
    assert.equal(order.mustWait(1, false), false)
    answer(stray)
    assert.deepEqual(sent, ['follower'])
    assert.ok(order.quiet)
  })

  test('a refused stray goes before who waited for it', () => {
    const [stray, follower] = [operation('stray'), operation('follower')]
    order.stray(stray)
    order.wait(follower)
    order.refused(stray, 0)
    assert.deepEqual(sent, ['stray'])
    answer(stray)
    assert.deepEqual(sent, ['stray', 'follower'])
  })

  test('a probe at a frozen server that has lost the vBucket holds back nobody else', () => {
    const [a, b] = [operation('a'), operation('b')]
    order.refused(a, 0)
    order.refused(b, 0)
    order.forgetStrays()
    order.stray(a)
    order.releaseAll()
    assert.equal(order.mustWait(1, false), false)
    assert.ok(order.mustWait(1, true))
    a.fail('timeout')
    assert.deepEqual(sent, ['a', 'b'])
  })

  test('new routes end a delay; what was given up is not sent', async () => {
    const [a, b, c] = [operation('a'), operation('b'), operation('c')]
    order.refused(a, 60_000)
    order.refused(b, 60_000)
    order.wait(c)
    a.fail('given up')
    order.releaseAll()
    assert.deepEqual(sent, ['b'])
    c.fail('given up')
    order.sweep()
    answer(b)
    assert.deepEqual(sent, ['b'])
    assert.ok(order.quiet)
  })

  test('draining returns what is undecided and here', () => {
    const [a, b, c] = [operation('a'), operation('b'), operation('c')]
    order.refused(a, 0)
    order.refused(b, 0)
    order.wait(c)
    const names = order.drain().map(({ line }) => line)
    assert.deepEqual(names, ['b', 'c'])
    assert.ok(order.quiet)
  })
})
