import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { codecWith, stored, TIMES } from '../test-support/codecs.ts'
import { shownValues } from './shown-attributes.ts'
import { FORM_BYTES, isStoredForm, type StoredView, viewStored } from './stored-view.ts'

const BOUNDS = { bodyBytesMax: 100_000 }
const KEY = '07'.repeat(32)

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}
const customConverter = [
  {
    name: 'Money',
    test: (value: object) => value instanceof Money,
    encode: (value: object) => (value as Money).cents,
    decode: () => assert.fail('nothing is revived'),
  },
]
const ATTRIBUTES = {
  text: 'a',
  count: 1,
  yes: true,
  nothing: null,
  list: [1, 'b'],
  object: { $hf: 'own', a: new Date(0) },
  date: new Date(0),
  never: new Date(Number.NaN),
  big: 12n,
  nan: Number.NaN,
  bytes: Buffer.from('hello'),
  set: new Set([1, 2]),
  map: new Map([['k', new Date(0)]]),
  url: new URL('http://a/'),
  money: new Money(5),
  __proto__: { inherited: 'is not there' },
  toJSON: 'own',
}

function valuesOf({ attributes }: StoredView): Record<string, unknown> {
  return shownValues(attributes, BOUNDS.bodyBytesMax).values
}

test('every encoding is shown alike, without its converters', async () => {
  const names = Object.keys(ATTRIBUTES)
  for (const transcoder of ['json', 'msgpackr', 'cbor'] as const) {
    const value = stored(codecWith({ transcoder, customConverter }), ATTRIBUTES)
    assert.equal(isStoredForm(value.subarray(0, FORM_BYTES)), true)
    const view = await viewStored(value, BOUNDS)
    assert.equal(view.note, undefined)
    assert.deepEqual(view.times, TIMES)
    assert.equal(view.encoding, transcoder)
    assert.deepEqual([view.compressed, view.encrypted], [false, false])
    assert.deepEqual(
      view.attributes.map(({ name }) => name),
      names,
    )
    assert.deepEqual(valuesOf(view), {
      text: 'a',
      count: 1,
      yes: true,
      nothing: null,
      list: [1, 'b'],
      object: { $hf: 'own', a: '1970-01-01T00:00:00.000Z' },
      date: '1970-01-01T00:00:00.000Z',
      never: null,
      big: '12',
      nan: 'NaN',
      bytes: Buffer.from('hello').toString('base64'),
      set: [1, 2],
      map: [['k', '1970-01-01T00:00:00.000Z']],
      url: 'http://a/',
      money: { Money: 5 },
      toJSON: 'own',
    })
    const types = new Map(view.attributes.map(({ name, type }) => [name, type]))
    assert.equal(types.get('date'), 'Date')
    assert.equal(types.get('money'), 'Money')
    assert.equal(types.get('nan'), 'number')
    assert.equal(types.get('list'), 'array')
    assert.equal(types.get('nothing'), 'null')
  }
})

test('a key that only looks like a tag is a key in a session without tags', async () => {
  const body = '"attributes":{"a":{"$hf":["Date",0]}},"cookie":{}'
  const text = `{"v":1,"created":1,"lastAccessed":2,"maxInactive":3,${body}}`
  const view = await viewStored(Buffer.from(text), BOUNDS)
  assert.deepEqual(valuesOf(view), { a: { $hf: ['Date', 0] } })
})

test('compressed sessions are unpacked, up to the bound', async () => {
  for (const algorithm of ['gzip', 'brotli', 'zstd'] as const) {
    const codec = codecWith({ compression: { algorithm, threshold: 0 } })
    const value = stored(codec, { text: 'x'.repeat(1000) })
    const view = await viewStored(value, BOUNDS)
    assert.equal(view.compressed, true)
    assert.deepEqual(valuesOf(view), { text: 'x'.repeat(1000) })
    const refused = await viewStored(value, { bodyBytesMax: 1000 })
    assert.match(refused.note ?? '', /1000 are unpacked here/)
    assert.deepEqual(refused.attributes, [])
  }
})

test('a length that is told too small does not get more unpacked', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  const header = Buffer.from('f5484601010004', 'hex')
  const told = Buffer.alloc(4)
  told.writeUInt32BE(50)
  const value = Buffer.concat([header, Buffer.from('json'), told, bomb])
  const view = await viewStored(value, BOUNDS)
  assert.equal(view.note, 'cannot be decoded')
})

test('an encrypted session tells that it is one and nothing else', async () => {
  const value = stored(codecWith({ encryption: { keys: KEY } }), { text: 'secret' })
  const view = await viewStored(value, BOUNDS)
  assert.equal(view.encrypted, true)
  assert.equal(view.times, undefined)
  assert.deepEqual(view.attributes, [])
  assert.match(view.note ?? '', /key is the application’s/)
})

test('what is not ours is unknown, what is broken has a reason', async () => {
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /not stored by the session manager/],
    [Buffer.from('{"cookie":{}}'), /not stored by the session manager/],
    [Buffer.from('{"v":1,"created":'), /not JSON/],
    [Buffer.from('{"v":1,"created":1}'), /times are missing/],
    [Buffer.from('f548460100000a6170', 'hex'), /cut short/],
    [stored(codecWith(), { a: 1 }).subarray(0, -1), /not JSON/],
  ]
  for (const [value, note] of cases) {
    const view = await viewStored(value, BOUNDS)
    assert.match(view.note ?? '', note)
    assert.deepEqual(view.attributes, [])
  }
})

test('a transcoder of the application’s own leaves the times to be seen', async () => {
  const transcoder = { name: 'mine', encode: () => Buffer.from('x'), decode: () => ({}) }
  const view = await viewStored(stored(codecWith({ transcoder }), { a: 1 }), BOUNDS)
  assert.equal(view.encoding, 'mine')
  assert.deepEqual(view.times, TIMES)
  assert.match(view.note ?? '', /application’s own/)
})

test('values beyond the bound are cut and named', async () => {
  const view = await viewStored(stored(codecWith(), { a: 'xx', b: 'yyyy', c: 1 }), BOUNDS)
  assert.deepEqual(shownValues(view.attributes, 6), {
    values: { a: 'xx', b: '"y', c: '' },
    cut: ['b', 'c'],
  })
})
