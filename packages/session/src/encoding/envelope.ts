/*
 * The stored form of a session: one JSON text with a version, `{v:1, created, lastAccessed,
 * maxInactive, attributes, cookie}`. Times are milliseconds since 1970, maxInactive is seconds.
 *
 * Pure. JSON decides what survives: functions and undefined are dropped, a Date comes back as
 * text. Decoding never throws: data of another version or broken data is a value (`unreadable`),
 * because the caller must keep it in the store and tell the log, not lose it.
 */
export type Attributes = Record<string, unknown>

/** What the application changed on `session.cookie`; absent members follow the configuration. */
export interface CookieOverrides {
  maxAgeMs?: number | null
}

export interface Envelope {
  createdMs: number
  lastAccessedMs: number
  maxInactiveSeconds: number
  attributes: Attributes
  cookie: CookieOverrides
}

export type Decoded = { ok: true; envelope: Envelope } | { ok: false; unreadable: string }

export const ENVELOPE_VERSION = 1

/** The attributes cannot be written as JSON (a cycle, a BigInt); it is the application's to mend. */
export class SessionEncodingError extends Error {
  readonly code = 'HOLDFAST_SESSION_ENCODING'
  readonly status = 500
  constructor(attribute: string, cause: unknown) {
    super(`session attribute "${attribute}" cannot be written as JSON`, { cause })
    this.name = 'SessionEncodingError'
  }
}

/**
 * What is compared to find a change: the stored attributes and the cookie overrides as JSON.
 * Throws SessionEncodingError.
 */
export function encodeContent(
  attributes: Attributes,
  cookie: CookieOverrides,
  filter: RegExp | undefined,
): string {
  const kept = filter === undefined ? attributes : filterAttributes(attributes, filter)
  try {
    return `"attributes":${JSON.stringify(kept)},"cookie":${JSON.stringify(cookie)}`
  } catch (error) {
    throw new SessionEncodingError(culprit(kept), error)
  }
}

/** The bytes to store for content made by `encodeContent`. */
export function encodeEnvelope(
  content: string,
  times: { createdMs: number; lastAccessedMs: number; maxInactiveSeconds: number },
): Buffer {
  return Buffer.from(
    `{"v":${ENVELOPE_VERSION},"created":${times.createdMs},"lastAccessed":${times.lastAccessedMs},` +
      `"maxInactive":${times.maxInactiveSeconds},${content}}`,
  )
}

export function decodeEnvelope(value: Buffer): Decoded {
  let json: unknown
  try {
    json = JSON.parse(value.toString())
  } catch {
    return { ok: false, unreadable: 'not JSON' }
  }
  if (!isObject(json)) return { ok: false, unreadable: 'not a JSON object' }
  if (json.v !== ENVELOPE_VERSION) {
    return { ok: false, unreadable: `version ${String(json.v)} is not ${ENVELOPE_VERSION}` }
  }
  const { created, lastAccessed, maxInactive, attributes, cookie } = json
  if (typeof created !== 'number' || typeof lastAccessed !== 'number') {
    return { ok: false, unreadable: 'times are missing' }
  }
  if (typeof maxInactive !== 'number') return { ok: false, unreadable: 'maxInactive is missing' }
  if (!isObject(attributes)) return { ok: false, unreadable: 'attributes are missing' }
  return {
    ok: true,
    envelope: {
      createdMs: created,
      lastAccessedMs: lastAccessed,
      maxInactiveSeconds: maxInactive,
      attributes,
      cookie: cookieOverrides(cookie),
    },
  }
}

export function filterAttributes(attributes: Attributes, filter: RegExp): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => filter.test(name)))
}

function cookieOverrides(cookie: unknown): CookieOverrides {
  if (!isObject(cookie)) return {}
  const { maxAgeMs } = cookie
  return typeof maxAgeMs === 'number' || maxAgeMs === null ? { maxAgeMs } : {}
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function culprit(attributes: Attributes): string {
  for (const [name, value] of Object.entries(attributes)) {
    try {
      JSON.stringify(value)
    } catch {
      return name
    }
  }
  return '?'
}
