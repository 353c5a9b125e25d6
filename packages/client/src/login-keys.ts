/**
 * What a server keeps in place of a password: the salted keys of SCRAM (RFC 5802), one set for each
 * hash function. Proofs of SCRAM are checked against them, and a password given in the open as
 * well, since it leads to the same keys; the password itself cannot be told from them. Pure but for
 * the derivation, which takes some milliseconds for each set.
 */
import { createHash, createHmac, pbkdf2, pbkdf2Sync } from 'node:crypto'
import { promisify } from 'node:util'

/** Hash functions of the mechanisms, in node:crypto's names. */
export type ScramHash = 'sha512' | 'sha256' | 'sha1'

/** The mechanisms, strongest first. */
export const SCRAM_MECHANISMS: ReadonlyMap<string, ScramHash> = new Map([
  ['SCRAM-SHA512', 'sha512'],
  ['SCRAM-SHA256', 'sha256'],
  ['SCRAM-SHA1', 'sha1'],
])

/** RFC 7677 asks for 4096 at least; more slow down guessing from a stolen file, and each login. */
export const SCRAM_ITERATIONS = 10_000
export const SCRAM_SALT_BYTES = 16

/** What a server needs of a password. */
export interface ScramKeyPair {
  storedKey: Buffer
  serverKey: Buffer
}

/** The same as it is kept: base64. */
export interface StoredScramKeys {
  salt: string
  iterations: number
  storedKey: string
  serverKey: string
}

/** The keys of one password, by hash function. */
export type LoginKeys = Record<ScramHash, StoredScramKeys>

const derive = promisify(pbkdf2)

/** StoredKey and ServerKey of RFC 5802. */
export function deriveKeys(
  hash: ScramHash,
  password: string,
  salt: Buffer,
  iterations: number,
): ScramKeyPair {
  const bytes = createHash(hash).digest().length
  return keysOf(hash, pbkdf2Sync(password.normalize('NFKC'), salt, iterations, bytes, hash))
}

/** The keys of a password for every mechanism; the hashing leaves the event loop. */
export async function makeLoginKeys(
  password: string,
  saltOf: (hash: ScramHash) => Buffer,
): Promise<LoginKeys> {
  const keys = async (hash: ScramHash): Promise<StoredScramKeys> => {
    const salt = saltOf(hash)
    const bytes = createHash(hash).digest().length
    const text = password.normalize('NFKC')
    const salted = await derive(text, salt, SCRAM_ITERATIONS, bytes, hash)
    return stored(salt, keysOf(hash, salted))
  }
  const [sha512, sha256, sha1] = await Promise.all([keys('sha512'), keys('sha256'), keys('sha1')])
  return { sha512, sha256, sha1 }
}

/** The same at once, for where nothing can be awaited. */
export function makeLoginKeysSync(
  password: string,
  saltOf: (hash: ScramHash) => Buffer,
): LoginKeys {
  const keys = (hash: ScramHash): StoredScramKeys => {
    const salt = saltOf(hash)
    return stored(salt, deriveKeys(hash, password, salt, SCRAM_ITERATIONS))
  }
  return { sha512: keys('sha512'), sha256: keys('sha256'), sha1: keys('sha1') }
}

function keysOf(hash: ScramHash, salted: Buffer): ScramKeyPair {
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  return {
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, salted).update('Server Key').digest(),
  }
}

function stored(salt: Buffer, { storedKey, serverKey }: ScramKeyPair): StoredScramKeys {
  return {
    salt: salt.toString('base64'),
    iterations: SCRAM_ITERATIONS,
    storedKey: storedKey.toString('base64'),
    serverKey: serverKey.toString('base64'),
  }
}
