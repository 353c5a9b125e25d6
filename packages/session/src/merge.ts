/*
 * Three-way merge of session attributes: two requests that started from the same stored session
 * each changed some attributes; nobody's change may get lost.
 *
 * Pure. Per attribute: what we changed against the base is kept as ours (set or removed); every
 * other attribute is taken as it is stored. The same attribute changed on both sides: ours wins,
 * as it is the later write. Values are compared by their JSON text, the form in which they are
 * stored.
 */
import type { Attributes } from './envelope.ts'

export function mergeAttributes(
  base: Attributes,
  ours: Attributes,
  theirs: Attributes,
): Attributes {
  const merged = new Map(Object.entries(theirs))
  for (const [name, value] of Object.entries(ours)) {
    if (!sameValue(value, own(base, name))) {
      if (JSON.stringify(value) === undefined) merged.delete(name)
      else merged.set(name, value)
    }
  }
  for (const name of Object.keys(base)) {
    if (!Object.hasOwn(ours, name)) merged.delete(name)
  }
  // fromEntries defines own properties, so an attribute called __proto__ stays an attribute.
  return Object.fromEntries(merged)
}

/** Makes `target` hold exactly the attributes of `source`, keeping values that are equal as JSON. */
export function assignAttributes(target: Attributes, source: Attributes): void {
  for (const name of Object.keys(target)) {
    if (!Object.hasOwn(source, name)) delete target[name]
  }
  for (const [name, value] of Object.entries(source)) {
    if (Object.hasOwn(target, name) && sameValue(value, own(target, name))) continue
    Object.defineProperty(target, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
}

function own(attributes: Attributes, name: string): unknown {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined
}

function sameValue(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
