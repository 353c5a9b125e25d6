/*
 * The session cookie that a request brings. Several of one name may arrive (a parent domain,
 * another path): the first good one counts.
 *
 * A browser sends one value over and over, so what was verified by the first secret lately is
 * remembered (bounded). A secret that is no longer the first is asked again, and one that was taken
 * away is void at once.
 */
import { decodeCookieValue, rawCookies } from '../cookie.ts'
import { RecentValues } from '../recent-values.ts'
import { CookieSigner, type Secret, type Signer } from './cookie-signer.ts'

/** Verified cookie values remembered by one plugin; about 500 bytes each. */
export const VERIFIED_MAX = 8192

export interface SentCookie {
  /** A cookie of the session's name was sent, good or not. */
  isThere: boolean
  /** Of the first one that verifies. */
  id: string | undefined
  /** The signed value without `cookiePrefix`. */
  signedId: string
  /** The whole value as the cookie is to be set anew. */
  text: string
  /** Signed by a secret that is no longer the first. */
  isOutdated: boolean
}

interface Remembered {
  sent: SentCookie
  secret: Secret
}

const NOTHING = { id: undefined, signedId: '', text: '', isOutdated: false }
const NOT_SENT: SentCookie = { isThere: false, ...NOTHING }
const NOT_GOOD: SentCookie = { isThere: true, ...NOTHING }

export class SentCookies {
  readonly #name: string
  readonly #prefix: string
  readonly #signer: Signer
  readonly #remembered = new RecentValues<Remembered>(VERIFIED_MAX)

  constructor(name: string, prefix: string, signer: Signer) {
    this.#name = name
    this.#prefix = prefix
    this.#signer = signer
  }

  read(header: string | undefined): SentCookie {
    if (header === undefined) return NOT_SENT
    let sent = NOT_SENT
    for (const raw of rawCookies(header, this.#name)) {
      const remembered = this.#remembered.get(raw)
      if (remembered !== undefined && this.#isFirst(remembered.secret)) return remembered.sent
      const value = decodeCookieValue(raw)
      if (value === '' || !value.startsWith(this.#prefix)) continue
      const good = this.#verify(raw, value.slice(this.#prefix.length))
      if (good !== undefined) return good
      sent = NOT_GOOD
    }
    return sent
  }

  /** The signed id is what a cookie holds without `cookiePrefix`. */
  parse(signedId: string): SentCookie {
    const { valid, renew, value: id } = this.#signer.unsign(signedId)
    return valid && id !== null ? this.#good(id, signedId, renew) : NOT_GOOD
  }

  #verify(raw: string, signedId: string): SentCookie | undefined {
    const signer = this.#signer
    if (!(signer instanceof CookieSigner)) {
      const parsed = this.parse(signedId)
      return parsed.id === undefined ? undefined : parsed
    }
    const verified = signer.verify(signedId)
    if (verified === undefined) return undefined
    const { id, secret } = verified
    const sent = this.#good(id, signedId, !signer.isFirst(secret))
    if (!sent.isOutdated) this.#remembered.set(raw, { sent, secret })
    return sent
  }

  #good(id: string, signedId: string, isOutdated: boolean): SentCookie {
    const text = encodeURIComponent(this.#prefix + signedId)
    return { isThere: true, id, signedId, text, isOutdated }
  }

  #isFirst(secret: Secret): boolean {
    return this.#signer instanceof CookieSigner && this.#signer.isFirst(secret)
  }
}
