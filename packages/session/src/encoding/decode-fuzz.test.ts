import assert from 'node:assert/strict'
import { damagedBytes, fuzz } from '@holdfast/protocol/testing'
import fc from 'fast-check'
import { shownValues } from '../operator/shown-attributes.ts'
import { viewStored } from '../operator/stored-view.ts'
import { codecWith, stored } from '../test-support/codecs.ts'
import { DEPTH_MAX } from './tagged-tree.ts'

const KEY = '07'.repeat(32)
/** In every valid session; must not show in the reason why one is not readable. */
const SECRET = 'word-of-ann'
const SIZE_MAX = 100_000
const transcoder = ['json', 'msgpackr', 'cbor'] as const
const reader = codecWith({ transcoder, sessionSizeMax: SIZE_MAX })
const decryptor = codecWith({
  transcoder,
  sessionSizeMax: SIZE_MAX,
  encryption: { keys: KEY, acceptPlain: true },
})
const writers = [
  codecWith(),
  codecWith({ transcoder: 'msgpackr' }),
  codecWith({ transcoder: 'cbor' }),
  ...(['gzip', 'brotli', 'zstd'] as const).map((algorithm) =>
    codecWith({ compression: { algorithm, threshold: 0 } }),
  ),
  codecWith({ encryption: { keys: KEY } }),
]
const PROTOTYPES: readonly unknown[] = [
  ...[Object, Array, Date, Map, Set, Buffer, Uint8Array, URL].map(({ prototype }) => prototype),
  null,
]
const BEFORE = Object.getOwnPropertyNames(Object.prototype).join()

const keys = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', '$hf', '$hf:', 'toJSON') },
)
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.string(), fc.double(), fc.bigInt(), fc.boolean(), fc.constant(null), fc.date()),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((list) => new Map(list)),
    fc.uint8Array({ maxLength: 20 }),
  ),
}))

const validValues = fc
  .tuple(fc.dictionary(keys, anyValue, { maxKeys: 4 }), fc.constantFrom(...writers))
  .map(([attributes, codec]) => stored(codec, { word: SECRET, ...attributes }))

/** What makes the libraries behind the encodings call, compile or allocate something. */
const traps = fc.constantFrom(
  // Tag 27: an object whose class and arguments are named by the data.
  packed(
    'cbor',
    Buffer.from('d81b82646576616c781d676c6f62616c546869732e706f6c6c757465643d3121', 'hex'),
  ),
  // References, and a record that is compiled.
  packed('cbor', Buffer.from('d81c81d81d00', 'hex')),
  packed('cbor', Buffer.from('d9dfff8319e0008161610001', 'hex')),
  packed('cbor', Buffer.from(`9b${'f'.repeat(16)}`, 'hex')),
  packed('msgpackr', Buffer.from('d4724091a1610101', 'hex')),
  packed('msgpackr', Buffer.from('d57240e091a1610101', 'hex')),
  packed('msgpackr', Buffer.from('c70365a3616263', 'hex')),
  packed('msgpackr', Buffer.from('ddffffffff', 'hex')),
  packed('msgpackr', Buffer.alloc(3 * DEPTH_MAX, 0x91)),
  packed('cbor', Buffer.alloc(3 * DEPTH_MAX, 0x81)),
  jsonSession('['.repeat(3 * DEPTH_MAX) + ']'.repeat(3 * DEPTH_MAX)),
  jsonSession(`{"$hf":["Set",${'['.repeat(600)}${']'.repeat(600)}]}`),
  jsonSession('{"__proto__":{"polluted":1},"$hf:__proto__":{"polluted":1}}'),
  jsonSession(`{"$hf":["BigInt","${'9'.repeat(50_000)}"]}`),
)

fuzz<Buffer>({
  name: 'session-value',
  inputs: fc.oneof(
    { weight: 6, arbitrary: damagedBytes(validValues, 1) },
    { weight: 2, arbitrary: damagedBytes(traps, 1) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  ),
  check: async (value) => {
    const view = await viewStored(value, { bodyBytesMax: SIZE_MAX })
    assert.ok((view.note ?? '').length < 100 && !view.note?.includes(SECRET))
    JSON.stringify(shownValues(view.attributes, SIZE_MAX))
    for (const codec of [reader, decryptor]) {
      const decoded = await codec.decode(value, 'sid-n1')
      assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), BEFORE)
      assert.equal(Reflect.get(globalThis, 'polluted'), undefined)
      if (!decoded.ok) {
        assert.ok(decoded.unreadable.length < 100 && !decoded.unreadable.includes(SECRET))
        continue
      }
      const { attributes, cookie } = decoded.envelope
      checkPrototypes(attributes)
      assert.equal(Object.getPrototypeOf(attributes), Object.prototype)
      // What was read can be written, and is then read as the same.
      const content = codec.content(attributes, cookie)
      const written = await codec.encode(content, { id: 'sid-n1', ...decoded.envelope })
      const again = await codec.decode(written, 'sid-n1')
      assert.ok(again.ok)
      assert.equal(again.content, content)
      codec.merge(attributes, content, codec.attributesIn(content))
      assert.equal(codec.content(attributes, cookie), content)
    }
  },
})

function checkPrototypes(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  assert.ok(PROTOTYPES.includes(Object.getPrototypeOf(value)))
  const members: unknown[] = value instanceof Uint8Array ? [] : Object.values(value)
  if (value instanceof Map) members.push(...value.keys(), ...value.values())
  if (value instanceof Set) members.push(...value)
  for (const member of members) checkPrototypes(member)
}

function jsonSession(text: string): Buffer {
  return Buffer.from(
    `{"v":2,"created":1,"lastAccessed":2,"maxInactive":3,"attributes":{"a":${text}},"cookie":{}}`,
  )
}

/** A session in a binary encoding whose attribute `a` is these bytes. */
function packed(name: 'cbor' | 'msgpackr', attribute: Buffer): Buffer {
  const [map, text] = name === 'cbor' ? [0xa0, 0x60] : [0x80, 0xa0]
  const word = (letters: string): Buffer =>
    Buffer.from([text + letters.length, ...Buffer.from(letters)])
  const body = Buffer.concat([
    Buffer.alloc(24),
    Buffer.from([map + 2]),
    word('attributes'),
    Buffer.from([map + 1]),
    word('a'),
    attribute,
    word('cookie'),
    Buffer.from([map]),
  ])
  const header = Buffer.concat([
    Buffer.from([0xf5, 0x48, 0x46, 1, 0, 0, name.length]),
    Buffer.from(name),
    Buffer.alloc(4),
  ])
  header.writeUInt32BE(body.length, header.length - 4)
  return Buffer.concat([header, body])
}
