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
  /** Of a failure: when to answer it, and whether the connection ends with it. */
  delayMs: number
  last: boolean
}

export class LoginConversation {
  readonly #desk: LoginDesk
  readonly #address: string
  #exchange: ScramExchange | undefined = undefined
  #failures = 0

  /** `address` is where the connection comes from. */
  constructor(desk: LoginDesk, address: string) {
    this.#desk = desk
    this.#address = address
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
    const { directory, scramKeys } = this.#desk
    const reply = exchange.first(message.toString('utf8'), (username) => {
      return scramKeys.credential(hash, username, directory.login(username)?.secret)
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
    const bucket = this.#desk.directory.login(username)?.bucket
    const reply = exchange.final(message.toString('utf8'))
    const isRight = (): boolean => reply !== undefined && bucket !== undefined
    return this.#judge(username, bucket, { quick: isRight, thorough: isRight, reply: reply ?? '' })
  }

  #judgePlain({ username, password }: PlainLogin): LoginAnswer {
    const { directory, scramKeys } = this.#desk
    const known = directory.login(username)
    return this.#judge(username, known?.bucket, {
      quick: () => scramKeys.remembers(username, password, known?.secret),
      thorough: () => scramKeys.matches(username, password, known?.secret),
      reply: 'Authenticated',
    })
  }

  #judge(
    username: string,
    bucket: Bucket | undefined,
    { reply, ...check }: Pick<LoginCheck, 'quick' | 'thorough'> & { reply: string },
  ): LoginAnswer {
    const { loginGuard } = this.#desk
    const verdict = loginGuard.judge({ address: this.#address, username, ...check })
    switch (verdict.kind) {
      case 'right':
        return bucket === undefined ? this.#refuse() : this.#accept(bucket, reply)
      case 'wrong':
        return this.#refuse(verdict.lateMs)
      case 'refused':
        return { ...this.#refuse(), status: BinaryStatus.TemporaryFailure, message: TOO_MANY }
    }
  }

  #accept(bucket: Bucket, message: string): LoginAnswer {
    this.#failures = 0
    return { ...said(BinaryStatus.Success, message), bucket }
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
