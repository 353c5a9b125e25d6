/**
 * SASL PLAIN (RFC 4616) and memcached's ASCII authentication, which is the same thing with a blank:
 * a name and a password in the open. Pure but for the random key of the comparison.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** A name with a password, as a client gave them. */
export interface PlainLogin {
  username: string
  password: string
}

const COMPARE_KEY: Buffer = randomBytes(32)

/** Reads `[authzid] NUL user NUL password`; whom it wants to act for is not looked at, as in moxi. */
export function parsePlainMessage(message: Buffer): PlainLogin | undefined {
  const userStart = message.indexOf(0) + 1
  if (userStart === 0) return undefined
  const userEnd = message.indexOf(0, userStart)
  if (userEnd <= userStart || message.indexOf(0, userEnd + 1) >= 0) return undefined
  return {
    username: message.toString('utf8', userStart, userEnd),
    password: message.toString('utf8', userEnd + 1),
  }
}

/** Reads `user password`, the value of the first set of a connection. */
export function parseAsciiLogin(value: Buffer): PlainLogin | undefined {
  const words = value.toString('utf8').split(' ')
  const [username = '', password = ''] = words
  return words.length === 2 && username !== '' && password !== ''
    ? { username, password }
    : undefined
}

/** Compares in a time that does not depend on where, or in how many bytes, they differ. */
export function equalSecrets(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

function digest(secret: string): Buffer {
  return createHmac('sha256', COMPARE_KEY).update(secret).digest()
}
