/**
 * The server's side of one SCRAM exchange (RFC 5802, RFC 7677) without channel binding. It knows
 * the messages and the proof; whose keys they are checked against is scram-keys.ts's matter.
 *
 *   client-first  n,,n=USER,r=CLIENT-NONCE
 *   server-first  r=CLIENT-NONCE SERVER-NONCE,s=SALT,i=ITERATIONS
 *   client-final  c=biws,r=...,p=PROOF
 *   server-final  v=SIGNATURE
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ScramHash } from '@holdfast/client'
import type { ScramCredential } from './scram-keys.ts'

const SERVER_NONCE_BYTES = 18
const CLIENT_NONCE_CHARS_MAX = 256
/** The blank is not RFC 5802's; nonces of Couchbase's C++ client are full of them. */
const PRINTABLE_NONCE = /^[\x20-\x2b\x2d-\x7e]+$/
const CLIENT_FIRST = /^([ny],(?:a=[^,]*)?,)(n=([^,]+),r=([^,]+)(?:,.*)?)$/s
const CLIENT_FINAL = /^(c=([^,]+),r=([^,]+)(?:,.*)?),p=([^,]+)$/s

/** Finds the credential of a user; of an unknown one, a credential that no proof fits. */
export type ScramLookup = (username: string) => ScramCredential

/** One exchange, from the client's first message to the verdict. */
export class ScramExchange {
  readonly #hash: ScramHash
  readonly #nonce: string
  #username = ''
  #credential: ScramCredential | undefined = undefined
  #gs2Header = ''
  #firstMessages = ''
  #fullNonce = ''

  constructor(hash: ScramHash, nonce: string = randomBytes(SERVER_NONCE_BYTES).toString('base64')) {
    this.#hash = hash
    this.#nonce = nonce
  }

  /** Who wants in, once `first` has taken the first message. */
  get username(): string {
    return this.#username
  }

  /** Takes the client's first message; returns the server's, or undefined when it is no such. */
  first(message: string, lookup: ScramLookup): string | undefined {
    const match = CLIENT_FIRST.exec(message)
    if (match === null) return undefined
    const [, gs2Header = '', bare = '', saslName = '', nonce = ''] = match
    const username = unescapeName(saslName)
    if (username === undefined || !PRINTABLE_NONCE.test(nonce)) return undefined
    if (nonce.length > CLIENT_NONCE_CHARS_MAX) return undefined
    this.#username = username
    this.#gs2Header = gs2Header
    this.#fullNonce = nonce + this.#nonce
    const credential = lookup(username)
    this.#credential = credential
    const { salt, iterations } = credential
    const reply = `r=${this.#fullNonce},s=${salt.toString('base64')},i=${iterations}`
    this.#firstMessages = `${bare},${reply}`
    return reply
  }

  /** Takes the client's final message; returns the server's, or undefined when the proof is wrong. */
  final(message: string): string | undefined {
    const credential = this.#credential
    this.#credential = undefined
    const match = CLIENT_FINAL.exec(message)
    if (match === null || credential === undefined) return undefined
    const [, withoutProof = '', binding = '', nonce = '', proof = ''] = match
    if (binding !== Buffer.from(this.#gs2Header).toString('base64')) return undefined
    if (nonce !== this.#fullNonce) return undefined
    const authMessage = `${this.#firstMessages},${withoutProof}`
    const { storedKey, serverKey } = credential.keys()
    const signature = createHmac(this.#hash, storedKey).update(authMessage).digest()
    const clientKey = Buffer.from(proof, 'base64')
    if (clientKey.length !== signature.length) return undefined
    for (let i = 0; i < signature.length; i++)
      clientKey[i] = (clientKey[i] ?? 0) ^ (signature[i] ?? 0)
    const proven = createHash(this.#hash).update(clientKey).digest()
    if (!timingSafeEqual(proven, storedKey)) return undefined
    return `v=${createHmac(this.#hash, serverKey).update(authMessage).digest('base64')}`
  }
}

/** Undoes `=2C` and `=3D`; any other equals sign is a mistake. */
function unescapeName(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
