/*
 * The option `cookie`: express-session's names, checked, as the attributes that `cookie.ts` writes.
 *
 * Pure. Unknown members are refused like unknown options.
 */
import type { CookieAttributes } from './cookie.ts'

const NAMES = ['path', 'httpOnly', 'secure', 'sameSite', 'domain', 'maxAge']

export function parseCookieOption(value: unknown): CookieAttributes {
  if (value !== undefined && (typeof value !== 'object' || value === null)) {
    throw new TypeError('option cookie must be an object')
  }
  const given = new Map<string, unknown>(Object.entries(value ?? {}))
  for (const name of given.keys()) {
    if (!NAMES.includes(name)) {
      throw new TypeError(`unknown session option "cookie.${name}"; cookie has ${NAMES.join(', ')}`)
    }
  }
  return {
    path: textMember(given.get('path'), 'path') ?? '/',
    httpOnly: booleanMember(given.get('httpOnly'), 'httpOnly', true),
    secure:
      given.get('secure') === 'auto' ? 'auto' : booleanMember(given.get('secure'), 'secure', false),
    sameSite: sameSiteMember(given.get('sameSite')),
    domain: textMember(given.get('domain'), 'domain'),
    maxAgeMs: maxAgeMember(given.get('maxAge')),
  }
}

function textMember(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && /^[\x20-\x3a\x3c-\x7e]+$/.test(value)) return value
  throw new TypeError(`option cookie.${name} must be text without ";"`)
}

function booleanMember(value: unknown, name: string, byDefault: boolean): boolean {
  if (value === undefined) return byDefault
  if (typeof value === 'boolean') return value
  throw new TypeError(`option cookie.${name} must be true or false`)
}

function sameSiteMember(value: unknown): CookieAttributes['sameSite'] {
  if (value === undefined || value === false) return undefined
  if (value === true) return 'strict'
  if (value === 'lax' || value === 'strict' || value === 'none') return value
  throw new TypeError('option cookie.sameSite must be "lax", "strict", "none", true or false')
}

function maxAgeMember(value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new TypeError('option cookie.maxAge must be a positive number of milliseconds or null')
}
