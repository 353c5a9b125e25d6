/**
 * Who calls REST, with guessing made slow. A login that was right lately never waits where it came
 * from. One that has to be checked may be refused, and is answered late when it is wrong, by what
 * its address has done before. Wrong logins are counted and logged, by address and never with what
 * was tried.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { WrongLogins } from '@holdfast/client'
import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import {
  type AccessRule,
  type Caller,
  checkAccess,
  GATEWAY_USER,
  isOpen,
  JOIN_USER,
  opens,
  storedUsers,
} from './access.ts'
import { ApiError } from './api-error.ts'
import { basicCredentials, PasswordCheck } from './credentials.ts'
import { type LoginRole, userOf } from './login-token.ts'

/** What they show in place of a password is too long to be guessed. */
const TOKEN_USERS: ReadonlySet<string> = new Set([GATEWAY_USER, JOIN_USER])

/** Late answers of all addresses together; beyond it they come at once, their places still held. */
const WAITING_MAX = 200
/** Addresses with names that are remembered as right; beyond, all are forgotten. */
const REGULARS_MAX = 4096
const TOO_MANY = 'Too many wrong logins from this address: try again in a few seconds.'

export class Logins {
  readonly #log: Logger
  readonly #passwords = new PasswordCheck()
  readonly #offenders = new WrongLogins()
  readonly #regulars = new Set<string>()
  #waiting = 0
  #wrong = 0
  #refused = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** Logins that were wrong, since the start. */
  get wrong(): number {
    return this.#wrong
  }

  /** Logins that were refused unchecked, since the start. */
  get refused(): number {
    return this.#refused
  }

  /** Throws {@link ApiError}: 401, 403, and 429 for an address that has guessed too often. */
  async caller(
    rule: AccessRule,
    request: FastifyRequest,
    document: ClusterDocument,
  ): Promise<Caller> {
    const credentials = basicCredentials(request.headers.authorization)
    if (credentials !== null && !this.#isKnown(credentials, request.ip, document)) {
      await this.#try(credentials, request.ip, document)
    }
    return checkAccess(rule, request, document, this.#passwords)
  }

  /** Whether a request's credentials open a bucket. */
  opens(bucket: Bucket, request: FastifyRequest): Promise<boolean> {
    return opens(bucket, basicCredentials(request.headers.authorization), this.#passwords)
  }

  /** What a name and a password are; null when they are wrong. Throws 429 as `caller` does. */
  async roleOf(
    [user, password]: [string, string],
    address: string,
    document: ClusterDocument,
  ): Promise<LoginRole | null> {
    const roles = (['admin', 'reader'] as const).filter(
      (role) => userOf(document, role)?.username === user,
    )
    const isIt = (role: LoginRole): boolean =>
      this.#passwords.knows(password, userOf(document, role)?.passwordHash ?? '')
    const known = roles.find(isIt)
    if (known && this.#regulars.has(`${address} ${user}`)) return known
    await this.#try([user, password], address, document)
    return roles.find(isIt) ?? null
  }

  /** Right, empty, or of no use to a guesser: known without work. */
  #isKnown(
    [user, password]: [string, string],
    address: string,
    document: ClusterDocument,
  ): boolean {
    const { admin, buckets } = document
    if (admin === null || TOKEN_USERS.has(user) || (user === '' && password === '')) return true
    if (buckets.some((bucket) => bucket.name === user && isOpen(bucket))) return true
    if (!this.#regulars.has(`${address} ${user}`)) return false
    return storedUsers(document).some(
      (known) => known.username === user && this.#passwords.knows(password, known.passwordHash),
    )
  }

  async #try(
    [user, password]: [string, string],
    address: string,
    document: ClusterDocument,
  ): Promise<void> {
    if (!this.#offenders.mayTry(address, performance.now())) {
      this.#refused++
      throw new ApiError(429, [TOO_MANY])
    }
    for (const known of storedUsers(document)) {
      if (known.username !== user) continue
      if (await this.#passwords.matches(password, known.passwordHash)) {
        this.#offenders.succeeded(address)
        if (this.#regulars.size >= REGULARS_MAX) this.#regulars.clear()
        this.#regulars.add(`${address} ${user}`)
        return
      }
    }
    this.#wrong++
    const { lateMs, report } = this.#offenders.failed(address, performance.now())
    if (report > 0) this.#log.warn({ address, wrong: report }, 'wrong logins at REST')
    if (lateMs > 0 && this.#waiting < WAITING_MAX) await this.#wait(lateMs)
  }

  async #wait(lateMs: number): Promise<void> {
    this.#waiting++
    try {
      await delay(lateMs, undefined, { ref: false })
    } finally {
      this.#waiting--
    }
  }
}
