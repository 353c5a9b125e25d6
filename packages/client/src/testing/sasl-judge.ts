/**
 * The server's side of SASL PLAIN and SCRAM for tests, one conversation per connection.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

export interface SaslStep {
  verdict: 'passed' | 'refused' | 'challenge'
  message: string
}

const HASHES: Readonly<Record<string, string>> = {
  'SCRAM-SHA1': 'sha1',
  'SCRAM-SHA256': 'sha256',
  'SCRAM-SHA512': 'sha512',
}
const SALT: Buffer = Buffer.from('salt of the test')
const ITERATIONS = 64
const REFUSED: SaslStep = { verdict: 'refused', message: 'Auth failure' }

export class SaslJudge {
  readonly mechanisms: string
  /** Who has logged in, or tries to. */
  name = ''
  passed = false
  readonly #users: ReadonlyMap<string, string>
  #said = ''
  #nonce = ''

  constructor(users: ReadonlyMap<string, string>, mechanisms: string) {
    this.#users = users
    this.mechanisms = mechanisms
  }

  /** Takes the client's next message. */
  take(mechanism: string, message: string): SaslStep {
    const step = mechanism === 'PLAIN' ? this.#plain(message) : this.#scram(mechanism, message)
    this.passed = step.verdict === 'passed'
    return step
  }

  #plain(message: string): SaslStep {
    const [, name = '', password] = message.split('\0')
    this.name = name
    if (password === undefined || this.#users.get(name) !== password) return REFUSED
    return { verdict: 'passed', message: 'Authenticated' }
  }

  #scram(mechanism: string, message: string): SaslStep {
    const hash = HASHES[mechanism]
    if (hash === undefined) return REFUSED
    if (message.startsWith('n,,')) {
      const bare = message.slice(3)
      this.name = (/n=([^,]*)/.exec(bare)?.[1] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=')
      this.#nonce = `${/r=(.*)$/.exec(bare)?.[1]}server`
      const challenge = `r=${this.#nonce},s=${SALT.toString('base64')},i=${ITERATIONS}`
      this.#said = `${bare},${challenge}`
      return { verdict: 'challenge', message: challenge }
    }
    const [, withoutProof = '', proof = ''] = /^(c=biws,r=[^,]+),p=(.*)$/.exec(message) ?? []
    if (withoutProof !== `c=biws,r=${this.#nonce}`) return REFUSED
    const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
    const bytes = createHash(hash).digest().length
    const password = this.#users.get(this.name)
    if (password === undefined) return REFUSED
    const salted = pbkdf2Sync(password, SALT, ITERATIONS, bytes, hash)
    const said = `${this.#said},${withoutProof}`
    const stored = createHash(hash).update(hmac(salted, 'Client Key')).digest()
    const signature = hmac(stored, said)
    const key = Buffer.from(proof, 'base64').map((byte, i) => byte ^ (signature[i] ?? 0))
    if (!createHash(hash).update(key).digest().equals(stored)) return REFUSED
    const verifier = hmac(hmac(salted, 'Server Key'), said).toString('base64')
    return { verdict: 'passed', message: `v=${verifier}` }
  }
}
