/*
 * Options of one area: locks of non-sticky sessions. In sticky mode they are accepted and without
 * effect, as in the original; the session manager warns when it starts.
 */
import {
  choiceOption,
  type GivenOptions,
  integerOption,
  type OptionRows,
  patternOption,
  timeoutOption,
} from './option-readers.ts'

export const LOCK_OPTIONS: OptionRows = [
  {
    name: 'lockingMode',
    byDefault: '`none`',
    type: 'string',
    meaning:
      'Which requests of one session run one after the other, on all application servers (`sticky: false` only; in sticky mode ignored with a warning). `none`: no request; parallel changes are merged. `all`: each request that has a session. `auto`: all but those whose kind (method and path) is known to leave the session unchanged. `uriPattern:<regex>`: those where the pattern matches the whole of `METHOD URI?query` (without the query for POST, as in the original) or the whole path. `APP` is refused. See [locking](../guides/session-locking.md).',
  },
  {
    name: 'lockExpiration',
    byDefault: '`5`',
    type: 'seconds',
    meaning:
      'Life of a lock whose owner has died. While its request runs, a lock is renewed in the background.',
  },
  {
    name: 'lockHoldMax',
    byDefault: '`60`',
    type: 'seconds',
    meaning:
      'Longest time that a lock is renewed. After that it expires though its request still runs, so that an endless request cannot shut a user out.',
  },
  {
    name: 'lockWait',
    byDefault: '`operationTimeout`',
    type: 'milliseconds',
    meaning: 'Longest wait of a request for the lock.',
  },
  {
    name: 'lockTimeout',
    byDefault: '`fail`',
    type: '`fail`, `continue` or `readOnly`',
    meaning:
      'What happens after `lockWait`. `fail`: an error with status 503 and code `HOLDFAST_SESSION_LOCK_TIMEOUT`. `continue`: the request goes on without the lock, as in the original; its changes are merged. `readOnly`: the request sees the session; if it changes it, the change is not stored and the response is replaced by an error with status 503 and code `HOLDFAST_SESSION_READ_ONLY`.',
  },
  {
    name: 'readOnlyRequests',
    byDefault: 'none',
    type: 'RegExp, string or (req) => boolean',
    meaning:
      'Requests that only read the session (`sticky: false` only): they never lock and their session is never written. A change that one makes all the same is dropped and reported to the logger. A pattern is matched as in `lockingMode: uriPattern`.',
  },
]

/** As the application writes them. */
export interface LockOptions {
  lockingMode?: string | undefined
  lockExpiration?: number | undefined
  lockHoldMax?: number | undefined
  lockWait?: number | undefined
  lockTimeout?: 'fail' | 'continue' | 'readOnly' | undefined
  readOnlyRequests?: RegExp | string | ((request: unknown) => boolean) | undefined
}

/** After checking. */
export interface LockSettings {
  lockingMode: 'none' | 'all' | 'auto' | 'uriPattern'
  /** Of `uriPattern`. */
  lockPattern: RegExp | undefined
  lockExpirationSeconds: number
  lockHoldMaxSeconds: number
  lockWaitMs: number
  lockTimeout: 'fail' | 'continue' | 'readOnly'
  readOnlyRequests: RegExp | ((request: unknown) => boolean) | undefined
}

const URI_PATTERN = 'uriPattern:'
const EXPIRATION_SECONDS_MAX = 3600

/** Throws TypeError naming the option that is wrong. */
export function parseLockOptions(given: GivenOptions): LockSettings {
  const lockExpirationSeconds = secondsOption(given, 'lockExpiration', 5)
  return {
    ...parseLockingMode(given.get('lockingMode')),
    lockExpirationSeconds,
    lockHoldMaxSeconds: holdMaxOption(given, lockExpirationSeconds),
    lockWaitMs: timeoutOption(given, 'lockWait', timeoutOption(given, 'operationTimeout')),
    lockTimeout: choiceOption(given, 'lockTimeout', ['fail', 'continue', 'readOnly'], 'fail'),
    readOnlyRequests: readOnlyOption(given),
  }
}

/** The original reads the names whatever their case. */
function parseLockingMode(value: unknown): Pick<LockSettings, 'lockingMode' | 'lockPattern'> {
  if (value === undefined) return { lockingMode: 'none', lockPattern: undefined }
  if (typeof value !== 'string') throw new TypeError('option lockingMode must be a string')
  if (value.startsWith(URI_PATTERN)) {
    const source = value.slice(URI_PATTERN.length)
    if (source === '') throw new TypeError('option lockingMode: uriPattern: needs a pattern')
    const lockPattern = patternOption(new Map([['lockingMode', source]]), 'lockingMode')
    return { lockingMode: 'uriPattern', lockPattern }
  }
  const name = value.toLowerCase()
  if (name === 'none' || name === 'all' || name === 'auto') {
    return { lockingMode: name, lockPattern: undefined }
  }
  if (name === 'app') {
    throw new TypeError(
      'option lockingMode: APP is not available: the application has no hand in when a lock is' +
        ' taken; use uriPattern:<regex>, or an atomic update of the session',
    )
  }
  throw new TypeError('option lockingMode must be none, all, auto or uriPattern:<regex>')
}

function secondsOption(given: GivenOptions, name: string, byDefault: number): number {
  const value = integerOption(given, name, byDefault)
  if (value >= 1 && value <= EXPIRATION_SECONDS_MAX) return value
  throw new TypeError(`option ${name} must be 1 to ${EXPIRATION_SECONDS_MAX} seconds`)
}

function holdMaxOption(given: GivenOptions, lockExpirationSeconds: number): number {
  const seconds = secondsOption(given, 'lockHoldMax', Math.max(60, lockExpirationSeconds))
  if (seconds >= lockExpirationSeconds) return seconds
  throw new TypeError('option lockHoldMax must not be shorter than lockExpiration')
}

function readOnlyOption(given: GivenOptions): LockSettings['readOnlyRequests'] {
  const value = given.get('readOnlyRequests')
  if (typeof value === 'function') return (request) => Boolean(value(request))
  if (value === undefined || typeof value === 'string' || value instanceof RegExp) {
    return patternOption(given, 'readOnlyRequests')
  }
  throw new TypeError('option readOnlyRequests must be a RegExp, a string or a function')
}
