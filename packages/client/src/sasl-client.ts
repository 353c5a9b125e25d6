/**
 * The client's side of a SASL login: which mechanism to use, and what to say. Pure but for the
 * random nonce and the hashing, which leaves the event loop (a server may ask for many iterations).
 *
 * PLAIN as Membase has it, SCRAM as Couchbase has it (RFC 5802, 7677). SCRAM never shows the
 * password, and the server has to prove that it knows it as well.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Name and password; never logged. */
export interface SaslCredentials {
  username: string
  password: string
}

/** One login under way. */
export interface SaslConversation {
  readonly mechanism: string
  readonly first: string
  /** The answer to a challenge; throws `SaslError` when that is none, or the server is false. */
  answer(challenge: string): Promise<string>
  /** Checks the last message of a server that says yes; throws `SaslError`. */
  finish(message: string): void
}

/** A login that cannot go on; `code` is `HOLDFAST_SASL`. The message holds no secret. */
export class SaslError extends Error {
  readonly code = 'HOLDFAST_SASL'

  constructor(message: string) {
    super(message)
    this.name = 'SaslError'
  }
}

/** More iterations than this are refused, or a server could keep this process busy for minutes. */
const ITERATIONS_MAX = 1_000_000
const NONCE_BYTES = 18
/** Couchbase's names, and those of the RFCs. */
const HASHES: ReadonlyMap<string, { name: string; bytes: number }> = new Map([
  ['SCRAM-SHA512', { name: 'sha512', bytes: 64 }],
  ['SCRAM-SHA-512', { name: 'sha512', bytes: 64 }],
  ['SCRAM-SHA256', { name: 'sha256', bytes: 32 }],
  ['SCRAM-SHA-256', { name: 'sha256', bytes: 32 }],
  ['SCRAM-SHA1', { name: 'sha1', bytes: 20 }],
  ['SCRAM-SHA-1', { name: 'sha1', bytes: 20 }],
])
const derive = promisify(pbkdf2)

/** The strongest known mechanism of a server's list, which blanks part; undefined when none is. */
export function chooseMechanism(list: string): string | undefined {
  const offered = new Set(list.trim().split(/\s+/))
  const scram = [...HASHES.keys()].find((mechanism) => offered.has(mechanism))
  return scram ?? (offered.has('PLAIN') ? 'PLAIN' : undefined)
}

/** Begins a login; the nonce is chosen here unless a test gives one. */
export function beginSasl(
  mechanism: string,
  credentials: SaslCredentials,
  nonce: string = randomBytes(NONCE_BYTES).toString('base64'),
): SaslConversation {
  if (mechanism === 'PLAIN') return new PlainConversation(credentials)
  const hash = HASHES.get(mechanism)
  if (hash === undefined) throw new SaslError(`mechanism ${mechanism} is not known`)
  return new ScramConversation(mechanism, hash, credentials, nonce)
}

class PlainConversation implements SaslConversation {
  readonly mechanism = 'PLAIN'
  readonly first: string

  constructor(credentials: SaslCredentials) {
    this.first = `\0${credentials.username}\0${credentials.password}`
  }

  async answer(): Promise<string> {
    throw new SaslError('PLAIN has no second step')
  }

  finish(): void {}
}

class ScramConversation implements SaslConversation {
  readonly mechanism: string
  readonly first: string
  readonly #hash: { name: string; bytes: number }
  readonly #password: string
  readonly #nonce: string
  readonly #bare: string
  #signature: Buffer | undefined = undefined
  #verified = false

  constructor(
    mechanism: string,
    hash: { name: string; bytes: number },
    credentials: SaslCredentials,
    nonce: string,
  ) {
    this.mechanism = mechanism
    this.#hash = hash
    this.#password = credentials.password.normalize('NFKC')
    this.#nonce = nonce
    const name = credentials.username
      .normalize('NFKC')
      .replaceAll('=', '=3D')
      .replaceAll(',', '=2C')
    this.#bare = `n=${name},r=${nonce}`
    this.first = `n,,${this.#bare}`
  }

  async answer(challenge: string): Promise<string> {
    if (this.#signature !== undefined) {
      // A server that shows its proof as one more challenge wants an empty answer.
      this.finish(challenge)
      return ''
    }
    const { nonce, salt, iterations } = this.#readChallenge(challenge)
    const { name, bytes } = this.#hash
    const salted = await derive(this.#password, salt, iterations, bytes, name)
    const clientKey = this.#hmac(salted, 'Client Key')
    const storedKey = createHash(name).update(clientKey).digest()
    const withoutProof = `c=biws,r=${nonce}`
    const said = `${this.#bare},${challenge},${withoutProof}`
    const proof = this.#hmac(storedKey, said)
    for (let i = 0; i < proof.length; i++) proof[i] = (proof[i] ?? 0) ^ (clientKey[i] ?? 0)
    this.#signature = this.#hmac(this.#hmac(salted, 'Server Key'), said)
    return `${withoutProof},p=${proof.toString('base64')}`
  }

  finish(message: string): void {
    if (this.#verified) return
    const verifier = /^v=([^,]+)/.exec(message)?.[1]
    if (this.#signature === undefined || verifier === undefined) {
      throw new SaslError('the server ended the login too soon')
    }
    const shown = Buffer.from(verifier, 'base64')
    const same = shown.length === this.#signature.length && timingSafeEqual(shown, this.#signature)
    if (!same) throw new SaslError('the server does not know the password')
    this.#verified = true
  }

  #readChallenge(challenge: string): { nonce: string; salt: Buffer; iterations: number } {
    const match = /^r=([^,]+),s=([^,]+),i=(\d{1,10})(?:,|$)/.exec(challenge)
    const [, nonce = '', salt = '', count = ''] = match ?? []
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new SaslError('the server did not take up the nonce')
    }
    const iterations = Number(count)
    if (iterations < 1 || iterations > ITERATIONS_MAX) {
      throw new SaslError(`${iterations} iterations: 1..${ITERATIONS_MAX} are taken`)
    }
    return { nonce, salt: Buffer.from(salt, 'base64'), iterations }
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash.name, key).update(text).digest()
  }
}
