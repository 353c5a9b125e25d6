/*
 * Attributes as plain own properties of what the application sees of a session, for bindings whose
 * original works that way (`request.session.foo = 1`, `Object.keys`, JSON and spread all see data).
 *
 * Pure. Showing copies one level; taking back moves over what the application set or deleted since,
 * so parallel requests of one user that share the attributes do not undo each other's. Nested
 * objects are not copied: a change inside of one is a change of the attribute itself.
 */
export type Shown = Record<string, unknown>

/** Names of own properties of a view that are not attributes. */
export type IsReserved = (name: string) => boolean

/** Makes the view's own properties exactly these attributes, besides reserved names. */
export function showAttributes(view: object, attributes: Shown, isReserved: IsReserved): void {
  for (const name of Object.keys(view)) {
    if (!isReserved(name) && !Object.hasOwn(attributes, name)) Reflect.deleteProperty(view, name)
  }
  for (const name of Object.keys(attributes)) {
    if (!isReserved(name)) setOwn(view, name, attributes[name])
  }
}

/** Brings what changed on the view since `before`, a copy of it, into the attributes. */
export function takeAttributes(
  view: object,
  attributes: Shown,
  before: Shown,
  isReserved: IsReserved,
): void {
  for (const name of Object.keys(view)) {
    if (isReserved(name)) continue
    const value: unknown = Reflect.get(view, name)
    if (!Object.hasOwn(before, name) || value !== before[name]) setOwn(attributes, name, value)
  }
  for (const name of Object.keys(before)) {
    if (!isReserved(name) && !Object.hasOwn(view, name)) delete attributes[name]
  }
}

/** Never runs a setter, so an attribute called `__proto__` stays an attribute. */
export function setOwn(target: object, name: string, value: unknown): void {
  if (name !== '__proto__') {
    Reflect.set(target, name, value)
    return
  }
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}
