/*
 * Three-way merge of session attributes: two requests that started from the same stored session
 * each changed some attributes; nobody's change may get lost.
 *
 * Pure. Per attribute: what only others changed against the base is taken from them (set or
 * removed), what only we changed stays. The same attribute changed on both sides: the resolver
 * decides, without one ours stays, as it is the later write. Values are compared in their encoded
 * form, so a value changed in place is a change, and two equal trees are none. A value without an
 * encoded form (undefined, a function) counts as no attribute, as it is never stored.
 */
import type { Attributes, CookieOverrides } from './envelope.ts'

/** What the sides made of one attribute; undefined: they do not have it. */
export interface AttributeSides {
  base: unknown
  ours: unknown
  theirs: unknown
}

/** Decides an attribute that both sides changed; undefined removes it. */
export type AttributeResolver = (name: string, sides: AttributeSides) => unknown

export interface MergeSources {
  base: Attributes
  theirs: Attributes
  /** False for attributes that live in this process only; they are left alone. */
  isStored(name: string): boolean
  /** The encoded form of a value, for comparison; undefined: it is not stored. */
  encodeValue(value: unknown): string | undefined
  resolve: AttributeResolver | undefined
}

/** Changes `ours` to the merged attributes; values that stay keep their identity. */
export function mergeAttributes(ours: Attributes, sources: MergeSources): void {
  const { base, theirs, isStored, encodeValue, resolve } = sources
  const names = new Set([base, ours, theirs].flatMap((side) => Object.keys(side)))
  for (const name of names) {
    if (!isStored(name)) continue
    const before = encodeValue(own(base, name))
    const there = encodeValue(own(theirs, name))
    if (there === before) continue
    const here = encodeValue(own(ours, name))
    if (here === there) continue
    if (here === before) put(ours, name, own(theirs, name))
    else if (resolve !== undefined) {
      const sides = { base: own(base, name), ours: own(ours, name), theirs: own(theirs, name) }
      put(ours, name, resolve(name, sides))
    }
  }
}

/** The same for what was changed on the cookie. */
export function mergeCookie(
  ours: CookieOverrides,
  { base, theirs }: { base: CookieOverrides; theirs: CookieOverrides },
): void {
  if (ours.maxAgeMs !== base.maxAgeMs) return
  if (theirs.maxAgeMs === undefined) delete ours.maxAgeMs
  else ours.maxAgeMs = theirs.maxAgeMs
}

/** Makes `target` hold exactly the attributes of `source`. */
export function replaceAttributes(target: Attributes, source: Attributes): void {
  for (const name of Object.keys(target)) {
    if (!Object.hasOwn(source, name)) delete target[name]
  }
  for (const [name, value] of Object.entries(source)) put(target, name, value)
}

/** Defines an own property, so that an attribute called __proto__ stays an attribute. */
function put(attributes: Attributes, name: string, value: unknown): void {
  if (value === undefined) {
    delete attributes[name]
    return
  }
  Object.defineProperty(attributes, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

function own(attributes: Attributes, name: string): unknown {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined
}
