import assert from 'node:assert/strict'
import { test } from 'node:test'
import { currentReadSlab, keepBytes, keepForTurn, readInto, slabToRead } from './read-slab.ts'

const SOURCE = Buffer.from('0123456789')
const MANY = 100_000

test('what is kept for good is never written over', () => {
  const first = keepBytes(SOURCE, 2, 3)
  for (let i = 0; i < MANY; i++) keepBytes(SOURCE, 0, 10)
  assert.equal(first.toString(), '234')
})

test('memory for a turn is used again when nothing in it is held', () => {
  const first = keepForTurn(SOURCE, 0, 10)
  const slab = currentReadSlab()
  for (let i = 0; i < MANY; i++) keepForTurn(SOURCE, 5, 5)
  assert.equal(currentReadSlab(), slab)
  assert.notEqual(first.toString(), '0123456789')
})

test('memory that is held is left alone until it is let go', () => {
  const held = keepForTurn(SOURCE, 0, 10)
  const slab = currentReadSlab()
  assert.ok(slab)
  slab.held++
  for (let i = 0; i < MANY; i++) keepForTurn(SOURCE, 5, 5)
  assert.equal(held.toString(), '0123456789')
  assert.notEqual(currentReadSlab(), slab)
  slab.held--
  const other = currentReadSlab()
  assert.ok(other)
  other.held++
  for (let i = 0; i < MANY && currentReadSlab() !== slab; i++) keepForTurn(SOURCE, 5, 5)
  assert.equal(currentReadSlab(), slab)
  other.held--
})

test('what a socket reads into is another slab for as long as a part of the last one is held', () => {
  const first = slabToRead(undefined)
  SOURCE.copy(first.memory)
  const chunk = readInto(first, 10)
  assert.equal(currentReadSlab(), first)
  assert.equal(slabToRead(first), first)
  first.held++
  let own = first
  for (let i = 0; i < MANY; i++) {
    own = slabToRead(own)
    assert.notEqual(own, first)
    own.memory.write('overwritten')
  }
  assert.equal(chunk.toString(), '0123456789')
  first.held--
  own.held++
  assert.equal(slabToRead(own), first)
  own.held--
})
