import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { codecWith, decodeNow, stored } from '../test-support/codecs.ts'

const PAGE = new URL('../../../../docs/reference/session-encoding.md', import.meta.url)

class Cart {
  items = 2
  get total(): number {
    return this.items * 10
  }
}

interface Case {
  shown: string
  value: unknown
  comesBack: string
  expected: unknown
}

const same = (shown: string, value: unknown): Case => ({
  shown,
  value,
  comesBack: 'the same',
  expected: value,
})

const CASES: readonly Case[] = [
  same('null, booleans, strings', [null, true, false, 'ü €']),
  same('numbers, also `NaN`, `Infinity`, `-Infinity`, `-0`', [
    1.5,
    2 ** 40,
    Number.MAX_SAFE_INTEGER,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
  ]),
  same('`BigInt`, at most 10,000 digits', [0n, -(2n ** 70n)]),
  same('`undefined` in an object or array', { a: undefined, list: [undefined, 1] }),
  same('objects and arrays, at most 512 levels', { a: [{ b: {} }], 1: 2 }),
  same('`Date`, also an invalid one', [new Date(1.7e12), new Date(Number.NaN)]),
  same('`Map`, with keys of any kind', new Map<unknown, unknown>([[{ a: 1 }, new Date(1)]])),
  same('`Set`', new Set([1, 'a', new Set([2n])])),
  same('`Buffer`', Buffer.from([0, 255, 10])),
  same('`Uint8Array`', new Uint8Array([0, 255, 10])),
  same('`URL`', new URL('https://a.example/b?c=d#e')),
  same('keys such as `__proto__`, `constructor`, `$hf`', hostileKeys()),
  {
    shown: 'an object with `toJSON`',
    value: { toJSON: () => ({ id: 7, at: new Date(5) }) },
    comesBack: 'what `toJSON` returned',
    expected: { id: 7, at: new Date(5) },
  },
  {
    shown: 'an object of another class',
    value: new Cart(),
    comesBack: 'a plain object with its own enumerable properties',
    expected: { items: 2 },
  },
  {
    shown: '`RegExp`, `Error`, `WeakMap`, `Promise`',
    value: [/a/, new Error('a'), new WeakMap(), Promise.resolve()],
    comesBack: '`{}`',
    expected: [{}, {}, {}, {}],
  },
  {
    shown: 'other typed arrays',
    value: new Float64Array([1.5, 2]),
    comesBack: 'a plain object, index to number',
    expected: { 0: 1.5, 1: 2 },
  },
  {
    shown: '`new String`, `new Number`, `new Boolean`',
    value: [Object('a'), Object(1), Object(true)],
    comesBack: 'the value in it',
    expected: ['a', 1, true],
  },
  {
    shown: 'an object without prototype',
    value: Object.assign(Object.create(null), { a: 1 }),
    comesBack: 'a plain object',
    expected: { a: 1 },
  },
  {
    shown: 'a function or symbol',
    value: { a: () => 1, b: Symbol('b'), list: [() => 1] },
    comesBack: 'left out; `null` in an array',
    expected: { list: [null] },
  },
]

for (const transcoder of ['json', 'msgpackr', 'cbor'] as const) {
  test(`${transcoder} keeps what the table says`, () => {
    const codec = codecWith({ transcoder })
    for (const { shown, value, expected } of CASES) {
      const decoded = decodeNow(codec, stored(codec, { value }), 'sid-n1')
      assert.ok(decoded.ok, shown)
      assert.deepEqual(decoded.envelope.attributes, { value: expected }, shown)
      assert.equal(codec.content(decoded.envelope.attributes, {}), decoded.content, shown)
    }
  })
}

test('an attribute that is undefined, a function or a symbol is as if it were not there', () => {
  for (const transcoder of ['json', 'msgpackr', 'cbor'] as const) {
    const codec = codecWith({ transcoder })
    const attributes = { a: 1, b: undefined, c: () => 1, d: Symbol('d') }
    assert.equal(codec.content(attributes, {}), codec.content({ a: 1 }, {}))
  }
})

test('the table of docs/reference/session-encoding.md is the one that is tested', async () => {
  const rows = CASES.map(({ shown, comesBack }) => `| ${shown} | ${comesBack} |`)
  const table = ['| in the session | comes back as |', '|---|---|', ...rows, ''].join('\n')
  const page = await readFile(PAGE, 'utf8')
  assert.ok(page.includes(table), `the page must hold:\n${table}`)
})

function hostileKeys(): unknown {
  return JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"$hf":["Date",0],"$hf:a":1,"":0}',
  )
}
