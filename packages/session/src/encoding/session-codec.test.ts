import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { codecWith, decodeNow, encodeNow, stored, TIMES } from '../test-support/codecs.ts'
import { SessionEncodingError, SessionTooLargeError } from './encoding-errors.ts'
import type { Attributes, CookieOverrides } from './envelope.ts'
import { NO_CONTENT, type SessionCodec } from './session-codec.ts'
import type { Transcoder } from './transcoder.ts'

const ENCODINGS = ['json', 'msgpackr', 'cbor'] as const
const own: Transcoder = {
  name: 'v8',
  encode: (value) => serialize(value),
  decode: (bytes) => deserialize(Buffer.from(bytes)),
}
const attributeValues = fc.anything({
  withDate: true,
  withMap: true,
  withSet: true,
  withBigInt: true,
})

function attributesOf(codec: SessionCodec, value: Buffer, id = 'sid-n1'): Attributes {
  const decoded = decodeNow(codec, value, id)
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.unreadable)
  return decoded.envelope.attributes
}

function whyNot(codec: SessionCodec, value: Buffer, id = 'sid-n1'): string {
  const decoded = decodeNow(codec, value, id)
  assert.ok(!decoded.ok)
  return decoded.unreadable
}

test('a session of plain values is the JSON text that was always stored', () => {
  const value = stored(codecWith(), { user: 'ann' })
  assert.equal(
    value.toString(),
    '{"v":1,"created":1,"lastAccessed":2,"maxInactive":3,"attributes":{"user":"ann"},"cookie":{}}',
  )
})

test('a session with a tagged value is version 2', () => {
  const value = stored(codecWith(), { at: new Date(5) })
  assert.equal(
    value.toString(),
    '{"v":2,"created":1,"lastAccessed":2,"maxInactive":3,"attributes":{"at":{"$hf":["Date",5]}},"cookie":{}}',
  )
})

test('in version 1 nothing is a tag', () => {
  const text =
    '{"v":1,"created":1,"lastAccessed":2,"maxInactive":3,"attributes":{"a":{"$hf":["Date",5]}},"cookie":{"maxAgeMs":7}}'
  const decoded = decodeNow(codecWith(), Buffer.from(text), 'sid-n1')
  assert.ok(decoded.ok)
  assert.deepEqual(decoded.envelope.attributes, { a: { $hf: ['Date', 5] } })
  assert.deepEqual(decoded.envelope.cookie, { maxAgeMs: 7 })
  assert.deepEqual(codecWith().attributesIn(decoded.content), decoded.envelope.attributes)
})

for (const transcoder of [...ENCODINGS, own]) {
  const name = typeof transcoder === 'string' ? transcoder : 'an own transcoder'

  test(`${name}: what is encoded is decoded, and unchanged attributes give the same content`, () => {
    const codec = codecWith({ transcoder })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (attributes) => {
        const content = codec.content(attributes, { maxAgeMs: null })
        const decoded = decodeNow(
          codec,
          encodeNow(codec, content, { id: 'sid-n1', ...TIMES }),
          'sid-n1',
        )
        assert.ok(decoded.ok)
        const { attributes: read, ...rest } = decoded.envelope
        assert.deepEqual(Object.entries(read).sort(byName), Object.entries(attributes).sort(byName))
        assert.deepEqual(rest, { ...TIMES, cookie: { maxAgeMs: null } })
        assert.equal(decoded.content, content)
        assert.equal(codec.content(read, rest.cookie), content)
      }),
    )
  })

  test(`${name}: a change in place of an object, array, Map or Set changes the content`, () => {
    const codec = codecWith({ transcoder })
    const cart = { items: [{ id: 1 }], map: new Map([['a', new Set([1])]]), at: new Date(1) }
    const changes = [
      () => cart.items.push({ id: 2 }),
      () => Object.assign(cart.items[0] ?? {}, { id: 9 }),
      () => cart.map.get('a')?.add(2),
      () => cart.map.set('b', new Set()),
      () => cart.at.setTime(2),
    ]
    for (const change of changes) {
      const before = codec.content({ cart }, {})
      change()
      assert.notEqual(codec.content({ cart }, {}), before)
    }
  })
}

for (const transcoder of ENCODINGS) {
  test(`${transcoder}: any value that can be encoded comes back so that it encodes the same`, () => {
    const codec = codecWith({ transcoder })
    fc.assert(
      fc.property(attributeValues, (value) => {
        const decoded = decodeNow(codec, stored(codec, { value }), 'sid-n1')
        assert.ok(decoded.ok)
        assert.equal(codec.content(decoded.envelope.attributes, {}), decoded.content)
      }),
    )
  })

  test(`${transcoder}: attributes with hostile names are attributes, and pollute nothing`, () => {
    const codec = codecWith({ transcoder })
    const attributes = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":1,"toString":2,"$hf":["Date",0],"$hf:x":3}',
    )
    assert.deepEqual(
      Object.entries(attributesOf(codec, stored(codec, attributes))).sort(byName),
      Object.entries(attributes).sort(byName),
    )
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  test(`${transcoder}: an attribute that is too deep or refers to itself is named`, () => {
    const codec = codecWith({ transcoder })
    const loop: Attributes = {}
    loop.self = new Map([['loop', loop]])
    assert.throws(
      () => codec.content({ fine: 1, loop }, {}),
      (error) => error instanceof SessionEncodingError && error.message.includes('"loop"'),
    )
  })
}

test('each configured encoding is read, whichever writes', () => {
  const all = [...ENCODINGS, own]
  for (const writer of all) {
    const written = stored(codecWith({ transcoder: writer }), { at: new Date(5), n: 1 })
    for (const reader of all) {
      const others = all.filter((one) => one !== reader && one !== 'json')
      const codec = codecWith({ transcoder: [reader, ...others] })
      const decoded = decodeNow(codec, written, 'sid-n1')
      assert.ok(decoded.ok)
      assert.deepEqual(decoded.envelope.attributes, { at: new Date(5), n: 1 })
      // Reading alone is no reason to write.
      assert.equal(codec.content(decoded.envelope.attributes, {}), decoded.content)
    }
  }
})

test('an encoding that is not configured is unreadable, and the reason says so', () => {
  const value = stored(codecWith({ transcoder: 'cbor' }), { a: 1 })
  assert.equal(whyNot(codecWith(), value), 'its encoding is not in option transcoder')
})

test('a filter keeps only the attributes that match, in every encoding', () => {
  for (const transcoder of [...ENCODINGS, own]) {
    const codec = codecWith({ transcoder }, /^user$/)
    assert.deepEqual(attributesOf(codec, stored(codec, { view: 2, user: 1 })), { user: 1 })
  }
})

test('converters keep values of the application’s own classes', () => {
  class Money {
    readonly cents: bigint
    constructor(cents: bigint) {
      this.cents = cents
    }
  }
  const customConverter = [
    {
      name: 'Money',
      test: (value: object) => value instanceof Money,
      encode: (value: object) => (value as Money).cents,
      decode: (plain: unknown) => {
        if (typeof plain !== 'bigint') throw new Error('not money')
        return new Money(plain)
      },
    },
  ]
  for (const transcoder of ENCODINGS) {
    const codec = codecWith({ transcoder, customConverter })
    const value = stored(codec, { price: [new Money(5n)] })
    assert.deepEqual(attributesOf(codec, value), { price: [new Money(5n)] })
    assert.equal(whyNot(codecWith({ transcoder }), value), 'a value tagged Money is not known here')
  }
  const broken = stored(codecWith(), { x: new Date(5) })
    .toString()
    .replace('Date', 'Money')
  assert.equal(whyNot(codecWith({ customConverter }), Buffer.from(broken)), 'cannot be decoded')
})

test('compression is undone whatever the reader compresses itself', () => {
  const attributes = { text: 'a'.repeat(5000) }
  for (const compression of ['gzip', 'brotli', 'zstd'] as const) {
    for (const transcoder of ENCODINGS) {
      const value = stored(codecWith({ compression, transcoder }), attributes)
      assert.ok(value.length < 200)
      assert.deepEqual(attributesOf(codecWith({ transcoder }), value), attributes)
    }
  }
})

test('a session below the threshold, or one that does not shrink, is not compressed', () => {
  for (const compression of [
    { algorithm: 'gzip', threshold: 200 },
    { algorithm: 'zstd', threshold: 0 },
  ] as const) {
    const value = stored(codecWith({ compression }), { a: 1 })
    assert.deepEqual(value, stored(codecWith(), { a: 1 }))
  }
})

test('a value that decompresses to more than it tells, or than is allowed, is not read', () => {
  const compression = 'zstd'
  const value = stored(codecWith({ compression }), { text: 'a'.repeat(30_000) })
  assert.equal(
    whyNot(codecWith({ sessionSizeMax: 1000 }), value),
    'larger than sessionSizeMax allows',
  )
  const lying = Buffer.from(value)
  lying.writeUInt32BE(50, 11)
  assert.equal(whyNot(codecWith(), lying), 'cannot be decoded')
})

test('a header that tells another length, or times that are none, make a session unreadable', () => {
  const codec = codecWith({ transcoder: 'cbor' })
  const value = stored(codec, { a: 1 })
  const lengthAt = 7 + 'cbor'.length
  const [longer, timeless] = [Buffer.from(value), Buffer.from(value)]
  longer.writeUInt32BE(value.length, lengthAt)
  assert.equal(whyNot(codec, longer), 'length does not match')
  timeless.writeDoubleBE(Number.NaN, lengthAt + 4)
  assert.equal(whyNot(codec, timeless), 'times are missing')
})

test('512 levels are kept, more are neither written nor read', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  for (const transcoder of ENCODINGS) {
    const codec = codecWith({ transcoder })
    const deep: unknown = JSON.parse(nested(512))
    assert.deepEqual(attributesOf(codec, stored(codec, { deep })), { deep })
    const inMap = new Map([[1, JSON.parse(nested(510))]])
    for (const value of [JSON.parse(nested(600)), inMap]) {
      assert.throws(
        () => codec.content({ value }, {}),
        /"value" cannot be encoded: nested deeper than 512 levels/,
      )
    }
  }
  for (const version of [1, 2]) {
    const text = stored(codecWith(), { deep: 0 }).toString().replace('"v":1', `"v":${version}`)
    const deeper = Buffer.from(text.replace('"deep":0', `"deep":${nested(600)}`))
    assert.match(whyNot(codecWith(), deeper), /^nested deeper than 512 levels/)
  }
})

test('the attributes as a whole are no tag', () => {
  const text = stored(codecWith(), {}).toString().replace('"v":1', '"v":2')
  const value = text.replace('"attributes":{}', '"attributes":{"$hf":["Map",[]]}')
  assert.equal(whyNot(codecWith(), Buffer.from(value)), 'attributes are missing')
})

test('a session that is too large is refused, and the error names its largest attribute', () => {
  for (const transcoder of ENCODINGS) {
    const codec = codecWith({ transcoder, sessionSizeMax: 500 })
    assert.throws(
      () => stored(codec, { small: 1, history: 'x'.repeat(600), other: 'y'.repeat(100) }),
      (error) =>
        error instanceof SessionTooLargeError &&
        error.attribute === 'history' &&
        /session has \d+ bytes, 500 are allowed by sessionSizeMax; .*"history", 60\d bytes/.test(
          error.message,
        ),
    )
    assert.doesNotThrow(() => stored(codec, { a: 'x'.repeat(300) }))
  }
})

test('before compression a session may be eight times as large, and no larger', () => {
  const codec = codecWith({ compression: 'gzip', sessionSizeMax: 1000 })
  const value = stored(codec, { text: 'x'.repeat(7000) })
  assert.equal(attributesOf(codec, value).text, 'x'.repeat(7000))
  assert.throws(() => stored(codec, { text: 'x'.repeat(8000) }), {
    code: 'HOLDFAST_SESSION_TOO_LARGE',
    message: /, 8000 are allowed by sessionSizeMax; .*"text", 8002 bytes/,
  })
})

test('merging keeps what each side changed, and what is not stored stays', () => {
  for (const transcoder of [...ENCODINGS, own]) {
    const codec = codecWith({ transcoder }, /^[a-z]$/)
    const base = { a: new Date(1), b: new Map([[1, 2]]), c: [1] }
    const content = codec.content(base, {})
    const kept = new Map([[1, 3]])
    const ours = { a: new Date(1), b: kept, c: [1], LOCAL: 1 }
    codec.merge(ours, content, { a: new Date(2), b: new Map([[1, 2]]), d: 5n })
    assert.deepEqual(ours, { a: new Date(2), b: kept, d: 5n, LOCAL: 1 })
    assert.equal(ours.b, kept)
  }
})

test('what one side changed on the cookie is kept, whatever the other changed', () => {
  for (const transcoder of [...ENCODINGS, own]) {
    const codec = codecWith({ transcoder })
    const before = codec.content({ a: 1 }, { maxAgeMs: 5 })
    const merged = (ours: CookieOverrides, theirs: CookieOverrides): CookieOverrides => {
      const session = { attributes: { a: 2 }, cookie: { ...ours } }
      codec.mergeParts(session, before, { attributes: { a: 1, b: 1 }, cookie: theirs })
      assert.deepEqual(session.attributes, { a: 2, b: 1 })
      return session.cookie
    }
    assert.deepEqual(merged({ maxAgeMs: 5 }, { maxAgeMs: 9 }), { maxAgeMs: 9 })
    assert.deepEqual(merged({ maxAgeMs: 5 }, {}), {})
    assert.deepEqual(merged({ maxAgeMs: null }, { maxAgeMs: 5 }), { maxAgeMs: null })
    assert.deepEqual(merged({ maxAgeMs: 7 }, { maxAgeMs: 9 }), { maxAgeMs: 7 })
  }
})

test('merged with no content everything of both sides is kept', () => {
  const ours: Attributes = { a: 1 }
  codecWith().merge(ours, NO_CONTENT, { a: 2, b: 3 })
  assert.deepEqual(ours, { a: 1, b: 3 })
})

test('a BigInt of too many digits is neither written nor read', () => {
  const codec = codecWith()
  const big = 10n ** 9_999n
  assert.deepEqual(attributesOf(codec, stored(codec, { big })), { big })
  assert.throws(() => stored(codec, { big: big * 10n }), SessionEncodingError)
  const longer = stored(codec, { big }).toString().replace('"1', '"10')
  assert.equal(whyNot(codec, Buffer.from(longer)), 'a value tagged BigInt is not known here')
})

test('mergeAttribute decides what both sides changed', () => {
  const codec = codecWith({
    mergeAttribute: (_name, { base, ours, theirs }) => Number(ours) + Number(theirs) - Number(base),
  })
  const ours = { hits: 5 }
  codec.merge(ours, codec.content({ hits: 3 }, {}), { hits: 4 })
  assert.deepEqual(ours, { hits: 6 })
})

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1
}
