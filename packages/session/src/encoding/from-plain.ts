/*
 * A plain tree (tagged-tree.ts) back to the values of a session. The tree, which the caller has
 * just parsed, is changed in place. Only tags that are known are followed; any other makes the
 * session unreadable, because the value it stands for would get lost with the next write.
 */
import { UnreadableError } from './encoding-errors.ts'
import {
  BIGINT_DIGITS_MAX,
  DEPTH_MAX,
  defineOwn,
  ESCAPE,
  TAG,
  type TagSettings,
  tooDeep,
} from './tagged-tree.ts'

/** The value of a plain tree, which is changed. Throws UnreadableError, and what a converter throws. */
export function fromPlain(value: unknown, settings: TagSettings, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) throw tooDeep()
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const child: unknown = value[at]
      if (typeof child === 'object') value[at] = fromPlain(child, settings, depth + 1)
    }
    return value
  }
  if (value instanceof Uint8Array) return value
  return revivedObject(value as Record<string, unknown>, settings, depth)
}

function revivedObject(
  value: Record<string, unknown>,
  settings: TagSettings,
  depth: number,
): unknown {
  let isEscaped = false
  for (const key of Object.keys(value)) {
    if (key.startsWith(TAG)) {
      if (key === TAG) return revivedTag(value, settings, depth)
      isEscaped = true
    }
    const child = value[key]
    if (typeof child !== 'object' || child === null) continue
    const revived = fromPlain(child, settings, depth + 1)
    if (revived !== child) defineOwn(value, key, revived)
  }
  return isEscaped ? unescaped(value) : value
}

function unescaped(value: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(value)) {
    defineOwn(result, key.startsWith(ESCAPE) ? key.slice(ESCAPE.length) : key, child)
  }
  return result
}

function revivedTag(value: Record<string, unknown>, settings: TagSettings, depth: number): unknown {
  const pair = value[TAG]
  if (!Array.isArray(pair) || pair.length !== 2 || Object.keys(value).length !== 1) {
    throw new UnreadableError('a tag is not a pair of name and content')
  }
  const [name, content]: unknown[] = pair
  const converter = settings.converters.find((one) => one.name === name)
  if (converter !== undefined) return converter.decode(fromPlain(content, settings, depth + 2))
  const revived = revivedBuiltIn(name, content, { settings, depth })
  if (revived !== NOT_A_TAG) return revived
  const shown = typeof name === 'string' && /^[\w.-]{1,40}$/.test(name) ? name : '?'
  throw new UnreadableError(`a value tagged ${shown} is not known here`)
}

const NOT_A_TAG: unique symbol = Symbol('not a tag')

function revivedBuiltIn(
  name: unknown,
  content: unknown,
  { settings, depth }: { settings: TagSettings; depth: number },
): unknown {
  switch (name) {
    case 'Undefined':
      return undefined
    case 'Number':
      return NUMBERS.get(content) ?? NOT_A_TAG
    case 'BigInt':
      return isBigIntText(content) ? BigInt(content) : NOT_A_TAG
    case 'Date':
      if (content === null) return new Date(Number.NaN)
      return typeof content === 'number' ? new Date(content) : NOT_A_TAG
    case 'URL':
      return typeof content === 'string' ? (URL.parse(content) ?? NOT_A_TAG) : NOT_A_TAG
    case 'Buffer':
    case 'Uint8Array':
      return revivedBytes(name, content)
    case 'Set':
      if (!Array.isArray(content)) return NOT_A_TAG
      fromPlain(content, settings, depth + 2)
      return new Set<unknown>(content)
    case 'Map':
      if (!isEntries(content)) return NOT_A_TAG
      fromPlain(content, settings, depth + 2)
      return new Map(content)
    default:
      return NOT_A_TAG
  }
}

function isBigIntText(content: unknown): content is string {
  if (typeof content !== 'string' || content.length > BIGINT_DIGITS_MAX) return false
  return /^-?\d+$/.test(content)
}

function revivedBytes(name: 'Buffer' | 'Uint8Array', content: unknown): unknown {
  const isBytes = content instanceof Uint8Array
  if (!isBytes && typeof content !== 'string') return NOT_A_TAG
  const buffer = isBytes ? Buffer.from(content) : Buffer.from(content, 'base64')
  return name === 'Buffer' ? buffer : new Uint8Array(buffer)
}

function isEntries(content: unknown): content is [unknown, unknown][] {
  return (
    Array.isArray(content) && content.every((entry) => Array.isArray(entry) && entry.length === 2)
  )
}

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
])
