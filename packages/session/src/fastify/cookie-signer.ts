/*
 * Signs and verifies the session cookie as @fastify/cookie's Signer does: id + `.` + HMAC in base64
 * without padding, so that cookies of @fastify/session stay good, and the other way round.
 *
 * The application may change its array of secrets at run time; the first signs, all verify.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** Longest cookie value looked at. */
export const SIGNED_CHARS_MAX = 1024

export type Secret = string | Buffer

/** A signer of the application's own, as @fastify/cookie takes it. */
export interface Signer {
  sign(value: string): string
  unsign(input: string): { valid: boolean; renew: boolean; value: string | null }
}

/** What a good value says, and which secret says so. */
export interface Verified {
  id: string
  secret: Secret
}

export class CookieSigner implements Signer {
  readonly #secrets: readonly Secret[]
  readonly #algorithm: string

  /** Throws TypeError for secrets or an algorithm that cannot be used. */
  constructor(secrets: readonly Secret[], algorithm: string) {
    this.#secrets = secrets
    this.#algorithm = algorithm
    for (const secret of secrets) {
      if (typeof secret === 'string' || Buffer.isBuffer(secret)) continue
      throw new TypeError('Secret key must be a string or Buffer.')
    }
    try {
      createHmac(algorithm, 'any')
    } catch (cause) {
      throw new TypeError(`Algorithm ${algorithm} not supported.`, { cause })
    }
  }

  sign(value: string): string {
    return `${value}.${this.#signature(value, this.#secrets[0] ?? '')}`
  }

  unsign(input: string): { valid: boolean; renew: boolean; value: string | null } {
    const verified = this.verify(input)
    if (verified === undefined) return { valid: false, renew: false, value: null }
    return { valid: true, renew: !this.isFirst(verified.secret), value: verified.id }
  }

  verify(input: string): Verified | undefined {
    const dot = input.lastIndexOf('.')
    if (dot <= 0 || dot === input.length - 1 || input.length > SIGNED_CHARS_MAX) return undefined
    const id = input.slice(0, dot)
    const given = Buffer.from(input.slice(dot + 1))
    for (const secret of this.#secrets) {
      const expected = Buffer.from(this.#signature(id, secret))
      if (expected.length === given.length && timingSafeEqual(expected, given))
        return { id, secret }
    }
    return undefined
  }

  /** This secret is the one that signs. */
  isFirst(secret: Secret): boolean {
    return this.#secrets[0] === secret
  }

  #signature(value: string, secret: Secret): string {
    const base64 = createHmac(this.#algorithm, secret).update(value).digest('base64')
    return base64.replace(/=+$/, '')
  }
}
