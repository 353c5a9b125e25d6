/**
 * Finds, shows and ends sessions for the store's REST, by what `@holdfast/session` knows of them.
 * Loaded by a node when it is asked for sessions for the first time. Reads go to the engines, so no
 * expiry changes; what is ended and users' lists go the way that applications' servers go.
 */
import type {
  BucketAccess,
  SessionBrowser,
  SessionPage,
  SessionQuestion,
  SessionRow,
  SessionSource,
  StoredItem,
} from '@holdfast/cluster'
import {
  FORM_BYTES,
  isStoredForm,
  keyOfListed,
  keysOf,
  likeliestKey,
  maybeSessionKey,
  prefixOf,
  type SessionOperator,
  viewStored,
} from '@holdfast/session/operator'
import { KeyPrefixes } from './key-prefixes.ts'
import { Operators } from './operators.ts'
import { sessionRow } from './session-rows.ts'
import { SessionUsers } from './session-users.ts'

/**
 * Size before compression up to which a session is unpacked, alone and in a list. The node's
 * manager does it, which must not stand still for long: others would take it for dead.
 */
const LOOK_BYTES_MAX: number = 2 * 1024 * 1024
const LISTED_BYTES_MAX: number = 128 * 1024
/** Users' lists that are asked for, alone and in a list. */
const USER_TRIES = { look: 16, listed: 2, page: 200 }

type Keyed = Pick<SessionQuestion, 'bucket' | 'prefix'>

/** Opens a session browser. */
export async function openSessionBrowser(source: SessionSource): Promise<SessionBrowser> {
  return new StoreSessions(source)
}

class StoreSessions implements SessionBrowser {
  readonly #source: SessionSource
  readonly #operators: Operators
  readonly #prefixes = new KeyPrefixes()

  constructor(source: SessionSource) {
    this.#source = source
    this.#operators = new Operators(source)
  }

  async find(question: SessionQuestion): Promise<SessionPage> {
    const bucket = this.#bucket(question)
    if (question.id !== undefined) {
      const row = await this.look({ ...question, id: question.id, values: false })
      return { sessions: row === null ? [] : [row], next: null }
    }
    if (question.user !== undefined) return this.#findByUser(bucket, question, question.user)
    return this.#findAny(bucket, question)
  }

  async look(question: Keyed & { id: string; values: boolean }): Promise<SessionRow | null> {
    const bucket = this.#bucket(question)
    const found = await this.#item(bucket, question)
    if (found === null) return null
    const view = await viewStored(found.value, { bodyBytesMax: LOOK_BYTES_MAX })
    const prefix = question.prefix ?? prefixOf(found.key)
    const triesMax = USER_TRIES.look
    const user = await this.#operators
      .use(bucket, (operator) =>
        new SessionUsers(operator, triesMax).userOf(found.key, prefix, { view, triesMax }),
      )
      // The session is of use without its user.
      .catch(() => undefined)
    const { values } = question
    const nowMs = Date.now()
    return sessionRow(found, view, { bucket: question.bucket, prefix, user, nowMs, values })
  }

  async revoke(question: Keyed & { id: string }): Promise<number> {
    const bucket = this.#bucket(question)
    const found = await this.#item(bucket, question)
    // One that the store does not have may live in a server's memory.
    const key = found?.key ?? likeliestKey(question.id, question.prefix ?? '')
    if (key === undefined) return 0
    const view = found && (await viewStored(found.value, { bodyBytesMax: LOOK_BYTES_MAX }))
    const prefix = question.prefix ?? prefixOf(key)
    const triesMax = USER_TRIES.look
    await this.#operators.use(bucket, async (operator) => {
      const users = new SessionUsers(operator, triesMax)
      const user = view === null ? undefined : await users.userOf(key, prefix, { view, triesMax })
      await operator.revoke({ key, prefix, user, lifeSeconds: lifeOf(found, view?.times) })
    })
    return found === null ? 0 : 1
  }

  async revokeUser({ user, ...keyed }: Keyed & { user: string }): Promise<number> {
    const bucket = this.#bucket(keyed)
    const prefixes = await this.#prefixes.of(bucket, keyed.prefix)
    return this.#operators.use(bucket, async (operator) => {
      let revoked = 0
      for (const prefix of prefixes) revoked += await operator.revokeUser(user, prefix)
      return revoked
    })
  }

  close(): Promise<void> {
    return this.#operators.close()
  }

  async #findByUser(
    bucket: BucketAccess,
    question: SessionQuestion,
    user: string,
  ): Promise<SessionPage> {
    const prefixes = await this.#prefixes.of(bucket, question.prefix)
    const listed = await this.#operators.use(bucket, (operator) =>
      listedKeys(operator, user, prefixes),
    )
    const start = /^\d{1,6}$/.test(question.start ?? '') ? Number(question.start) : 0
    const end = start + question.limit
    const items = await bucket.read([...listed.keys()].slice(start, end))
    const nowMs = Date.now()
    const rows = await inTurn(items, async (item) => {
      const view = await viewStored(item.value, { bodyBytesMax: LISTED_BYTES_MAX })
      const prefix = listed.get(item.key)
      return sessionRow(item, view, { bucket: question.bucket, prefix, user, nowMs })
    })
    return { sessions: newestFirst(rows), next: end < listed.size ? String(end) : null }
  }

  async #findAny(bucket: BucketAccess, question: SessionQuestion): Promise<SessionPage> {
    const { prefix } = question
    const { items, next, missingShards } = await bucket.page({
      limit: question.limit,
      start: question.start,
      headBytes: FORM_BYTES,
      accepts: (key, head) => {
        return maybeSessionKey(key) && isStoredForm(head) && key.startsWith(prefix ?? '')
      },
    })
    const nowMs = Date.now()
    const rows = await this.#operators.use(bucket, (operator) => {
      const users = new SessionUsers(operator, USER_TRIES.page)
      return inTurn(items, async (item) => {
        const view = await viewStored(item.value, { bodyBytesMax: LISTED_BYTES_MAX })
        const own = prefix ?? prefixOf(item.key)
        const user = await users
          .userOf(item.key, own, { view, triesMax: USER_TRIES.listed })
          // The list is of use without its users.
          .catch(() => undefined)
        return sessionRow(item, view, { bucket: question.bucket, prefix: own, user, nowMs })
      })
    })
    const note = `shards that could not be read: ${missingShards.join(', ')}`
    const page = { sessions: newestFirst(rows), next }
    return missingShards.length === 0 ? page : { ...page, note }
  }

  /** The session, else whatever is stored under that key. */
  async #item(
    bucket: BucketAccess,
    { id, prefix }: { id: string; prefix?: string | undefined },
  ): Promise<StoredItem | null> {
    const direct = await bucket.read(keysOf(id, [prefix ?? '']))
    const session = direct.find(({ value }) => isStoredForm(value))
    if (session !== undefined || prefix !== undefined) return session ?? direct[0] ?? null
    const prefixes = await this.#prefixes.of(bucket, prefix)
    const more = await bucket.read(keysOf(id, prefixes))
    return more.find(({ value }) => isStoredForm(value)) ?? direct[0] ?? null
  }

  #bucket({ bucket }: { bucket: string }): BucketAccess {
    const access = this.#source.bucket(bucket)
    if (access === null) throw new BucketGoneError(`bucket ${bucket} is gone`)
    return access
  }
}

/** Raised when the bucket goes while the question is on its way. */
class BucketGoneError extends Error {
  readonly code = 'HOLDFAST_STORE_UNAVAILABLE'
}

/** Keys of the sessions in a user's lists, the one used last first, and the prefix of each. */
async function listedKeys(
  operator: SessionOperator,
  user: string,
  prefixes: readonly string[],
): Promise<Map<string, string>> {
  const found = await inTurn(prefixes, async (prefix) => {
    const sessions = await operator.sessionsOf(user, prefix)
    return sessions.map((one) => ({ prefix, key: keyOfListed(one, prefix), seenMs: one.seenMs }))
  })
  const sorted = found.flat().sort((a, b) => b.seenMs - a.seenMs)
  return new Map(sorted.map(({ key, prefix }) => [key, prefix]))
}

/** How long an ended session might have lived on; 0: for ever. */
function lifeOf(
  item: StoredItem | null,
  times: { maxInactiveSeconds: number } | undefined,
): number {
  if (times !== undefined) return times.maxInactiveSeconds
  if (item === null) return DAY_SECONDS
  return item.expiresAtMs === 0 ? 0 : Math.ceil((item.expiresAtMs - Date.now()) / 1000)
}

/** What is not known to the store is remembered as ended for so long. */
const DAY_SECONDS = 86_400

function newestFirst(rows: SessionRow[]): SessionRow[] {
  return rows.sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0))
}

/** One after the other: each may take the event loop for a while. */
async function inTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const one of all) results.push(await work(one))
  return results
}
