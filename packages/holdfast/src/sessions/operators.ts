/**
 * Connections to buckets for who reads users' lists and ends sessions: one per bucket, opened with
 * the first question and closed when none has come for a while, so that a node that is not asked
 * holds none.
 */
import type { BucketAccess, SessionSource } from '@holdfast/cluster'
import { SessionOperator } from '@holdfast/session/operator'

/** A bucket that is not asked for is let go. */
const IDLE_MS_MAX = 30_000

interface Opened {
  operator: SessionOperator
  users: number
  timer: NodeJS.Timeout | undefined
}

export class Operators {
  readonly #source: Pick<SessionSource, 'warn'>
  /** By the uuid of the bucket. */
  readonly #opened = new Map<string, Opened>()

  constructor(source: Pick<SessionSource, 'warn'>) {
    this.#source = source
  }

  /** Works with the operator of a bucket. */
  async use<T>(bucket: BucketAccess, work: (operator: SessionOperator) => Promise<T>): Promise<T> {
    const opened = this.#opened.get(bucket.uuid) ?? this.#open(bucket)
    clearTimeout(opened.timer)
    opened.users++
    try {
      return await work(opened.operator)
    } finally {
      opened.users--
      if (opened.users === 0) this.#letGoLater(bucket.uuid, opened)
    }
  }

  async close(): Promise<void> {
    const all = [...this.#opened.values()]
    this.#opened.clear()
    for (const { timer } of all) clearTimeout(timer)
    await Promise.all(all.map(({ operator }) => operator.close()))
  }

  #open({ uuid, url, username, password }: BucketAccess): Opened {
    const logger = {
      debug: () => {},
      info: () => {},
      warn: (fields: object, message: string) => this.#source.warn(fields, message),
      error: (fields: object, message: string) => this.#source.warn(fields, message),
    }
    const operator = new SessionOperator({ url, username, password, logger })
    const opened = { operator, users: 0, timer: undefined }
    this.#opened.set(uuid, opened)
    return opened
  }

  #letGoLater(uuid: string, opened: Opened): void {
    opened.timer = setTimeout(() => {
      this.#opened.delete(uuid)
      void opened.operator.close()
    }, IDLE_MS_MAX)
    opened.timer.unref()
  }
}
