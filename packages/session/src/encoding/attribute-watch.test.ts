import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeWatch, WATCHED_MAX } from './attribute-watch.ts'

const text = (value: unknown): string | undefined => JSON.stringify(value)

function settled(attributes: Record<string, unknown>): AttributeWatch {
  const watch = new AttributeWatch(attributes, text)
  watch.settle('as stored', {})
  return watch
}

test('attributes that were not handed out are as they are stored', () => {
  const watch = settled({ count: 1, cart: ['apple'] })
  watch.handOut('count', 1)
  assert.equal(watch.isSettled('as stored', {}), true)
  assert.equal(watch.isSettled('something else', {}), false)
  assert.equal(watch.isSettled('as stored', { maxAgeMs: 1000 }), false)
})

test('an object that was handed out is looked at for as long as the watch lasts', () => {
  const cart = ['apple']
  const watch = settled({ cart })
  watch.handOut('cart', cart)
  assert.equal(watch.isSettled('as stored', {}), true)
  cart.push('pear')
  assert.equal(watch.isSettled('as stored', {}), false)
  watch.settle('with a pear', {})
  assert.equal(watch.isSettled('with a pear', {}), true)
  cart.pop()
  assert.equal(watch.isSettled('with a pear', {}), false)
})

test('what the application has put into an attribute is watched, too', () => {
  const attributes: Record<string, unknown> = {}
  const watch = settled(attributes)
  const cart = ['apple']
  watch.changed()
  watch.handOut('cart', cart)
  attributes.cart = cart
  assert.equal(watch.isSettled('as stored', {}), false)
  watch.settle('with a cart', {})
  cart.push('pear')
  assert.equal(watch.isSettled('with a cart', {}), false)
})

test('a watch ends where it cannot tell', () => {
  const taken = settled({})
  assert.deepEqual(taken.attributes, {})
  const many = settled({})
  for (let at = 0; at <= WATCHED_MAX; at++) many.handOut(`cart${at}`, [])
  const cyclic: Record<string, unknown> = {}
  const broken = settled({ cyclic })
  broken.handOut('cyclic', cyclic)
  cyclic.self = cyclic
  assert.equal(broken.isSettled('as stored', {}), false)
  const unwatched = new AttributeWatch({}, undefined)
  for (const watch of [taken, many, broken, unwatched]) {
    watch.settle('as stored', {})
    assert.equal(watch.isSettled('as stored', {}), false)
  }
})
