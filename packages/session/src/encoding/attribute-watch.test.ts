import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeWatch, WATCHED_MAX } from './attribute-watch.ts'

const text = (value: unknown): string | undefined => JSON.stringify(value)

/** A watch of attributes as they are, and their content. */
function settled(attributes: Record<string, unknown>): [AttributeWatch, string] {
  const watch = new AttributeWatch(attributes, text)
  const content = JSON.stringify(attributes)
  watch.settle(content, {})
  return [watch, content]
}

test('attributes that were not handed out are as they are stored', () => {
  const [watch, content] = settled({ count: 1, cart: ['apple'] })
  watch.handOut('count', 1)
  assert.equal(watch.isSettled(content, {}), true)
  assert.equal(watch.isSettled('something else', {}), false)
  assert.equal(watch.isSettled(content, { maxAgeMs: 1000 }), false)
})

test('an object that was handed out is looked at for as long as the watch lasts', () => {
  const cart = ['apple']
  const attributes = { before: 1, cart, after: 2 }
  const [watch, content] = settled(attributes)
  watch.handOut('cart', cart)
  assert.equal(watch.isSettled(content, {}), true)
  cart[0] = 'grape'
  assert.equal(watch.isSettled(content, {}), false)
  cart[0] = 'apple'
  cart.push('pear')
  assert.equal(watch.isSettled(content, {}), false)
  const later = JSON.stringify(attributes)
  watch.settle(later, {})
  assert.equal(watch.isSettled(later, {}), true)
  cart.pop()
  assert.equal(watch.isSettled(later, {}), false)
})

test('what the application has put into an attribute is watched, too', () => {
  const attributes: Record<string, unknown> = {}
  const [watch, content] = settled(attributes)
  const cart = ['apple']
  watch.changed()
  watch.handOut('cart', cart)
  attributes.cart = cart
  assert.equal(watch.isSettled(content, {}), false)
  const later = JSON.stringify(attributes)
  watch.settle(later, {})
  assert.equal(watch.isSettled(later, {}), true)
  cart.push('pear')
  assert.equal(watch.isSettled(later, {}), false)
})

test('an attribute that goes away or is not stored is watched until it comes back', () => {
  const attributes: Record<string, unknown> = { cart: ['apple'] }
  const [watch] = settled(attributes)
  watch.handOut('cart', attributes.cart)
  watch.changed()
  delete attributes.cart
  watch.settle('{}', {})
  assert.equal(watch.isSettled('{}', {}), true)
  attributes.cart = ['apple']
  assert.equal(watch.isSettled('{}', {}), false)
})

test('a watch ends where it cannot tell', () => {
  const [taken] = settled({})
  assert.deepEqual(taken.attributes, {})
  const many = new AttributeWatch({ cart0: [], cart1: [], cart2: [], cart3: [] }, text)
  many.settle('[]', {})
  for (let at = 0; at <= WATCHED_MAX; at++) many.handOut(`cart${at}`, [])
  const cyclic: Record<string, unknown> = {}
  const [broken, content] = settled({ cyclic })
  broken.handOut('cyclic', cyclic)
  cyclic.self = cyclic
  assert.equal(broken.isSettled(content, {}), false)
  const unwatched = new AttributeWatch({}, undefined)
  const [elsewhere] = settled({ cart: ['apple'] })
  elsewhere.handOut('cart', ['apple'])
  elsewhere.settle('a content without it', {})
  for (const watch of [taken, many, broken, unwatched, elsewhere]) {
    watch.settle('[]', {})
    assert.equal(watch.isSettled('[]', {}), false)
  }
})
