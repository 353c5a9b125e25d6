/*
 * Options of one area: sessions of one user.
 */
import {
  choiceOption,
  type GivenOptions,
  integerOption,
  type OptionRows,
} from './option-readers.ts'
import { UnusableUserError } from './users/user-errors.ts'
import { USER_SESSIONS_MAX } from './users/user-index.ts'

export const USER_OPTIONS: OptionRows = [
  {
    name: 'userOf',
    byDefault: 'none',
    type: 'string or (attributes) => string',
    meaning:
      'Whose session it is: the name of an attribute, or a function of the attributes, that gives a text or a number (nothing: nobody is logged in). With it the sessions of each user are listed in the store: `listByUser`, `revokeUser`, `sessionsPerUserMax`. See [sessions by user](../guides/sessions-by-user.md).',
  },
  {
    name: 'sessionsPerUserMax',
    byDefault: `\`${USER_SESSIONS_MAX}\``,
    type: 'integer',
    meaning: `The most sessions that one user has at a time, 1 to ${USER_SESSIONS_MAX}; needs \`userOf\`.`,
  },
  {
    name: 'sessionsPerUserPolicy',
    byDefault: '`endOldest`',
    type: '`endOldest` or `reject`',
    meaning:
      'What a login above `sessionsPerUserMax` does: `endOldest` ends the session that was created first; `reject` refuses the login, `save()` rejects and the response becomes an error with status 403 and code `HOLDFAST_TOO_MANY_USER_SESSIONS`.',
  },
  {
    name: 'revocationPoll',
    byDefault: '`1000` with `userOf`, else `0`',
    type: 'milliseconds',
    meaning:
      'Sticky mode: how often this server asks the store which sessions were ended on other servers, one `get` each time; a revoked session ends in its memory within this time. `0`: never; it then ends when it is stored or renewed the next time.',
  },
]

/** As the application writes them. */
export interface UserOptions {
  userOf?:
    | string
    | ((attributes: Record<string, unknown>) => string | number | undefined | null)
    | undefined
  sessionsPerUserMax?: number | undefined
  sessionsPerUserPolicy?: 'endOldest' | 'reject' | undefined
  revocationPoll?: number | undefined
}

/** Gives whose session it is; undefined: nobody's. Throws UnusableUserError. */
export type UserOf = (attributes: Record<string, unknown>) => string | undefined

/** After checking. */
export interface UserSettings {
  userOf: UserOf | undefined
  sessionsPerUserMax: number
  sessionsPerUserPolicy: 'endOldest' | 'reject'
  /** 0: never. */
  revocationPollMs: number
}

export const REVOCATION_POLL_MS_MIN = 50
export const REVOCATION_POLL_MS_MAX = 60_000

/** Throws TypeError naming the option that is wrong. */
export function parseUserOptions(given: GivenOptions): UserSettings {
  const userOf = userOfOption(given.get('userOf'))
  if (userOf === undefined) {
    for (const name of ['sessionsPerUserMax', 'sessionsPerUserPolicy']) {
      if (given.get(name) !== undefined) throw new TypeError(`option ${name} needs userOf`)
    }
  }
  const policies = ['endOldest', 'reject'] as const
  return {
    userOf,
    sessionsPerUserMax: sessionsMaxOption(given),
    sessionsPerUserPolicy: choiceOption(given, 'sessionsPerUserPolicy', policies, 'endOldest'),
    revocationPollMs: pollOption(given, userOf === undefined ? 0 : 1000),
  }
}

/** The user as text. Throws UnusableUserError for what is neither a text nor a number. */
export function userText(user: unknown): string | undefined {
  if (user === undefined || user === null || user === '') return undefined
  if (typeof user === 'string') return user
  if (typeof user === 'number' || typeof user === 'bigint') return String(user)
  throw new UnusableUserError(user)
}

function userOfOption(value: unknown): UserOf | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'function') return (attributes) => userText(value(attributes))
  if (typeof value === 'string' && value !== '') {
    return (attributes) =>
      Object.hasOwn(attributes, value) ? userText(attributes[value]) : undefined
  }
  throw new TypeError('option userOf must be the name of an attribute or a function')
}

function sessionsMaxOption(given: GivenOptions): number {
  const value = integerOption(given, 'sessionsPerUserMax', USER_SESSIONS_MAX)
  if (value >= 1 && value <= USER_SESSIONS_MAX) return value
  throw new TypeError(`option sessionsPerUserMax must be 1 to ${USER_SESSIONS_MAX}`)
}

function pollOption(given: GivenOptions, byDefaultMs: number): number {
  const value = integerOption(given, 'revocationPoll', byDefaultMs)
  if (value === 0) return 0
  if (value >= REVOCATION_POLL_MS_MIN && value <= REVOCATION_POLL_MS_MAX) return value
  throw new TypeError(
    `option revocationPoll must be 0 or ${REVOCATION_POLL_MS_MIN} to ${REVOCATION_POLL_MS_MAX} milliseconds`,
  )
}
