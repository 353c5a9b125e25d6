/*
 * Values that JSON, MessagePack and CBOR do not have in common, as tagged plain ones:
 *
 *   new Date(0)   {"$hf": ["Date", 0]}
 *   a key $hf     {"$hf:$hf": ...}        so what an application stores cannot be taken for a tag
 *
 * A plain tree holds null, booleans, finite numbers, strings, arrays, objects and, where the
 * encoding has them, bytes. `toPlain` and `fromPlain` (files of these names) go there and back;
 * both refuse trees deeper than DEPTH_MAX (a cycle is one). Nothing stored is executed: only
 * functions of the configured converters are called, and no prototype is ever set.
 */
import { UnreadableError } from './encoding-errors.ts'

export const TAG = '$hf'
export const ESCAPE = '$hf:'
/** Deepest plain tree; a Map or Set takes four levels, any other tagged value two. */
export const DEPTH_MAX = 512

/** Reading and writing a BigInt takes more than linear time. */
export const BIGINT_DIGITS_MAX = 10_000

/** Keeps values of the application's own classes. */
export interface SessionConverter {
  /** Stored with each value: 1 to 40 letters, digits, `_`, `.` or `-`; unique. */
  name: string
  /** Asked for every object that is neither an array nor a plain object. */
  test(value: object): boolean
  /** What is stored; any value that a session may hold. */
  encode(value: object): unknown
  /** The value again; what it throws makes the session unreadable. */
  decode(plain: unknown): unknown
}

/** Names that no converter may have. */
export const BUILT_IN_TAGS: readonly string[] = [
  'BigInt',
  'Buffer',
  'Date',
  'Map',
  'Number',
  'Set',
  'URL',
  'Uint8Array',
  'Undefined',
]

export interface TagSettings {
  converters: readonly SessionConverter[]
  /** The encoding has bytes of its own; else they become base64. */
  nativeBytes: boolean
}

/** Throws UnreadableError for a parsed tree that is deeper than DEPTH_MAX. */
export function checkDepth(tree: object, depth: number): void {
  if (depth > DEPTH_MAX) throw tooDeep()
  if (Array.isArray(tree)) {
    for (let at = 0; at < tree.length; at++) checkChild(tree[at], depth)
    return
  }
  // No array of the members is made, and what has been parsed inherits nothing: `for in` will do.
  for (const key in tree) checkChild((tree as Record<string, unknown>)[key], depth)
}

function checkChild(child: unknown, depth: number): void {
  if (typeof child === 'object' && child !== null) checkDepth(child, depth + 1)
}

/** Sets an own property whatever its name is. */
export function defineOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value
  else {
    const descriptor = { value, writable: true, enumerable: true, configurable: true }
    Object.defineProperty(target, key, descriptor)
  }
}

/** The key under which a property is stored. */
export function escapedKey(key: string): string {
  return needsEscape(key) ? ESCAPE + key : key
}

/** Also `__proto__` and `toJSON`: libraries for binary encodings rename the one, call the other. */
export function needsEscape(key: string): boolean {
  switch (key.charCodeAt(0)) {
    case 0x24: // $
      return key === TAG || key.startsWith(ESCAPE)
    case 0x5f: // _
      return key === '__proto__'
    case 0x74: // t
      return key === 'toJSON'
    default:
      return false
  }
}

export function tooDeep(): UnreadableError {
  return new UnreadableError(`nested deeper than ${DEPTH_MAX} levels, or refers to itself`)
}
