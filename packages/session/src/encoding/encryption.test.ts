import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { codecWith, decodeNow, stored } from '../test-support/codecs.ts'
import { parseEncryption } from './encryption-keys.ts'
import {
  DERIVED_KEYS_MAX,
  KEY_ID_BYTES,
  SALT_BYTES,
  SEAL_BYTES,
  SessionCipher,
} from './session-cipher.ts'

const [one, other] = [randomBytes(32), randomBytes(32)]
const NOTHING = Buffer.alloc(0)
const SECRET_TEXT = 'the-secret-of-ann'
const encrypted = codecWith({ encryption: { keys: one } })

test('the session cannot be seen in what is stored, and is decrypted by the same key', () => {
  for (const transcoder of ['json', 'msgpackr', 'cbor'] as const) {
    for (const compression of [false, 'gzip'] as const) {
      const codec = codecWith({ encryption: { keys: one }, transcoder, compression })
      const attributes = { word: SECRET_TEXT.repeat(100) }
      const value = stored(codec, attributes)
      assert.ok(!value.includes(SECRET_TEXT))
      const decoded = decodeNow(codec, value, 'sid-n1')
      assert.ok(decoded.ok)
      assert.deepEqual(decoded.envelope.attributes, attributes)
    }
  }
})

test('the same session is never stored as the same bytes', () => {
  assert.notDeepEqual(stored(encrypted, { a: 1 }), stored(encrypted, { a: 1 }))
})

test('a value is bound to the random part of its id, not to node and route', () => {
  const value = stored(encrypted, { a: 1 }, 'sid-n1.app1')
  assert.ok(decodeNow(encrypted, value, 'sid-n2.app2').ok)
  assert.deepEqual(decodeNow(encrypted, value, 'another-n1.app1'), {
    ok: false,
    unreadable: 'changed, or of another session',
  })
})

test('a value that was changed anywhere is not read', () => {
  const value = stored(encrypted, { a: 1 })
  for (let at = 0; at < value.length; at++) {
    const changed = Buffer.from(value)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    assert.equal(decodeNow(encrypted, changed, 'sid-n1').ok, false, `byte ${at}`)
  }
  for (let length = 0; length < value.length; length++) {
    assert.equal(decodeNow(encrypted, value.subarray(0, length), 'sid-n1').ok, false)
  }
})

test('the first key encrypts and all decrypt', () => {
  const rotated = codecWith({ encryption: { keys: [other, one] } })
  assert.ok(decodeNow(rotated, stored(encrypted, { a: 1 }), 'sid-n1').ok)
  assert.deepEqual(decodeNow(encrypted, stored(rotated, { a: 1 }), 'sid-n1'), {
    ok: false,
    unreadable: 'encrypted with a key unknown here',
  })
})

test('unencrypted sessions are read only when that is allowed', () => {
  const plain = stored(codecWith(), { a: 1 })
  const packed = stored(codecWith({ transcoder: 'cbor' }), { a: 1 })
  const strict = codecWith({ transcoder: 'cbor', encryption: { keys: one } })
  const accepting = codecWith({ transcoder: 'cbor', encryption: { keys: one, acceptPlain: true } })
  for (const value of [plain, packed]) {
    assert.deepEqual(decodeNow(strict, value, 'sid-n1'), {
      ok: false,
      unreadable: 'not encrypted, and encryption.acceptPlain is not set',
    })
    assert.ok(decodeNow(accepting, value, 'sid-n1').ok)
  }
  assert.equal(decodeNow(codecWith(), stored(encrypted, { a: 1 }), 'sid-n1').ok, false)
})

test('with write: false a server reads what is encrypted and writes what others can read', () => {
  const preparing = codecWith({ encryption: { keys: one, write: false } })
  assert.ok(decodeNow(preparing, stored(encrypted, { a: 1 }), 'sid-n1').ok)
  assert.ok(decodeNow(codecWith(), stored(preparing, { a: 1 }), 'sid-n1').ok)
  assert.ok(decodeNow(preparing, stored(preparing, { a: 1 }), 'sid-n1').ok)
})

test('a key may be bytes, hex, base64 or a passphrase, and one form decrypts the other', () => {
  const plain = Buffer.from(SECRET_TEXT)
  const sealed = new SessionCipher([one]).seal(plain, NOTHING)
  assert.equal(sealed.length, plain.length + SEAL_BYTES)
  for (const form of [one.toString('hex'), one.toString('base64'), one.toString('base64url')]) {
    const cipher = new SessionCipher(parseEncryption({ keys: form })?.keys ?? [])
    assert.deepEqual(cipher.open(sealed, NOTHING), plain)
  }
  const passphrase = 'correct horse battery'
  const [first, again, salted] = [{ passphrase }, { passphrase }, { passphrase, salt: 'shop' }].map(
    (keys) => parseEncryption({ keys })?.keys[0],
  )
  assert.deepEqual(first, again)
  assert.notDeepEqual(first, salted)
})

test('after its budget of writes a process takes another salt', () => {
  const cipher = new SessionCipher([one], 3)
  const salts = Array.from({ length: 7 }, () => saltOf(cipher.seal(Buffer.from('a'), NOTHING)))
  assert.deepEqual(
    salts.map((salt) => salts.indexOf(salt)),
    [0, 0, 0, 3, 3, 3, 6],
  )
})

test('values of more processes than keys are remembered for are still read', () => {
  const reader = new SessionCipher([one])
  const sealed = Array.from({ length: DERIVED_KEYS_MAX + 10 }, (_, n) =>
    new SessionCipher([one]).seal(Buffer.from([n]), NOTHING),
  )
  for (let round = 0; round < 2; round++) {
    for (const [n, value] of sealed.entries()) {
      assert.equal(reader.open(value, NOTHING)[0], n % 256)
    }
  }
})

function saltOf(sealed: Buffer): string {
  return sealed.toString('hex', KEY_ID_BYTES, KEY_ID_BYTES + SALT_BYTES)
}

test('a wrong key is a TypeError that does not tell it', () => {
  const wrong = [
    SECRET_TEXT,
    'ab'.repeat(31),
    randomBytes(31),
    { passphrase: 'short' },
    { passphrase: SECRET_TEXT, salt: 5 },
    [],
    undefined,
    5,
  ]
  for (const keys of wrong) {
    assert.throws(
      () => parseEncryption({ keys }),
      (error) => error instanceof TypeError && !error.message.includes(SECRET_TEXT),
    )
  }
  assert.throws(() => parseEncryption({ keys: one, mode: 'cbc' }), TypeError)
  assert.throws(() => parseEncryption({ keys: one, write: 1 }), TypeError)
})
