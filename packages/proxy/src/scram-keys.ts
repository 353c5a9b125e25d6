/**
 * What logins are checked against. Of a password that is known, the salted keys of SCRAM are
 * computed once for each mechanism and kept while it stays; where only its keys are known, one that
 * was given in the open and was right is remembered, so that clients who come often cost a hash and
 * not a derivation. A user that does not exist has a salt like any other and keys that no proof
 * fits, so that an exchange does not tell who exists.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import {
  deriveKeys,
  type LoginKeys,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  type ScramHash,
  type ScramKeyPair,
} from '@holdfast/client'
import type { LoginSecret } from './login-secret.ts'
import { equalSecrets } from './sasl-plain.ts'

/** What one exchange needs of a user. */
export interface ScramCredential {
  salt: Buffer
  iterations: number
  /** Computed on demand, some milliseconds the first time. */
  keys(): ScramKeyPair
}

/** The hash that a password in the open is checked by: each does, this one is quick. */
const PLAIN_HASH = 'sha256'
const KEYS_MAX = 1024

interface KeptKeys extends ScramKeyPair {
  password: string
}

export class ScramKeys {
  readonly #saltSecret: Buffer = randomBytes(32)
  readonly #kept: Map<string, KeptKeys> = new Map()
  /** By user: a digest of the keys and of the password that fits them. */
  readonly #proven: Map<string, string> = new Map()

  /** The credential of a user with this secret, or of one that does not exist. */
  credential(hash: ScramHash, username: string, secret: LoginSecret | undefined): ScramCredential {
    if (typeof secret === 'object') return storedCredential(secret[hash])
    const salt = createHmac('sha256', this.#saltSecret).update(`${hash} ${username}`).digest()
    const shortSalt = salt.subarray(0, SCRAM_SALT_BYTES)
    return {
      salt: shortSalt,
      iterations: SCRAM_ITERATIONS,
      keys: () => {
        if (secret === undefined) return nobody(hash)
        return this.#keysOf(hash, username, secret, shortSalt)
      },
    }
  }

  /** Whether a password that was given in the open is known to be right, without a derivation. */
  remembers(username: string, password: string, secret: LoginSecret | undefined): boolean {
    if (typeof secret === 'object') {
      return this.#proven.get(username) === this.#digest(password, secret)
    }
    return equalSecrets(password, secret ?? '') && secret !== undefined
  }

  /** Whether a password that was given in the open is the right one. */
  matches(username: string, password: string, secret: LoginSecret | undefined): boolean {
    if (this.remembers(username, password, secret)) return true
    if (typeof secret !== 'object') return false
    const { salt, iterations, storedKey } = secret[PLAIN_HASH]
    const derived = deriveKeys(PLAIN_HASH, password, Buffer.from(salt, 'base64'), iterations)
    const expected = Buffer.from(storedKey, 'base64')
    if (expected.length !== derived.storedKey.length) return false
    if (!timingSafeEqual(expected, derived.storedKey)) return false
    if (this.#proven.size >= KEYS_MAX) this.#proven.clear()
    this.#proven.set(username, this.#digest(password, secret))
    return true
  }

  #digest(password: string, keys: LoginKeys): string {
    const told = `${keys[PLAIN_HASH].storedKey} ${password}`
    return createHmac('sha256', this.#saltSecret).update(told).digest('base64')
  }

  #keysOf(hash: ScramHash, username: string, password: string, salt: Buffer): ScramKeyPair {
    const place = `${hash} ${username}`
    const kept = this.#kept.get(place)
    if (kept?.password === password) return kept
    const keys = { password, ...deriveKeys(hash, password, salt, SCRAM_ITERATIONS) }
    if (this.#kept.size >= KEYS_MAX) this.#kept.clear()
    this.#kept.set(place, keys)
    return keys
  }
}

function storedCredential(keys: LoginKeys[ScramHash]): ScramCredential {
  return {
    salt: Buffer.from(keys.salt, 'base64'),
    iterations: keys.iterations,
    keys: () => ({
      storedKey: Buffer.from(keys.storedKey, 'base64'),
      serverKey: Buffer.from(keys.serverKey, 'base64'),
    }),
  }
}

function nobody(hash: ScramHash): ScramKeyPair {
  const bytes = createHash(hash).digest().length
  return { storedKey: randomBytes(bytes), serverKey: randomBytes(bytes) }
}
