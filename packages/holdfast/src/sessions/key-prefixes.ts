/**
 * The prefixes of the applications that keep sessions in a bucket. An operator has an id or a user,
 * rarely what `storageKeyPrefix` made; so a few sessions are looked at, and what stands before
 * their ids is remembered for a while.
 */
import type { BucketAccess } from '@holdfast/cluster'
import { FORM_BYTES, isStoredForm, maybeSessionKey, prefixOf } from '@holdfast/session/operator'

/** Prefixes of one bucket that are tried. */
export const PREFIXES_MAX = 8
const SAMPLE_SESSIONS = 100
const KNOWN_MS_MAX = 60_000
const BUCKETS_MAX = 64

interface Known {
  prefixes: ReadonlySet<string>
  untilMs: number
}

export class KeyPrefixes {
  /** By the uuid of the bucket. */
  readonly #known = new Map<string, Known>()

  /** The prefix that was given, or none at all and those that sessions of the bucket have. */
  async of(bucket: BucketAccess, given: string | undefined): Promise<string[]> {
    if (given !== undefined) return [given]
    const known = this.#known.get(bucket.uuid)
    const isKnown = known !== undefined && performance.now() < known.untilMs
    return [...(isKnown ? known.prefixes : await this.#sampled(bucket))]
  }

  async #sampled(bucket: BucketAccess): Promise<ReadonlySet<string>> {
    const { items } = await bucket.page({
      limit: SAMPLE_SESSIONS,
      headBytes: FORM_BYTES,
      accepts: (key, head) => maybeSessionKey(key) && isStoredForm(head),
    })
    const counts = new Map<string, number>()
    for (const { key } of items) {
      const prefix = prefixOf(key)
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
    }
    const found = [...counts].sort((a, b) => b[1] - a[1]).map(([prefix]) => prefix)
    const prefixes = new Set(['', ...found].slice(0, PREFIXES_MAX))
    if (this.#known.size >= BUCKETS_MAX) this.#known.clear()
    this.#known.set(bucket.uuid, { prefixes, untilMs: performance.now() + KNOWN_MS_MAX })
    return prefixes
  }
}
