/**
 * Guessing made slow, over all connections of the process: an address that has sent many wrong
 * logins is answered late, and refused unchecked while too many of its tries are under way. What is
 * refused so is still let in when the address has been let in by that name before and the login is
 * known to be right without work: one bad client does not shut out the good ones beside it.
 */
import { WrongLogins } from '@holdfast/client'

/** Addresses with names that are remembered as let in; beyond, all are forgotten. */
const REGULARS_MAX = 4096

/** A login that is to be checked. */
export interface LoginCheck {
  address: string
  username: string
  /** Right without work; false where that takes some. */
  quick(): boolean
  /** Right, whatever it takes. */
  thorough(): boolean
}

/** `refused`: not checked; `lateMs`: how late a wrong one is answered at least. */
export type LoginVerdict =
  | { kind: 'right' }
  | { kind: 'wrong'; lateMs: number }
  | { kind: 'refused' }

export interface LoginGuardOptions {
  /** Told once a minute for each address, with the wrong logins since. */
  report: (address: string, wrong: number) => void
  /** A monotonic clock. */
  nowMs?: () => number
}

export class LoginGuard {
  readonly #options: Required<LoginGuardOptions>
  readonly #offenders = new WrongLogins()
  readonly #regulars = new Set<string>()

  constructor(options: LoginGuardOptions) {
    this.#options = { nowMs: () => performance.now(), ...options }
  }

  judge(check: LoginCheck): LoginVerdict {
    const { address, username } = check
    const nowMs = this.#options.nowMs()
    const regular = `${address} ${username}`
    if (!this.#offenders.mayTry(address, nowMs)) {
      const isRight = this.#regulars.has(regular) && check.quick()
      return { kind: isRight ? 'right' : 'refused' }
    }
    if (check.thorough()) {
      this.#offenders.succeeded(address)
      if (this.#regulars.size >= REGULARS_MAX) this.#regulars.clear()
      this.#regulars.add(regular)
      return { kind: 'right' }
    }
    const { lateMs, report } = this.#offenders.failed(address, nowMs)
    if (report > 0) this.#options.report(address, report)
    return { kind: 'wrong', lateMs }
  }
}
