/**
 * Why no failover happened: the state behind log, REST, alerts and metrics. What is refused is
 * found by the pure half; the class remembers since when, so that each is told once.
 */
import type { Logger } from 'pino'
import type { QuotaVerdict } from './failover-quota.ts'
import { type BucketPicture, engineAt, type ShardPicture } from './picture.ts'

export type RefusalReason =
  | Exclude<QuotaVerdict, 'allowed'>
  /** No copy that has every acknowledged write is left to promote. */
  | 'no-copy'
  /** This member sees no majority: nobody may decide. */
  | 'no-majority'

/** A failover that did not happen. */
export interface FailoverRefusal {
  reason: RefusalReason
  /** Member that is not failed over; null when it is about the whole cluster. */
  member: number | null
  bucket: string | null
  shard: number | null
  /** Milliseconds since the epoch. */
  sinceMs: number
  text: string
}

export type Refused = Omit<FailoverRefusal, 'sinceMs' | 'text'>

const TEXTS: Readonly<Record<RefusalReason, string>> = {
  disabled: 'automatic failover is off',
  quota: 'the quota of automatic failovers is used up until all copies are whole again',
  'too-many': 'more members than the quota of automatic failovers are gone at once',
  'no-copy': 'no in-sync copy of the shard is left',
  'no-majority': 'a majority of the members is not reachable from here',
}

/** What lasts shorter than this is a restart or an election under way. */
const TOLD_AFTER_MS = 500
/** More are not kept: the reasons of so many shards are the same. */
const REFUSALS_MAX = 1000

/** Shards without a live primary that are not failed over, with the reason. */
export function findRefusals(
  pictures: readonly BucketPicture[],
  verdicts: ReadonlyMap<number, QuotaVerdict>,
): Refused[] {
  return pictures.flatMap((picture) =>
    picture.shards.flatMap((shard) => {
      const reason = reasonOf(shard, verdicts)
      if (reason === null) return []
      return [{ reason, member: shard.primary, bucket: picture.bucket.name, shard: shard.index }]
    }),
  )
}

function reasonOf(
  shard: ShardPicture,
  verdicts: ReadonlyMap<number, QuotaVerdict>,
): RefusalReason | null {
  const primary = engineAt(shard, shard.primary)
  if (!shard.created || (primary && primary.reach !== 'down')) return null
  const ready = shard.replicas.some((member) => {
    const engine = engineAt(shard, member)
    return engine?.reach === 'up' && engine.role === 'replica'
  })
  if (!ready) return 'no-copy'
  if (!primary || primary.managed || primary.failed) return null
  const verdict = verdicts.get(primary.member) ?? 'allowed'
  return verdict === 'allowed' ? null : verdict
}

interface Kept {
  refusal: FailoverRefusal
  isTold: boolean
}

export class FailoverRefusals {
  readonly #log: Logger
  readonly #kept = new Map<string, Kept>()
  readonly #told = new Map<RefusalReason, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** What is refused now; what is not named any more has ended. */
  see(refused: readonly Refused[]): void {
    const nowMs = Date.now()
    const seen = new Set<string>()
    for (const one of refused.slice(0, REFUSALS_MAX)) {
      const key = `${one.reason}/${one.member}/${one.bucket}/${one.shard}`
      seen.add(key)
      const kept = this.#kept.get(key)
      if (kept) this.#tell(kept, nowMs)
      else {
        const refusal = { ...one, sinceMs: nowMs, text: TEXTS[one.reason] }
        this.#kept.set(key, { refusal, isTold: false })
      }
    }
    for (const [key, { refusal, isTold }] of this.#kept) {
      if (seen.has(key)) continue
      this.#kept.delete(key)
      if (isTold) this.#log.info({ ...refusal }, 'failover is refused no more')
    }
  }

  /** Those that last. */
  get all(): FailoverRefusal[] {
    return [...this.#kept.values()].filter((k) => k.isTold).map((k) => k.refusal)
  }

  /** How often one has begun, by reason. */
  get counts(): ReadonlyMap<RefusalReason, number> {
    return this.#told
  }

  #tell(kept: Kept, nowMs: number): void {
    if (kept.isTold || nowMs - kept.refusal.sinceMs < TOLD_AFTER_MS) return
    kept.isTold = true
    const { reason, text } = kept.refusal
    this.#told.set(reason, (this.#told.get(reason) ?? 0) + 1)
    this.#log.error({ ...kept.refusal }, `no failover: ${text}`)
  }
}
