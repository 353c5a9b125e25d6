import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes } from './envelope.ts'
import { type AttributeResolver, mergeAttributes, replaceAttributes } from './merge.ts'

const names = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor', 'toString')
const attributes = fc.dictionary(
  names,
  fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant({ deep: [1] }), fc.string({ maxLength: 2 })),
)
/** As it comes back from the store. */
const plain = (value: Attributes): Attributes => JSON.parse(JSON.stringify(value))
const text = (value: unknown): string | undefined => JSON.stringify(value)
const at = (from: Attributes, name: string): unknown =>
  Object.hasOwn(from, name) ? from[name] : undefined

test('every attribute that only one side changed ends as that side left it', () => {
  fc.assert(
    fc.property(attributes, attributes, attributes, (base, ours, theirs) => {
      const result = merged(base, ours, theirs)
      for (const name of new Set([base, ours, theirs].flatMap((one) => Object.keys(one)))) {
        const weChanged = text(at(base, name)) !== text(at(ours, name))
        const expected = weChanged ? at(ours, name) : at(theirs, name)
        assert.equal(text(at(result, name)), text(expected), name)
      }
    }),
  )
})

test('changes of different attributes give the same result in whatever order they are stored', () => {
  const change = fc.option(fc.integer({ min: 3, max: 9 }), { nil: undefined })
  fc.assert(
    fc.property(attributes, fc.dictionary(names, change), names, (base, changes, first) => {
      const [one, other] = [plain(base), plain(base)]
      for (const [name, value] of Object.entries(changes)) {
        apply(name === first ? one : other, name, value)
      }
      const oneLast = sorted(merged(base, one, other))
      assert.deepEqual(oneLast, sorted(merged(base, other, one)))
      const together = plain(base)
      for (const [name, value] of Object.entries(changes)) apply(together, name, value)
      assert.deepEqual(oneLast, sorted(together))
    }),
  )
})

test('with nobody else’s change the result is ours; without ours it is theirs', () => {
  fc.assert(
    fc.property(attributes, attributes, (base, changed) => {
      assert.deepEqual(sorted(merged(base, changed, base)), sorted(changed))
      assert.deepEqual(sorted(merged(base, base, changed)), sorted(changed))
    }),
  )
})

test('replacing makes the target equal to the source', () => {
  fc.assert(
    fc.property(attributes, attributes, (target, source) => {
      const into = plain(target)
      replaceAttributes(into, source)
      assert.deepEqual(sorted(into), sorted(source))
    }),
  )
})

test('an attribute removed by one and changed by another follows the later writer', () => {
  assert.deepEqual(merged({ a: 1 }, {}, { a: 2 }), {})
  assert.deepEqual(merged({ a: 1 }, { a: 2 }, {}), { a: 2 })
  assert.deepEqual(merged({ a: 1 }, { a: undefined }, { a: 1, b: 1 }), { b: 1 })
})

test('a resolver sees all three values of an attribute that both sides changed', () => {
  const asked: unknown[] = []
  const sum: AttributeResolver = (name, sides) => {
    asked.push([name, sides])
    return Number(sides.ours) + Number(sides.theirs) - Number(sides.base)
  }
  const ours = { hits: 3, mine: 1, same: 2 }
  mergeWith(ours, { hits: 1, same: 1 }, { hits: 6, same: 2, theirs: 1 }, sum)
  assert.deepEqual(ours, { hits: 8, mine: 1, same: 2, theirs: 1 })
  assert.deepEqual(asked, [['hits', { base: 1, ours: 3, theirs: 6 }]])
})

test('a resolver that returns undefined removes the attribute', () => {
  const ours = { a: 2 }
  mergeWith(ours, { a: 1 }, { a: 3 }, () => undefined)
  assert.deepEqual(ours, {})
})

test('an attribute that only the others removed goes, and one that is not stored stays', () => {
  const ours = { a: 1, local: 1 }
  mergeAttributes(ours, {
    base: { a: 1, local: 5 },
    theirs: {},
    isStored: (name) => name !== 'local',
    encodeValue: text,
    resolve: undefined,
  })
  assert.deepEqual(ours, { local: 1 })
})

test('a value that nobody else changed keeps its identity', () => {
  const cart = { items: [1] }
  const ours: Attributes = { cart }
  mergeWith(ours, { cart: { items: [] } }, { cart: { items: [] }, other: 1 })
  assert.equal(ours.cart, cart)
})

function merged(base: Attributes, ours: Attributes, theirs: Attributes): Attributes {
  const result: Attributes = {}
  replaceAttributes(result, ours)
  mergeWith(result, base, theirs)
  return result
}

function mergeWith(
  ours: Attributes,
  base: Attributes,
  theirs: Attributes,
  resolve?: AttributeResolver,
): void {
  mergeAttributes(ours, { base, theirs, isStored: () => true, encodeValue: text, resolve })
}

function apply(attributes: Attributes, name: string, value: number | undefined): void {
  const changed = Object.entries(attributes).filter(([one]) => one !== name)
  if (value !== undefined) changed.push([name, value])
  replaceAttributes(attributes, Object.fromEntries(changed))
}

function sorted(attributes: Attributes): [string, string][] {
  return Object.entries(attributes)
    .map(([name, value]): [string, string] => [name, JSON.stringify(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
