/** What is asked about sessions, and how they are shown. Pure. */
import { bytes, duration } from '../../parts/units.ts'
import type { Session } from '../../rest/session-types.ts'

const PAGE = 50
const ID_SHOWN = 12
const NAME_CHARS = 8
const NAMES_SHOWN = 5

export interface Question {
  bucket: string
  by: 'any' | 'id' | 'user'
  text: string
}

/** Path of a page of sessions; `start` comes from the page before. */
export function pathOf({ bucket, by, text }: Question, start: string | null = null): string {
  const query = new URLSearchParams({ bucket, limit: String(PAGE) })
  if (by !== 'any') query.set(by, text)
  if (start !== null) query.set('start', start)
  return `/sessions?${query}`
}

/** Path of one session, to look at it or to end it. */
export function sessionPath({ bucket, id, prefix }: Session, withValues = false): string {
  const query = new URLSearchParams()
  if (prefix) query.set('prefix', prefix)
  if (withValues) query.set('values', '1')
  const tail = query.size > 0 ? `?${query}` : ''
  return `/sessions/${encodeURIComponent(bucket)}/${encodeURIComponent(id)}${tail}`
}

/** Enough of an id to tell sessions apart. */
export function shortId(id: string): string {
  return id.length > ID_SHOWN + 1 ? `${id.slice(0, ID_SHOWN)}…` : id
}

/** What a person types to end a session: the beginning of its id, past what all ids have. */
export function nameOf({ id, prefix }: Session): string {
  const own = prefix && id.startsWith(prefix) ? id.slice(prefix.length) : id
  return own.slice(0, NAME_CHARS)
}

/** `unknown` where it cannot be read, `never` where there is no end. */
export function span(seconds: number | null, forNull: 'unknown' | 'never' = 'unknown'): string {
  return seconds === null ? forNull : duration(seconds)
}

/** How a session is stored: `json, 1.2 KB, compressed`. */
export function storedAs(session: Session): string {
  const { encoding, sizeBytes, compressed, encrypted } = session
  const words = [encoding, bytes(sizeBytes)]
  if (compressed) words.push('compressed')
  if (encrypted) words.push('encrypted')
  return words.join(', ')
}

/** Names of the attributes, or why there are none to see. */
export function attributeWords({ attributes, encrypted, note }: Session): string {
  if (encrypted) return 'encrypted: only the application can read them'
  if (attributes.length === 0) return note ?? 'none'
  const names = attributes.slice(0, NAMES_SHOWN).map((a) => a.name)
  const rest = attributes.length - names.length
  return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ')
}
