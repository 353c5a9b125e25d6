/**
 * The logins of one connection: SASL messages of the binary protocol and the first set of the text
 * protocol, judged against the listener's directory. It says what to answer; the connection writes
 * the answer, and moves to the bucket it names. Failures are answered later and later, and after a
 * number of them the connection has to go; what an address has tried over other connections counts
 * as well (login-guard.ts).
 */
import { SCRAM_MECHANISMS } from '@holdfast/client'
import { BinaryStatus, type MemcachedRequest, Op } from '@holdfast/protocol'
import type { Bucket, BucketDirectory } from './bucket.ts'
import type { ListenerSettings } from './listener-settings.ts'
import type { LoginCheck, LoginGuard } from './login-guard.ts'
import { type PlainLogin, parseAsciiLogin, parsePlainMessage } from './sasl-plain.ts'
import { ScramExchange } from './sasl-scram.ts'
import type { ScramKeys } from './scram-keys.ts'

const FAILURE_DELAY_MS = 100
const FAILURE_DELAY_MS_MAX = 1600
/** For an address that has guessed too often; it is no verdict on the login. */
const TOO_MANY = 'Too many wrong logins from this address'

/** What a login is judged by. */
export interface LoginDesk {
  readonly directory: BucketDirectory
  readonly settings: Readonly<ListenerSettings>
  readonly scramKeys: ScramKeys
  readonly loginGuard: LoginGuard
}

/** What a client is answered. */
export interface LoginAnswer {
  /** Status of a binary reply. */
  status: number
  /** Text of a binary reply. */
  message: string
  /** The bucket that the connection moves to. */
  bucket?: Bucket
  /** The admin has come in, who has no bucket yet. */
  isAdmin?: true
  /** Of a failure: when to answer it, and whether the connection ends with it. */
  delayMs: number
  last: boolean
}

type KnownLogin = NonNullable<ReturnType<BucketDirectory['login']>>

export class LoginConversation {
  readonly #desk: LoginDesk
  readonly #address: string
  readonly #takesAdmin: boolean
  #exchange: ScramExchange | undefined = undefined
  #failures = 0

  /** `address` is where the connection comes from; the admin gets in only with `takesAdmin`. */
  constructor(desk: LoginDesk, address: string, takesAdmin: boolean = false) {
    this.#desk = desk
    this.#address = address
    this.#takesAdmin = takesAdmin
  }

  /** Judges a SASL request. */
  answer(request: MemcachedRequest): LoginAnswer {
    const { buf, keyStarts, keyEnds, valueStart, valueEnd } = request
    if (request.op === Op.SaslMechanisms) return said(BinaryStatus.Success, this.#mechanisms())
    const message = buf.subarray(valueStart, valueEnd)
    if (request.op === Op.SaslStep) return this.#step(message)
    const mechanism = buf.toString('latin1', keyStarts[0], keyEnds[0])
    return this.#begin(mechanism, message)
  }

  /** Judges the value of a text client's first set; undefined when it is no name with a password. */
  answerAscii(value: Buffer): LoginAnswer | undefined {
    const login = parseAsciiLogin(value)
    return login === undefined ? undefined : this.#judgePlain(login)
  }

  #mechanisms(): string {
    const names = [...SCRAM_MECHANISMS.keys()]
    if (this.#desk.settings.plainLogins) names.push('PLAIN')
    return names.join(' ')
  }

  #begin(mechanism: string, message: Buffer): LoginAnswer {
    this.#exchange = undefined
    if (mechanism === 'PLAIN') {
      const login = this.#desk.settings.plainLogins ? parsePlainMessage(message) : undefined
      return login === undefined ? this.#refuse() : this.#judgePlain(login)
    }
    const hash = SCRAM_MECHANISMS.get(mechanism)
    if (hash === undefined) return this.#refuse()
    const exchange = new ScramExchange(hash)
    const { scramKeys } = this.#desk
    const reply = exchange.first(message.toString('utf8'), (username) => {
      return scramKeys.credential(hash, username, this.#find(username)?.secret)
    })
    if (reply === undefined) return this.#refuse()
    this.#exchange = exchange
    return said(BinaryStatus.AuthContinue, reply)
  }

  #step(message: Buffer): LoginAnswer {
    const exchange = this.#exchange
    this.#exchange = undefined
    if (exchange === undefined) return this.#refuse()
    const { username } = exchange
    const known = this.#find(username)
    const reply = exchange.final(message.toString('utf8'))
    const isRight = (): boolean => reply !== undefined && known !== undefined
    return this.#judge(username, known, { quick: isRight, thorough: isRight, reply: reply ?? '' })
  }

  #judgePlain({ username, password }: PlainLogin): LoginAnswer {
    const { scramKeys } = this.#desk
    const known = this.#find(username)
    return this.#judge(username, known, {
      quick: () => scramKeys.remembers(username, password, known?.secret),
      thorough: () => scramKeys.matches(username, password, known?.secret),
      reply: 'Authenticated',
    })
  }

  #judge(
    username: string,
    known: KnownLogin | undefined,
    { reply, ...check }: Pick<LoginCheck, 'quick' | 'thorough'> & { reply: string },
  ): LoginAnswer {
    const { loginGuard } = this.#desk
    const verdict = loginGuard.judge({ address: this.#address, username, ...check })
    switch (verdict.kind) {
      case 'right':
        return known === undefined ? this.#refuse() : this.#accept(known.bucket, reply)
      case 'wrong':
        return this.#refuse(verdict.lateMs)
      case 'refused':
        return { ...this.#refuse(), status: BinaryStatus.TemporaryFailure, message: TOO_MANY }
    }
  }

  #find(username: string): KnownLogin | undefined {
    const known = this.#desk.directory.login(username)
    return known?.bucket === undefined && !this.#takesAdmin ? undefined : known
  }

  #accept(bucket: Bucket | undefined, message: string): LoginAnswer {
    this.#failures = 0
    const who = bucket === undefined ? { isAdmin: true as const } : { bucket }
    return { ...said(BinaryStatus.Success, message), ...who }
  }

  #refuse(lateMs: number = 0): LoginAnswer {
    const ownMs = Math.min(FAILURE_DELAY_MS * 2 ** this.#failures, FAILURE_DELAY_MS_MAX)
    const delayMs = Math.max(ownMs, lateMs)
    this.#failures++
    const last = this.#failures >= this.#desk.settings.loginFailuresMax
    return { status: BinaryStatus.AuthError, message: 'Auth failure', delayMs, last }
  }
}

function said(status: number, message: string): LoginAnswer {
  return { status, message, delayMs: 0, last: false }
}
