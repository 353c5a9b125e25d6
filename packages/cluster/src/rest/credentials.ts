/** Passwords: hashed with scrypt, compared in constant time, checked once per connection's worth. */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, Buffer>(scrypt)
const HASH_BYTES = 32
const SALT_BYTES = 16
/** Verified credentials remembered, as hashes, so that polling clients do not cost a scrypt each. */
const VERIFIED_MAX = 100

/** `scrypt$salt$hash`, base64. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return storedHash(salt, await derive(password, salt, HASH_BYTES))
}

/** How a hash is written down. */
export function storedHash(salt: Buffer, hash: Buffer): string {
  return `scrypt$${salt.toString('base64')}$${hash.toString('base64')}`
}

export class PasswordCheck {
  readonly #verified = new Set<string>()

  async matches(password: string, stored: string): Promise<boolean> {
    if (this.knows(password, stored)) return true
    const [scheme, salt = '', hash = ''] = stored.split('$')
    if (scheme !== 'scrypt') return false
    const expected = Buffer.from(hash, 'base64')
    const actual = await derive(password, Buffer.from(salt, 'base64'), HASH_BYTES)
    if (!timingSafeEqual(expected, actual)) return false
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear()
    this.#verified.add(keyOf(password, stored))
    return true
  }

  /** True for what has matched lately; costs next to nothing. */
  knows(password: string, stored: string): boolean {
    return this.#verified.has(keyOf(password, stored))
  }
}

function keyOf(password: string, stored: string): string {
  return createHash('sha256').update(`${stored}\0${password}`).digest('base64')
}

/** Compares two secrets of any length in constant time. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** User and password of a Basic header; null when there is none or it is malformed. */
export function basicCredentials(header: string | undefined): [string, string] | null {
  const encoded = /^Basic\s+(\S+)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : [text.slice(0, colon), text.slice(colon + 1)]
}
