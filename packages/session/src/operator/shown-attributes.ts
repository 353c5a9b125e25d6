/*
 * Attributes of a stored session as JSON can show them: names, types and values, made from the
 * plain tree that is stored (tagged-tree.ts). Nothing is revived, so values of an application's own
 * classes need no converter, and nothing stored is executed. Pure.
 *
 *   Date, URL, BigInt, Number   text          Buffer, Uint8Array   base64
 *   Set                         array         Map                  array of pairs
 *   a converter's value         {NAME: what was stored}
 */
import { isRecord } from '../encoding/envelope.ts'
import { DEPTH_MAX, defineOwn, ESCAPE, TAG, tooDeep } from '../encoding/tagged-tree.ts'

export interface ShownAttribute {
  name: string
  /** `string`, `number`, `boolean`, `null`, `array`, `object`, or the name of a tag. */
  type: string
  /** Of the value as JSON text. */
  sizeBytes: number
  value: unknown
}

/** Values and the names of those that were cut. */
export interface ShownValues {
  values: Record<string, unknown>
  cut: string[]
}

/** The attributes of a plain tree. Throws UnreadableError for one that is too deep. */
export function shownAttributes(
  plain: Record<string, unknown>,
  isTagged: boolean,
): ShownAttribute[] {
  return Object.entries(plain).map(([key, stored]) => {
    const value = shown(stored, isTagged, 0)
    const sizeBytes = Buffer.byteLength(JSON.stringify(value))
    return { name: nameOf(key, isTagged), type: typeOf(stored, isTagged), sizeBytes, value }
  })
}

/** The values together as at most so much text; what does not fit is the beginning of its text. */
export function shownValues(
  attributes: readonly ShownAttribute[],
  textBytesMax: number,
): ShownValues {
  const values: Record<string, unknown> = {}
  const cut: string[] = []
  let left = textBytesMax
  for (const { name, value, sizeBytes } of attributes) {
    if (sizeBytes <= left) defineOwn(values, name, value)
    else {
      const text = Buffer.from(JSON.stringify(value)).subarray(0, left).toString()
      defineOwn(values, name, text)
      cut.push(name)
    }
    left = Math.max(0, left - sizeBytes)
  }
  return { values, cut }
}

function nameOf(key: string, isTagged: boolean): string {
  return isTagged && key.startsWith(ESCAPE) ? key.slice(ESCAPE.length) : key
}

function typeOf(stored: unknown, isTagged: boolean): string {
  if (stored === null) return 'null'
  if (Array.isArray(stored)) return 'array'
  if (stored instanceof Uint8Array) return 'Buffer'
  const tag = isTagged ? tagOf(stored) : undefined
  if (tag !== undefined) return tag.name === 'Number' ? 'number' : tag.name
  return typeof stored
}

function shown(stored: unknown, isTagged: boolean, depth: number): unknown {
  if (depth > DEPTH_MAX) throw tooDeep()
  if (typeof stored === 'bigint') return String(stored)
  if (stored === undefined) return null
  if (typeof stored !== 'object' || stored === null) return stored
  if (stored instanceof Uint8Array) return Buffer.from(stored).toString('base64')
  if (Array.isArray(stored)) return stored.map((one) => shown(one, isTagged, depth + 1))
  const tag = isTagged ? tagOf(stored) : undefined
  if (tag !== undefined) return shownTag(tag, depth)
  const object: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(stored)) {
    defineOwn(object, nameOf(key, isTagged), shown(child, isTagged, depth + 1))
  }
  return object
}

interface Tag {
  name: string
  content: unknown
}

function tagOf(stored: unknown): Tag | undefined {
  if (!isRecord(stored) || !Object.hasOwn(stored, TAG)) return undefined
  const pair = stored[TAG]
  if (!Array.isArray(pair) || pair.length !== 2) return undefined
  const [name, content]: unknown[] = pair
  return typeof name === 'string' ? { name, content } : undefined
}

function shownTag({ name, content }: Tag, depth: number): unknown {
  switch (name) {
    case 'Undefined':
      return null
    case 'Date':
      return isTime(content) ? new Date(content).toISOString() : null
    case 'BigInt':
    case 'Buffer':
    case 'Map':
    case 'Number':
    case 'Set':
    case 'URL':
    case 'Uint8Array':
      return shown(content, true, depth + 2)
    default:
      return { [name]: shown(content, true, depth + 2) }
  }
}

/** Milliseconds that a Date can have. */
function isTime(content: unknown): content is number {
  return typeof content === 'number' && Math.abs(content) <= 8.64e15
}
