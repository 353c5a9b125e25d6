import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Attributes } from './envelope.ts'
import { assignAttributes, mergeAttributes } from './merge.ts'

const attributes = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor'),
  fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant({ deep: [1] }), fc.string({ maxLength: 2 })),
)
/** As it comes back from the store, so that equal text means equal value. */
const plain = (value: Attributes): Attributes => JSON.parse(JSON.stringify(value))
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
const at = (from: Attributes, name: string): unknown =>
  Object.hasOwn(from, name) ? from[name] : undefined

test('every attribute that only one side changed ends as that side left it', () => {
  fc.assert(
    fc.property(attributes, attributes, attributes, (base, ours, theirs) => {
      const merged = mergeAttributes(base, ours, theirs)
      for (const name of new Set([base, ours, theirs].flatMap((one) => Object.keys(one)))) {
        const weChanged = !same(at(base, name), at(ours, name))
        const expected = weChanged ? at(ours, name) : at(theirs, name)
        assert.ok(same(at(merged, name), expected), name)
      }
    }),
  )
})

test('with nobody else’s change the result is ours; without ours it is theirs', () => {
  fc.assert(
    fc.property(attributes, attributes, (base, changed) => {
      assert.deepEqual(sorted(mergeAttributes(base, changed, base)), sorted(changed))
      assert.deepEqual(sorted(mergeAttributes(base, base, changed)), sorted(changed))
    }),
  )
})

test('assigning makes the target equal to the source', () => {
  fc.assert(
    fc.property(attributes, attributes, (target, source) => {
      const into = plain(target)
      assignAttributes(into, source)
      assert.deepEqual(sorted(into), sorted(source))
    }),
  )
})

test('an attribute removed by one and changed by another follows the later writer', () => {
  assert.deepEqual(mergeAttributes({ a: 1 }, {}, { a: 2 }), {})
  assert.deepEqual(mergeAttributes({ a: 1 }, { a: 2 }, {}), { a: 2 })
  assert.deepEqual(mergeAttributes({ a: 1 }, { a: undefined }, { a: 1, b: 1 }), { b: 1 })
})

function sorted(attributes: Attributes): [string, string][] {
  return Object.entries(attributes)
    .map(([name, value]): [string, string] => [name, JSON.stringify(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
