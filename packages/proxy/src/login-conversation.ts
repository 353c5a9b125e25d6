/**
 * The logins of one connection: SASL messages of the binary protocol and the first set of the text
 * protocol, judged against the listener's directory. It says what to answer; the connection writes
 * the answer, and moves to the bucket it names. Failures are answered later and later, all of them
 * at the same moment after their request, and after a number of them the connection has to go.
 */
import { SCRAM_MECHANISMS } from '@holdfast/client'
import { BinaryStatus, type MemcachedRequest, Op } from '@holdfast/protocol'
import type { Bucket, BucketDirectory } from './bucket.ts'
import type { ListenerSettings } from './listener-settings.ts'
import { type PlainLogin, parseAsciiLogin, parsePlainMessage } from './sasl-plain.ts'
import { ScramExchange } from './sasl-scram.ts'
import type { ScramKeys } from './scram-keys.ts'

const FAILURE_DELAY_MS = 100
const FAILURE_DELAY_MS_MAX = 1600

/** What a login is judged by. */
export interface LoginDesk {
  readonly directory: BucketDirectory
  readonly settings: Readonly<ListenerSettings>
  readonly scramKeys: ScramKeys
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
  #exchange: ScramExchange | undefined = undefined
  #failures = 0

  constructor(desk: LoginDesk) {
    this.#desk = desk
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
    const reply = exchange?.final(message.toString('utf8'))
    const bucket = exchange && this.#desk.directory.login(exchange.username)?.bucket
    if (reply === undefined || bucket === undefined) return this.#refuse()
    return this.#accept(bucket, reply)
  }

  #judgePlain({ username, password }: PlainLogin): LoginAnswer {
    const { directory, scramKeys } = this.#desk
    const known = directory.login(username)
    const right = scramKeys.matches(username, password, known?.secret)
    return known !== undefined && right
      ? this.#accept(known.bucket, 'Authenticated')
      : this.#refuse()
  }

  #accept(bucket: Bucket, message: string): LoginAnswer {
    this.#failures = 0
    return { ...said(BinaryStatus.Success, message), bucket }
  }

  #refuse(): LoginAnswer {
    const delayMs = Math.min(FAILURE_DELAY_MS * 2 ** this.#failures, FAILURE_DELAY_MS_MAX)
    this.#failures++
    const last = this.#failures >= this.#desk.settings.loginFailuresMax
    return { status: BinaryStatus.AuthError, message: 'Auth failure', delayMs, last }
  }
}

function said(status: number, message: string): LoginAnswer {
  return { status, message, delayMs: 0, last: false }
}
