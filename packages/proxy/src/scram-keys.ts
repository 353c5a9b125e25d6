/**
 * The salted keys that SCRAM proofs are checked against, computed from a bucket's password once per
 * mechanism and kept while the password stays. A user that does not exist has a salt like any other
 * and keys that no proof fits, so that an exchange does not tell who exists.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** Hash functions of the mechanisms, in node:crypto's names. */
export type ScramHash = 'sha512' | 'sha256' | 'sha1'

/** The mechanisms, strongest first. */
export const SCRAM_MECHANISMS: ReadonlyMap<string, ScramHash> = new Map([
  ['SCRAM-SHA512', 'sha512'],
  ['SCRAM-SHA256', 'sha256'],
  ['SCRAM-SHA1', 'sha1'],
])

/** What a server stores instead of a password. */
export interface ScramKeyPair {
  storedKey: Buffer
  serverKey: Buffer
}

/** What one exchange needs of a user. */
export interface ScramCredential {
  salt: Buffer
  iterations: number
  /** Computed on demand, some milliseconds the first time. */
  keys(): ScramKeyPair
}

/** RFC 7677's smallest; the password lies in the configuration anyway, and clients pay it too. */
export const SCRAM_ITERATIONS = 4096
const SALT_BYTES = 16
const KEYS_MAX = 1024

interface KeptKeys extends ScramKeyPair {
  password: string
}

export class ScramKeys {
  readonly #saltSecret: Buffer = randomBytes(32)
  readonly #kept: Map<string, KeptKeys> = new Map()

  /** The credential of a user with this password, or of one that does not exist. */
  credential(hash: ScramHash, username: string, password: string | undefined): ScramCredential {
    const salt = createHmac('sha256', this.#saltSecret).update(`${hash} ${username}`).digest()
    const shortSalt = salt.subarray(0, SALT_BYTES)
    return {
      salt: shortSalt,
      iterations: SCRAM_ITERATIONS,
      keys: () => {
        if (password === undefined) return nobody(hash)
        return this.#keysOf(hash, username, password, shortSalt)
      },
    }
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

/** StoredKey and ServerKey of RFC 5802. */
export function deriveKeys(
  hash: ScramHash,
  password: string,
  salt: Buffer,
  iterations: number,
): ScramKeyPair {
  const bytes = createHash(hash).digest().length
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, bytes, hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  return {
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, salted).update('Server Key').digest(),
  }
}

function nobody(hash: ScramHash): ScramKeyPair {
  const bytes = createHash(hash).digest().length
  return { storedKey: randomBytes(bytes), serverKey: randomBytes(bytes) }
}
