/**
 * Questions to other members that may take a while: figures, logs, statistics. They go over
 * connections of their own, so that heartbeats never wait behind them; every wait has a deadline,
 * and a member that does not answer is named, not waited for.
 */
import { Agent, request } from 'undici'
import type { ZodType } from 'zod'
import type { ClusterDocument, Member } from '../document/cluster-document.ts'

const CONNECT_TIMEOUT_MS = 500
const CONNECTIONS_MAX = 2
/** Longest answer that is read. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024

/** What the members have said, and who has not. */
export interface Answers<T> {
  answers: Map<number, T>
  missing: number[]
}

export class MemberCalls {
  readonly #document: () => ClusterDocument
  readonly #agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    connections: CONNECTIONS_MAX,
    keepAliveTimeout: 30_000,
    maxResponseSize: ANSWER_BYTES_MAX,
  })

  constructor(document: () => ClusterDocument) {
    this.#document = document
  }

  /** Asks one member; rejects when there is no good answer in time. */
  async ask<T>(
    member: Pick<Member, 'host' | 'restPort'>,
    path: string,
    options: { schema: ZodType<T>; timeoutMs: number },
  ): Promise<T> {
    const { statusCode, body } = await request(`http://${member.host}:${member.restPort}${path}`, {
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#document().secret}` },
      signal: AbortSignal.timeout(options.timeoutMs),
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`${path} at ${member.host}: ${statusCode}`)
    return options.schema.parse(JSON.parse(text))
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

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
