import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fifo } from './fifo.ts'

test('entries leave in the order they came, across growth and wrap-around', () => {
  const fifo = new Fifo<number>()
  let next = 0
  let expected = 0
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < (round % 7) + 1; i++) fifo.push(next++)
    for (let i = 0; i < (round % 5) + 1 && fifo.length > 0; i++) {
      assert.equal(fifo.shift(), expected++)
    }
  }
  assert.deepEqual(
    fifo.drain(),
    Array.from({ length: next - expected }, (_, i) => expected + i),
  )
  assert.equal(fifo.shift(), undefined)
})

test('unshift puts an entry in front, also in a full ring', () => {
  const fifo = new Fifo<number>()
  for (let i = 0; i < 16; i++) fifo.push(i)
  fifo.unshift(-1)
  fifo.unshift(-2)
  assert.equal(fifo.peek(), -2)
  assert.equal(fifo.at(2), 0)
  assert.equal(fifo.length, 18)
})

test('retain keeps order and drops the rest', () => {
  const fifo = new Fifo<number>()
  for (let i = 0; i < 40; i++) fifo.push(i)
  fifo.retain((entry) => entry % 10 === 0)
  assert.deepEqual(fifo.drain(), [0, 10, 20, 30])
})
