import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConfigError } from './config-error.ts'
import { CONFIG_CHARS_MAX, ConfigStreamParser } from './stream-framing.ts'

function read(chunks: readonly (Buffer | string)[]): { configs: string[]; rest: string } {
  const parser = new ConfigStreamParser()
  const configs: string[] = []
  for (const chunk of chunks) parser.push(chunk, (json) => configs.push(json))
  return { configs, rest: parser.takeRest() }
}

test('configs are found however the stream is split', () => {
  const config = fc
    .record({ name: fc.string({ unit: 'grapheme', maxLength: 20 }), n: fc.integer() })
    .map((value) => JSON.stringify(value, null, 1))
  const stream = fc.tuple(
    fc.array(fc.tuple(fc.stringMatching(/^[ \n]{0,3}$/), config), { maxLength: 5 }),
    fc.array(fc.nat(), { maxLength: 20 }),
  )
  fc.assert(
    fc.property(stream, ([sent, places]) => {
      const bytes = Buffer.from(sent.map(([blanks, json]) => `${blanks}${json}\n\n\n\n`).join(''))
      const cuts = [...places.map((place) => place % (bytes.length + 1)), bytes.length]
      cuts.sort((a, b) => a - b)
      const chunks = cuts.map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end))
      const expected = { configs: sent.map(([, json]) => json), rest: '' }
      assert.deepEqual(read(chunks), expected)
      assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.from([byte]))), expected)
    }),
  )
})

test('a terminator in its own chunk ends the config, keep-alive blanks do not', () => {
  assert.deepEqual(read([' ', '{"a":1}', '\n\n', ' ', '{"b":2}\n\n\n\n', ' ', ' ', ' ']), {
    configs: ['{"a":1}\n\n {"b":2}'],
    rest: '',
  })
  assert.deepEqual(read(['{"a":1}', '\n\n\n\n', ' ', ' {"b":2}', '\n', '\n\n\n', '{"c"']), {
    configs: ['{"a":1}', '{"b":2}'],
    rest: '{"c"',
  })
})

test('the rest is the whole answer of a server that does not stream', () => {
  const parser = new ConfigStreamParser()
  parser.push(' {"a":1}\n', () => assert.fail('not terminated'))
  assert.equal(parser.takeRest(), '{"a":1}')
  assert.equal(parser.takeRest(), '')
})

test('keep-alives for ever cost no memory, a config without end is refused', () => {
  const parser = new ConfigStreamParser()
  const blanks = ' '.repeat(1024 * 1024)
  for (let n = 0; n < 40; n++) parser.push(blanks, () => assert.fail('no config'))
  const push = (): void => {
    for (let n = 0; n < 40; n++) parser.push('x'.repeat(1024 * 1024), () => undefined)
  }
  assert.throws(push, ConfigError)
  assert.ok(CONFIG_CHARS_MAX < 40 * 1024 * 1024)
})
