/**
 * Whose session is it? Only the application knows which attribute names its user; but a user's list
 * in the store has the hash of that name as its key, and names the session. So the attributes that
 * may be it are tried: a user is told only when the list says so. Bounded in tries.
 */
import type { SessionOperator, StoredView } from '@holdfast/session/operator'
import { keyOfListed } from '@holdfast/session/operator'

const NAME_CHARS_MAX = 256
/** How the attribute of a user is often called: tried first, and alone in lists. */
const LIKELY = /user|login|account|email|member|customer|subject|^sub$|^uid$|^name$|^id$/i

/** What users' lists of a bucket say. */
export class SessionUsers {
  readonly #operator: Pick<SessionOperator, 'sessionsOf'>
  readonly #lists = new Map<string, Promise<ReadonlySet<string>>>()
  #triesLeft: number

  /** It lives as long as one question. */
  constructor(operator: Pick<SessionOperator, 'sessionsOf'>, triesMax: number) {
    this.#operator = operator
    this.#triesLeft = triesMax
  }

  /** The user in whose list the session is; undefined: nobody's, or not found out. */
  async userOf(
    key: string,
    prefix: string,
    { view, triesMax }: { view: StoredView; triesMax: number },
  ): Promise<string | undefined> {
    for (const name of candidatesIn(view).slice(0, triesMax)) {
      const listed = await this.#list(name, prefix)
      if (listed?.has(key) === true) return name
    }
    return undefined
  }

  #list(user: string, prefix: string): Promise<ReadonlySet<string>> | undefined {
    const of = JSON.stringify([prefix, user])
    const known = this.#lists.get(of)
    if (known !== undefined || this.#triesLeft === 0) return known
    this.#triesLeft--
    const list = this.#operator
      .sessionsOf(user, prefix)
      .then((sessions) => new Set(sessions.map((one) => keyOfListed(one, prefix))))
    this.#lists.set(of, list)
    return list
  }
}

/** Texts and numbers in a session that may be the name of its user, the likely ones first. */
export function candidatesIn({ attributes }: Pick<StoredView, 'attributes'>): string[] {
  const found = attributes.flatMap(({ name, value }) => textsIn(name, value))
  const sorted = found.sort((a, b) => Number(LIKELY.test(b.name)) - Number(LIKELY.test(a.name)))
  return [...new Set(sorted.map(({ text }) => text))]
}

interface Found {
  name: string
  text: string
}

/** Also one level down: passport keeps `{user}`. */
function textsIn(name: string, value: unknown): Found[] {
  if (typeof value === 'number') return [{ name, text: String(value) }]
  if (typeof value === 'string') {
    return value !== '' && value.length <= NAME_CHARS_MAX ? [{ name, text: value }] : []
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([inner, child]: [string, unknown]) =>
    typeof child === 'string' || typeof child === 'number' ? textsIn(inner, child) : [],
  )
}
