/*
 * Keys of stored sessions as an operator meets them: without the configuration of the application
 * that made them, so what is prefix, random part and node id of a key is judged from its form.
 *
 * Pure. A key is `<prefix><sid>[-<nodeId>]`; sids that are made here have 32 characters, so the
 * prefix is what stands before them. With an application's own `genid` the prefix ends at the last
 * `_`, unless the operator names it.
 */
import { idWithoutRoute, SID_CHARS } from '../session-id.ts'

const KEY_CHARS_MAX = 250
/** Forms of an id that are tried: a route may hold points. */
const FORMS_MAX = 5
/** Keys beside the sessions. */
const BESIDE = /^(?:lock|gone|bak|user|feed|validity):/
const KEY = /^[\x21-\x7e]+$/
const OWN_SID = new RegExp(`^(.*_)?\\w{${SID_CHARS}}(?:-\\w{1,15})?$`)
const WITH_NODE = /^(.+)-\w{1,15}$/
const SIGNED = /^s(?::|%3a)/i

/** Whether a key may be a session's. */
export function maybeSessionKey(key: string): boolean {
  return key.length <= KEY_CHARS_MAX && KEY.test(key) && !BESIDE.test(key)
}

/** The application's prefix in a key of a session. */
export function prefixOf(key: string): string {
  const own = OWN_SID.exec(key)
  if (own !== null) return own[1] ?? ''
  return key.slice(0, key.lastIndexOf('_') + 1)
}

/**
 * The keys that an id may be stored under. The id is one as a list shows it, one with its route, or
 * the signed value of a cookie.
 */
export function keysOf(id: string, prefixes: readonly string[]): string[] {
  let form = unsigned(id)
  const forms = [form]
  while (forms.length < FORMS_MAX && form.includes('.')) {
    form = form.slice(0, form.lastIndexOf('.'))
    forms.push(form)
  }
  const keys = prefixes.flatMap((prefix) => forms.map((one) => prefix + one))
  return [...new Set(keys)].filter(maybeSessionKey)
}

/**
 * The sids that a session of this id may have: whether ids carry a node id is the application's
 * configuration.
 */
export function sidsOf(id: string): string[] {
  const bare = idWithoutRoute(id)
  const withNode = WITH_NODE.exec(bare)
  return withNode?.[1] === undefined ? [bare] : [bare, withNode[1]]
}

/** The key of a session that the store does not have, as far as its id tells. */
export function likeliestKey(id: string, prefix: string): string | undefined {
  const keys = keysOf(id, [prefix])
  return keys.find((key) => OWN_SID.test(key)) ?? keys.at(-1)
}

/** The key of a session in a user's list. */
export function keyOfListed({ id }: { id: string }, prefix: string): string {
  return prefix + idWithoutRoute(id)
}

/** What a cookie's value signs. The signature is not checked: the secret is the application's. */
function unsigned(text: string): string {
  if (!SIGNED.test(text)) return text
  const signed = decoded(text).slice(2)
  const dot = signed.lastIndexOf('.')
  return dot === -1 ? signed : signed.slice(0, dot)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
