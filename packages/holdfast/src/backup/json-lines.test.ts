import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { itemOfLine, JsonLineError, LineCutter, lineOf } from './json-lines.ts'

test('an item is the same after export and import, whatever its bytes', () => {
  const bytes = (minLength: number) =>
    fc.oneof(
      fc.uint8Array({ minLength, maxLength: 60 }).map((array) => Buffer.from(array)),
      fc.string({ minLength, maxLength: 60, unit: 'grapheme' }).map((text) => Buffer.from(text)),
    )
  fc.assert(
    fc.property(
      bytes(1),
      bytes(0),
      fc.nat({ max: 0xffff_ffff }),
      fc.nat({ max: 4_000_000_000_000 }),
      (key, value, flags, expiresAtMs) => {
        const line = lineOf({ key, value, flags, expiresAtMs })
        assert.equal(line.indexOf('\n'), line.length - 1)
        assert.deepEqual(itemOfLine(line, 1), { key, value, flags, expiresAtMs })
      },
    ),
  )
})

test('text stays readable and what may be left out has a default', () => {
  const item = { key: Buffer.from('a'), value: Buffer.from('b'), flags: 0, expiresAtMs: 0 }
  const line = '{"key":"a","value":"b","encoding":"utf8","flags":0,"expiresAtMs":0}\n'
  assert.equal(lineOf(item), line)
  assert.deepEqual(itemOfLine('{"key":"a","value":"b"}', 1), item)
})

test('a line that is no item is named by its number', () => {
  for (const line of ['', '{', '{"key":"","value":"x"}', '{"key":"a","value":1}', '{"a":1}']) {
    assert.throws(
      () => itemOfLine(line, 7),
      (error) => {
        return error instanceof JsonLineError && error.message.startsWith('line 7 is no item')
      },
    )
  }
})

test('bytes are cut into lines however they come, and a line has a bound', () => {
  const cutter = new LineCutter(10)
  const lines = ['ab\nc', 'd\n', '\nrest'].flatMap((text) => [...cutter.cut(Buffer.from(text))])
  assert.deepEqual(lines, ['ab', 'cd', ''])
  assert.equal(cutter.rest(), 'rest')
  assert.throws(() => [...new LineCutter(10).cut(Buffer.alloc(11, 'a'))], JsonLineError)
})
