/*
 * Values of a session to a plain tree (tagged-tree.ts). What is plain already is returned as it is,
 * and only the path to what has to be tagged is copied: an ordinary session costs one walk.
 *
 * What has no tag is treated as JSON.stringify does: `toJSON` is asked, functions and symbols are
 * dropped, an object of some other class is stored as its own enumerable properties.
 */
import { UnreadableError } from './encoding-errors.ts'
import {
  BIGINT_DIGITS_MAX,
  DEPTH_MAX,
  escapedKey,
  needsEscape,
  TAG,
  type TagSettings,
  tooDeep,
} from './tagged-tree.ts'

/**
 * Whether a value is a plain tree already, so that it needs no `toPlain`. Most sessions are: this
 * one walk, which allocates nothing, is all that they cost.
 */
export function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return isPlainNumber(value)
    case 'object':
      return value === null || isPlainObject(value, depth)
    default:
      return false
  }
}

/**
 * The plain form of a value; undefined for what is not stored at all. Throws UnreadableError for a
 * tree that is too deep.
 */
export function toPlain(value: unknown, settings: TagSettings, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return isPlainNumber(value)
        ? value
        : tagged('Number', Object.is(value, -0) ? '-0' : `${value}`)
    case 'undefined':
      return tagged('Undefined', null)
    case 'bigint':
      return taggedBigInt(value)
    case 'object':
      return value === null ? null : plainObject(value, settings, depth)
    default:
      return undefined
  }
}

function isPlainNumber(value: number): boolean {
  // Zero is the one number whose sign is lost as text.
  return value === 0 ? 1 / value > 0 : Number.isFinite(value)
}

function isPlainObject(value: object, depth: number): boolean {
  if (depth > DEPTH_MAX) return false
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (!isPlain(value[at], depth + 1)) return false
    return true
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  // In a plain object all that `for in` finds is its own; Object.keys would make an array.
  for (const key in value) {
    if (needsEscape(key) || !isPlain((value as Record<string, unknown>)[key], depth + 1)) {
      return false
    }
  }
  return true
}

function plainObject(value: object, settings: TagSettings, depth: number): unknown {
  if (depth > DEPTH_MAX) throw tooDeep()
  if (Array.isArray(value)) return plainArray(value, settings, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === Object.prototype || prototype === null
  if (!isPlain) {
    const special = taggedInstance(value, settings, depth)
    if (special !== undefined) return special
  }
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') {
    const json: unknown = toJSON.call(value, '')
    // Most return an object without the method; one that returns itself is stored as it is.
    if (json !== value) return toPlain(json, settings, depth + 1)
  }
  return plainProperties(value as Record<string, unknown>, settings, { depth, copy: !isPlain })
}

function plainArray(value: unknown[], settings: TagSettings, depth: number): unknown[] {
  let copy: unknown[] | undefined
  for (let at = 0; at < value.length; at++) {
    const child = value[at]
    const plain = toPlain(child, settings, depth + 1)
    if (plain === child && plain !== undefined) continue
    copy ??= value.slice()
    copy[at] = plain ?? null
  }
  return copy ?? value
}

function plainProperties(
  value: Record<string, unknown>,
  settings: TagSettings,
  { depth, copy: copyAlways }: { depth: number; copy: boolean },
): Record<string, unknown> {
  const keys = Object.keys(value)
  let copy: Record<string, unknown> | undefined
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? ''
    const child = value[key]
    const plain = toPlain(child, settings, depth + 1)
    if (copy === undefined) {
      if (!copyAlways && plain === child && plain !== undefined && !needsEscape(key)) continue
      copy = {}
      for (const before of keys.slice(0, at)) copy[before] = value[before]
    }
    if (plain !== undefined) copy[escapedKey(key)] = plain
  }
  return copy ?? (copyAlways ? {} : value)
}

function taggedInstance(value: object, settings: TagSettings, depth: number): unknown {
  for (const converter of settings.converters) {
    if (!converter.test(value)) continue
    return tagged(converter.name, toPlain(converter.encode(value), settings, depth + 2) ?? null)
  }
  if (value instanceof Date) {
    const ms = value.getTime()
    return tagged('Date', Number.isNaN(ms) ? null : ms)
  }
  if (value instanceof Uint8Array) return taggedBytes(value, settings)
  if (value instanceof Map) {
    const entries = Array.from(value, (entry) => plainArray(entry, settings, depth + 3))
    return tagged('Map', entries)
  }
  if (value instanceof Set) return tagged('Set', plainArray([...value], settings, depth + 2))
  if (value instanceof URL) return tagged('URL', value.href)
  if (value instanceof String || value instanceof Number || value instanceof Boolean) {
    return toPlain(value.valueOf(), settings, depth)
  }
  return undefined
}

function taggedBigInt(value: bigint): unknown {
  const digits = String(value)
  if (digits.length <= BIGINT_DIGITS_MAX) return tagged('BigInt', digits)
  throw new UnreadableError(`a BigInt has more than ${BIGINT_DIGITS_MAX} digits`)
}

function taggedBytes(value: Uint8Array, settings: TagSettings): unknown {
  const isBuffer = Buffer.isBuffer(value)
  if (settings.nativeBytes && isBuffer) return value
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const content = settings.nativeBytes ? buffer : buffer.toString('base64')
  return tagged(isBuffer ? 'Buffer' : 'Uint8Array', content)
}

function tagged(name: string, content: unknown): Record<string, unknown> {
  return { [TAG]: [name, content] }
}
