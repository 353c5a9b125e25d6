/*
 * Signs session ids and verifies what browsers send back.
 *
 * The value is byte for byte what express-session makes: `s:` + id + `.` + HMAC-SHA256 of the id in
 * base64 without padding, URL-encoded by whoever writes the cookie. The signature is split off at
 * the LAST dot, because ids may end in `.route`. The first secret signs, all verify.
 *
 * A browser sends the same value with each request, so values that have been verified are
 * remembered: a visitor who comes back costs one look-up and no HMAC. At first sight the
 * comparison takes the same time wherever it differs.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { COOKIE_VALUE_CHARS_MAX, decodeCookieValue } from './cookie.ts'
import { RecentValues } from './recent-values.ts'

/** What `createHmac` takes as a key. */
export type CookieSecret = string | Uint8Array | KeyObject

/** Most verified cookie values remembered by one signer; about 250 bytes each. */
export const VERIFIED_MAX = 20_000

export class CookieSigner {
  readonly #secrets: readonly CookieSecret[]
  readonly #verified = new RecentValues<string>(VERIFIED_MAX)

  /** `secrets` has at least one member. */
  constructor(secrets: readonly CookieSecret[]) {
    this.#secrets = secrets
  }

  /** The signed value of an id, not yet URL-encoded. */
  sign(id: string): string {
    const [secret] = this.#secrets
    if (secret === undefined) throw new TypeError('there is no secret to sign with')
    return signSessionId(id, secret)
  }

  /** The id in a cookie value, URL-encoded or not; undefined when no secret verifies it. */
  verify(value: string): string | undefined {
    return this.#verified.get(value) ?? this.#verifyFirst(value)
  }

  #verifyFirst(value: string): string | undefined {
    if (value.length > COOKIE_VALUE_CHARS_MAX) return undefined
    const id = unsignSessionId(decodeCookieValue(value), this.#secrets)
    if (id !== undefined) this.#verified.set(value, id)
    return id
  }
}

/** The signed cookie value, not yet URL-encoded. */
export function signSessionId(id: string, secret: CookieSecret): string {
  return `s:${id}.${signature(id, secret)}`
}

/** The id inside a signed value, or undefined when no secret verifies it. */
export function unsignSessionId(
  value: string,
  secrets: readonly CookieSecret[],
): string | undefined {
  if (!value.startsWith('s:') || value.length > COOKIE_VALUE_CHARS_MAX) return undefined
  const dot = value.lastIndexOf('.')
  if (dot <= 2) return undefined
  const id = value.slice(2, dot)
  const given = Buffer.from(value.slice(dot + 1))
  for (const secret of secrets) {
    const expected = Buffer.from(signature(id, secret))
    if (expected.length === given.length && timingSafeEqual(expected, given)) return id
  }
  return undefined
}

function signature(id: string, secret: CookieSecret): string {
  return createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')
}
