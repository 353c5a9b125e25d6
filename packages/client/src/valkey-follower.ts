/**
 * Finds out who serves which slots of somebody's own engines, and keeps finding out: when asked to
 * (a MOVED, a lost connection), and every few seconds by itself. One question at a time, to one
 * engine after another until one knows; pauses are random, so that many proxies do not ask at once.
 */
import { RespKind } from '@holdfast/protocol'
import type { EngineTarget } from './engine-connection.ts'
import { queryEngine } from './engine-query.ts'
import { replyText } from './engine-replies.ts'
import type { ClientLog } from './shard-options.ts'
import type { Turn } from './turn.ts'
import { parseClusterSlots, parseRole, standsAlone, type ValkeyNode } from './valkey-topology.ts'

const PERIOD_MS = 5000
const SOON_MS = 20
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 1000

/** What a follower needs. */
export interface ValkeyFollowerOptions {
  /** Ways in, `host:port`. */
  addresses: readonly string[]
  target: Omit<EngineTarget, 'address'>
  turn: Turn
  log: ClientLog
  onTopology: (nodes: readonly ValkeyNode[]) => void
}

export class ValkeyFollower {
  readonly #options: ValkeyFollowerOptions
  /** Engines of the last topology; asked before the ways in. */
  #known: readonly string[] = []
  #timer: NodeJS.Timeout | undefined = undefined
  #timerDueMs = 0
  #asking = false
  /** Asked for while a question was under way, whose answer may be too old. */
  #askAgain = false
  #retryMs: number = RETRY_MS_MIN
  #stopped = false

  constructor(options: ValkeyFollowerOptions) {
    this.#options = options
    this.#schedule(0)
  }

  /** Asks within moments. */
  refresh(): void {
    if (this.#asking) this.#askAgain = true
    else this.#schedule(SOON_MS)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** At a random time around the pause; never later than what is arranged already. */
  #schedule(pauseMs: number): void {
    if (this.#stopped) return
    const dueMs = performance.now() + pauseMs * (0.75 + Math.random() / 2)
    if (this.#timer !== undefined && this.#timerDueMs <= dueMs) return
    clearTimeout(this.#timer)
    this.#timerDueMs = dueMs
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        void this.#ask()
      },
      Math.max(1, dueMs - performance.now()),
    )
    this.#timer.unref()
  }

  async #ask(): Promise<void> {
    this.#asking = true
    this.#askAgain = false
    const nodes = await this.#firstAnswer()
    this.#asking = false
    if (this.#stopped) return
    if (nodes === undefined) {
      this.#schedule(this.#retryMs)
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX)
      return
    }
    this.#retryMs = RETRY_MS_MIN
    this.#known = nodes.flatMap((node) => [node.primary, ...node.replicas])
    this.#options.onTopology(nodes)
    this.#schedule(this.#askAgain ? SOON_MS : PERIOD_MS)
  }

  async #firstAnswer(): Promise<ValkeyNode[] | undefined> {
    const reasons: string[] = []
    const addresses = new Set([...shuffled(this.#known), ...shuffled(this.#options.addresses)])
    for (const address of addresses) {
      if (this.#stopped) return undefined
      try {
        return await this.#askOne(address)
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error))
      }
    }
    this.#options.log('warn', 'no engine tells the topology', {
      reasons: reasons.slice(0, REASONS_MAX).join('; '),
    })
    return undefined
  }

  async #askOne(address: string): Promise<ValkeyNode[]> {
    const { target, turn } = this.#options
    const questions = [['CLUSTER', 'SLOTS'], ['ROLE']]
    const [slots, role] = await queryEngine({ ...target, address }, turn, questions)
    if (slots === undefined || role === undefined) throw new Error('bug: a question without answer')
    if (standsAlone(slots)) {
      const alone = parseRole(role, address)
      if (alone === undefined) throw new Error(`engine ${address} is a replica`)
      return alone
    }
    if (slots.kind === RespKind.Error) throw new Error(`engine ${address}: ${replyText(slots)}`)
    const nodes = parseClusterSlots(slots, address)
    if (nodes === undefined) throw new Error(`engine ${address} knows no slots`)
    return nodes
  }
}

const REASONS_MAX = 3

function shuffled(addresses: readonly string[]): string[] {
  const order = addresses.map((address) => ({ address, at: Math.random() }))
  return order.sort((a, b) => a.at - b.at).map(({ address }) => address)
}
