/**
 * The leader's way to change the cluster document: changes wait in a queue, those that wait
 * together become one revision, and it is committed when a majority of the voters (of the old and
 * of the new document) has it on disk. Rejects when this member does not lead or finds no majority.
 */
import type { Logger } from 'pino'
import type { Heartbeats } from '../membership/heartbeats.ts'
import { SLOW_MESSAGE_TIMEOUT_MS } from '../membership/peer-link.ts'
import {
  type ClusterDocument,
  clusterDocumentSchema,
  compareVersions,
  isMajority,
  type Member,
  voters,
} from './cluster-document.ts'
import type { DocumentKeeper } from './document-keeper.ts'

/** Changes that may wait for the next revision. */
const CHANGES_WAITING_MAX = 1000
/** A commit that takes longer is worth a line in the log. */
const SLOW_COMMIT_MS = 100

/** Raised when a change cannot be committed. The document is as it was. */
export class NotCommittedError extends Error {
  readonly code = 'HOLDFAST_NOT_COMMITTED'
}

type Change = (draft: ClusterDocument) => void

interface Waiting {
  change: Change
  resolve: () => void
  reject: (error: Error) => void
}

export class DocumentWriter {
  readonly #keeper: DocumentKeeper
  readonly #heartbeats: Heartbeats
  readonly #log: Logger
  #waiting: Waiting[] = []
  #running = false
  #term = 0
  #proposedRev = 0

  constructor(options: { keeper: DocumentKeeper; heartbeats: Heartbeats; log: Logger }) {
    this.#keeper = options.keeper
    this.#heartbeats = options.heartbeats
    this.#log = options.log
  }

  /** The term of this member's leadership has begun: its first revision is committed. */
  get leads(): boolean {
    return this.#heartbeats.leading && this.#term !== 0 && this.#term === this.#keeper.current.term
  }

  /** Opens a new term. Takes up what an earlier leader had prepared on a majority. */
  async beginTerm(): Promise<void> {
    const base = await this.#newestOnMajority()
    if (compareVersions(base, this.#keeper.newest) > 0) await this.#keeper.prepare(base)
    const term = this.#keeper.newest.term + 1
    await this.#commit([], term)
    this.#term = term
    this.#log.info({ term }, 'leadership begins')
  }

  /**
   * Applies `change` to a draft and commits it. An error thrown by `change` rejects only that
   * change; the others go on.
   */
  propose(change: Change): Promise<void> {
    if (this.#waiting.length >= CHANGES_WAITING_MAX) {
      return Promise.reject(new NotCommittedError('too many document changes wait'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject })
      void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    if (this.#running) return
    this.#running = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        if (!this.leads) throw new NotCommittedError('this member does not lead the cluster')
        const applied = await this.#commit(batch, this.#term)
        for (const one of applied) one.resolve()
      } catch (cause) {
        const error = cause instanceof Error ? cause : new NotCommittedError(String(cause))
        for (const one of batch) one.reject(error)
      }
    }
    this.#running = false
  }

  async #commit(batch: Waiting[], term: number): Promise<Waiting[]> {
    const base = this.#keeper.newest
    let draft = structuredClone(base)
    const applied: Waiting[] = []
    for (const one of batch) {
      const attempt = structuredClone(draft)
      try {
        one.change(attempt)
        draft = attempt
        applied.push(one)
      } catch (cause) {
        one.reject(cause instanceof Error ? cause : new Error(String(cause)))
      }
    }
    if (batch.length > 0 && applied.length === 0) return applied
    const floor = term === base.term ? Math.max(base.rev, this.#proposedRev) : base.rev
    const document = { ...clusterDocumentSchema.parse(draft), term, rev: floor + 1 }
    this.#proposedRev = document.rev
    const startedMs = performance.now()
    const [isNewest] = await Promise.all([
      this.#keeper.prepare(document),
      this.#replicate(base, document),
    ])
    if (!isNewest) throw new NotCommittedError('a newer cluster document exists')
    this.#keeper.commit(document)
    const tookMs = Math.round(performance.now() - startedMs)
    if (tookMs > SLOW_COMMIT_MS) {
      this.#log.warn({ rev: document.rev, tookMs }, 'slow commit of the cluster document')
    }
    this.#heartbeats.announce()
    return applied
  }

  async #replicate(base: ClusterDocument, document: ClusterDocument): Promise<void> {
    const self = this.#keeper.self
    const acknowledged = new Set([self])
    const enough = (of: ClusterDocument): boolean => {
      const all = voters(of)
      return isMajority(all.filter((m) => acknowledged.has(m.id)).length, all.length)
    }
    const others = document.members.filter((m) => m.id !== self)
    await new Promise<void>((resolve, reject) => {
      let open = others.length
      const check = (): void => {
        if (enough(document) && (enough(base) || base.members.length === 0)) resolve()
        else if (open === 0) reject(new NotCommittedError('no majority of members has answered'))
      }
      for (const member of others) {
        const link = this.#heartbeats.link(member.id)
        const sent = link
          ? link.send('POST', '/internal/prepare', {
              body: { from: self, document },
              secret: document.secret,
              timeoutMs: SLOW_MESSAGE_TIMEOUT_MS,
            })
          : Promise.reject(new Error('no link'))
        sent
          .then(() => acknowledged.add(member.id))
          .catch(() => {})
          .finally(() => {
            open--
            check()
          })
      }
      check()
    })
  }

  /** A committed document is on a majority, so any majority has it: a frozen member is not waited for. */
  #newestOnMajority(): Promise<ClusterDocument> {
    const self = this.#keeper.self
    let newest = this.#keeper.newest
    const others = voters(newest).filter((m) => m.id !== self)
    const { secret } = newest
    let heard = 1
    let open = others.length
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (isMajority(heard, others.length + 1)) resolve(newest)
        else if (open === 0) reject(new NotCommittedError('no majority of members has answered'))
      }
      const ask = async (member: Member): Promise<void> => {
        try {
          const link = this.#heartbeats.link(member.id)
          const raw = await link?.send('GET', '/internal/document?newest=1', { secret })
          const document = clusterDocumentSchema.parse(raw)
          heard++
          if (compareVersions(document, newest) > 0) newest = document
        } catch {
          // a member that is away; the majority decides
        }
        open--
        check()
      }
      for (const member of others) void ask(member)
      check()
    })
  }
}
