/*
 * Authenticated encryption of stored sessions: AES-256-GCM of node:crypto.
 *
 * The first key encrypts, all decrypt, so a key is rotated by putting a new one in front and taking
 * the old one away when the last session under it has expired. Each process encrypts with a key
 * of its own, derived by HKDF from the configured one and a random salt that is stored beside the
 * value. So the budget of random nonces (2^32 for one key) is not shared by all servers and all
 * time: the salt is renewed after WRITES_PER_SALT_MAX writes, when the chance that two nonces are
 * equal is 2^-49.
 *
 *   8 bytes   key id
 *   16 bytes  salt
 *   12 bytes  nonce
 *   n bytes   ciphertext, as long as the plaintext
 *   16 bytes  tag, over the caller's additional data too
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { UnreadableError } from './encoding-errors.ts'

export const KEY_BYTES = 32
export const KEY_ID_BYTES = 8
export const SALT_BYTES = 16
export const NONCE_BYTES = 12
export const TAG_BYTES = 16
const PREFIX_BYTES: number = KEY_ID_BYTES + SALT_BYTES + NONCE_BYTES
export const SEAL_BYTES: number = PREFIX_BYTES + TAG_BYTES

export const WRITES_PER_SALT_MAX: number = 2 ** 24
/** Most derived keys kept: as many as processes that wrote lately. */
export const DERIVED_KEYS_MAX = 1024

const NONCES_AT_ONCE = 256
const ALGORITHM = 'aes-256-gcm'

interface ConfiguredKey {
  id: Buffer
  secret: KeyObject
}

interface WriteKey {
  /** Key id and salt, as they are stored. */
  prefix: Buffer
  key: KeyObject
  writesLeft: number
}

export class SessionCipher {
  readonly #keys: readonly ConfiguredKey[]
  /** By key id and salt. */
  readonly #derived = new Map<string, KeyObject>()
  #writeKey: WriteKey
  #nonces: Buffer = Buffer.alloc(0)

  readonly #writesPerSaltMax: number

  /** One or more keys of KEY_BYTES. */
  constructor(keys: readonly Uint8Array[], writesPerSaltMax: number = WRITES_PER_SALT_MAX) {
    this.#writesPerSaltMax = writesPerSaltMax
    this.#keys = keys.map((bytes) => {
      const secret = createSecretKey(bytes)
      const id = Buffer.from(
        hkdfSync('sha256', secret, '', 'holdfast session key id', KEY_ID_BYTES),
      )
      return { id, secret }
    })
    this.#writeKey = this.#newWriteKey()
  }

  /** `bound` is not stored: the same bytes must be given to open it. */
  seal(plain: Buffer, bound: Buffer): Buffer {
    if (this.#writeKey.writesLeft === 0) this.#writeKey = this.#newWriteKey()
    this.#writeKey.writesLeft--
    const { prefix, key } = this.#writeKey
    const nonce = this.#newNonce()
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(bound)
    const ciphertext = cipher.update(plain)
    cipher.final()
    return Buffer.concat([prefix, nonce, ciphertext, cipher.getAuthTag()])
  }

  /** Throws UnreadableError. */
  open(sealed: Buffer, bound: Buffer): Buffer {
    if (sealed.length < SEAL_BYTES) throw new UnreadableError('cut short')
    const key = this.#derivedKey(sealed.subarray(0, KEY_ID_BYTES + SALT_BYTES))
    const nonce = sealed.subarray(KEY_ID_BYTES + SALT_BYTES, PREFIX_BYTES)
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(bound).setAuthTag(sealed.subarray(-TAG_BYTES))
    const plain = decipher.update(sealed.subarray(PREFIX_BYTES, -TAG_BYTES))
    try {
      decipher.final()
    } catch (error) {
      throw new UnreadableError('changed, or of another session', { cause: error })
    }
    return plain
  }

  /** Random bytes are drawn for many nonces at once: each call for them costs microseconds. */
  #newNonce(): Buffer {
    if (this.#nonces.length === 0) this.#nonces = randomBytes(NONCE_BYTES * NONCES_AT_ONCE)
    const nonce = this.#nonces.subarray(0, NONCE_BYTES)
    this.#nonces = this.#nonces.subarray(NONCE_BYTES)
    return nonce
  }

  #newWriteKey(): WriteKey {
    const [first] = this.#keys
    if (first === undefined) throw new TypeError('encryption needs a key')
    const prefix = Buffer.concat([first.id, randomBytes(SALT_BYTES)])
    return { prefix, key: this.#derivedKey(prefix), writesLeft: this.#writesPerSaltMax }
  }

  #derivedKey(prefix: Buffer): KeyObject {
    const name = prefix.toString('latin1')
    const known = this.#derived.get(name)
    if (known !== undefined) return known
    const id = prefix.subarray(0, KEY_ID_BYTES)
    const configured = this.#keys.find((key) => key.id.equals(id))
    if (configured === undefined) throw new UnreadableError('encrypted with a key unknown here')
    const salt = prefix.subarray(KEY_ID_BYTES)
    const bytes = hkdfSync('sha256', configured.secret, salt, 'holdfast session', KEY_BYTES)
    const key = createSecretKey(Buffer.from(bytes))
    const [oldest] = this.#derived.keys()
    if (this.#derived.size >= DERIVED_KEYS_MAX && oldest !== undefined) this.#derived.delete(oldest)
    this.#derived.set(name, key)
    return key
  }
}
