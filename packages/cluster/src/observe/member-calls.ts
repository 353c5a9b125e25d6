/**
 * Questions to other members that may take a while: figures, logs, statistics. They go over
 * connections of their own, so that heartbeats never wait behind them; every wait has a deadline,
 * and a member that does not answer is named, not waited for.
 */
import type { ZodType } from 'zod'
import type { ClusterDocument, Member } from '../document/cluster-document.ts'
import { PeerLink } from '../membership/peer-link.ts'

/** To one member. */
const CONNECTIONS_MAX = 2

/** What the members have said, and who has not. */
export interface Answers<T> {
  answers: Map<number, T>
  missing: number[]
}

export class MemberCalls {
  readonly #document: () => ClusterDocument
  readonly #links = new Map<string, PeerLink>()

  constructor(document: () => ClusterDocument) {
    this.#document = document
  }

  /** Asks one member; rejects when there is no good answer in time. */
  async ask<T>(
    member: Pick<Member, 'host' | 'restPort'>,
    path: string,
    options: { schema: ZodType<T>; timeoutMs: number },
  ): Promise<T> {
    const { secret } = this.#document()
    const { timeoutMs } = options
    const answer = await this.#link(member).send('GET', path, { secret, timeoutMs })
    return options.schema.parse(answer)
  }

  /** Asks many members side by side. */
  async askAll<T>(
    members: readonly Member[],
    path: string,
    options: { schema: ZodType<T>; timeoutMs: number },
  ): Promise<Answers<T>> {
    const answers = new Map<number, T>()
    const missing: number[] = []
    await Promise.all(
      members.map(async (member) => {
        try {
          answers.set(member.id, await this.ask(member, path, options))
        } catch {
          missing.push(member.id)
        }
      }),
    )
    return { answers, missing }
  }

  close(): void {
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
  }

  /** Links to members that are gone are closed on the way. */
  #link(member: Pick<Member, 'host' | 'restPort'>): PeerLink {
    const wanted = addressOf(member)
    const present = new Set(this.#document().members.map(addressOf))
    for (const [address, link] of this.#links) {
      if (present.has(address)) continue
      link.close()
      this.#links.delete(address)
    }
    const link = this.#links.get(wanted) ?? new PeerLink(member, CONNECTIONS_MAX)
    this.#links.set(wanted, link)
    return link
  }
}

function addressOf({ host, restPort }: Pick<Member, 'host' | 'restPort'>): string {
  return `${host}:${restPort}`
}
