/*
 * What is stored of a session, and the interface of an encoding that writes and reads it.
 *
 * Pure. Times are milliseconds since 1970, maxInactive is seconds.
 */
import { SessionEncodingError, UnreadableError } from './encoding-errors.ts'
import { fromPlain } from './from-plain.ts'
import { defineOwn, escapedKey, TAG, type TagSettings } from './tagged-tree.ts'
import { isPlain, toPlain } from './to-plain.ts'

export type Attributes = Record<string, unknown>

/** What the application changed on `session.cookie`; absent members follow the configuration. */
export interface CookieOverrides {
  maxAgeMs?: number | null
}

export interface EnvelopeTimes {
  createdMs: number
  lastAccessedMs: number
  maxInactiveSeconds: number
}

/** What is compared to find a change, and what is merged. */
export interface SessionParts {
  attributes: Attributes
  cookie: CookieOverrides
}

export interface Envelope extends EnvelopeTimes, SessionParts {}

/** Attributes and cookie as they are stored, without times; compare with `===`. */
export type SessionContent = string

/** An envelope with its content: what `content` would say of it unchanged. */
export interface ReadEnvelope {
  envelope: Envelope
  content: SessionContent
}

/** One way to write envelopes. What it cannot read makes it throw; the codec catches that. */
export interface SessionEncoding {
  readonly name: string
  /** Throws SessionEncodingError. */
  content(attributes: Attributes, cookie: CookieOverrides): SessionContent
  body(content: SessionContent, times: EnvelopeTimes): Buffer
  read(body: Buffer): ReadEnvelope
  /** A fresh copy of what is in `content`. */
  partsIn(content: SessionContent): SessionParts
  /** The encoded form of one attribute, for comparison; undefined: it is not stored. */
  valueText(value: unknown): string | undefined
}

/** Which attributes an encoding stores, and how. */
export interface EncodingRules {
  filter: RegExp | undefined
  tags: TagSettings
}

/** True for a value that is stored as an attribute; the others are as if they were not there. */
export function isStorable(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
}

/** The stored attributes as a plain tree; the same object when all of it is plain already. */
export function plainAttributes(
  attributes: Attributes,
  { filter, tags }: EncodingRules,
): Attributes {
  const names = Object.keys(attributes)
  let copy: Attributes | undefined
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? ''
    const value = attributes[name]
    const isKept = isStorable(value) && (filter === undefined || filter.test(name))
    const plain = isKept ? plainAttribute(name, value, tags) : undefined
    const key = escapedKey(name)
    if (copy === undefined) {
      if (plain === value && isKept && key === name) continue
      copy = {}
      for (const before of names.slice(0, at)) copy[before] = attributes[before]
    }
    if (plain !== undefined) copy[key] = plain
  }
  return copy ?? attributes
}

function plainAttribute(name: string, value: unknown, tags: TagSettings): unknown {
  if (isPlain(value, 0)) return value
  try {
    return toPlain(value, tags, 0)
  } catch (error) {
    throw new SessionEncodingError(name, error)
  }
}

/** The attributes of a plain tree, which is changed. Throws what `fromPlain` throws. */
export function taggedAttributes(plain: Attributes, tags: TagSettings): Attributes {
  const attributes = Object.hasOwn(plain, TAG) ? undefined : fromPlain(plain, tags, 0)
  if (!isRecord(attributes)) throw new UnreadableError('attributes are missing')
  return attributes
}

/** The attributes that are stored, as they are: for encodings that take any value. */
export function storedAttributes(attributes: Attributes, filter: RegExp | undefined): Attributes {
  const stored: Attributes = {}
  for (const [name, value] of Object.entries(attributes)) {
    if (isStorable(value) && (filter?.test(name) ?? true)) defineOwn(stored, name, value)
  }
  return stored
}

/** The members of the cookie that are known, whatever else was stored. */
export function cookieOverrides(cookie: unknown): CookieOverrides {
  if (!isRecord(cookie)) return {}
  const { maxAgeMs } = cookie
  return typeof maxAgeMs === 'number' || maxAgeMs === null ? { maxAgeMs } : {}
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
