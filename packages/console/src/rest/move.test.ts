import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressAt } from './move.ts'

const at = (hash: string) => ({ protocol: 'http:', hash })

test('the page goes to the same place at another node, with its ticket behind the #', () => {
  assert.equal(
    addressAt('b:8091', at('#/buckets/a'), 't/1'),
    'http://b:8091/ui/#/buckets/a?ticket=t%2F1',
  )
  assert.equal(
    addressAt('b:8091', at('#/buckets/a?zoom=day'), 't'),
    'http://b:8091/ui/#/buckets/a?zoom=day&ticket=t',
  )
})

test('without a ticket the other node asks', () => {
  assert.equal(addressAt('b:8091', at(''), null), 'http://b:8091/ui/#/overview')
})
