/**
 * Sees to it that engines which nobody supervises for us carry the function library: looks, and
 * loads it where it is missing or older. Each engine is seen to once, and again when it says that a
 * function is missing (after a restart without its files, say).
 */
import { RespKind, type RespReply } from '@holdfast/protocol'
import type { EngineTarget } from './engine-connection.ts'
import { ENGINE_LIBRARY, libraryVersionOf } from './engine-functions.ts'
import { queryEngine } from './engine-query.ts'
import { replyText } from './engine-replies.ts'
import type { ClientLog } from './shard-options.ts'
import type { Turn } from './turn.ts'

export class ValkeyLibrary {
  /** Why an engine does not take the library, by its address; such operations cannot be served. */
  readonly refusals: Map<string, string> = new Map()
  readonly #target: Omit<EngineTarget, 'address'>
  readonly #turn: Turn
  readonly #log: ClientLog
  /** Engines that have it, or are being asked. */
  readonly #seenTo: Set<string> = new Set()
  readonly #loading: Map<string, Promise<void>> = new Map()

  constructor(target: Omit<EngineTarget, 'address'>, turn: Turn, log: ClientLog) {
    this.#target = target
    this.#turn = turn
    this.#log = log
  }

  /** Looks after the engine unless it was seen to already; resolves when that is over. */
  async require(address: string): Promise<void> {
    if (this.#seenTo.has(address)) {
      await this.#loading.get(address)
      return
    }
    this.#seenTo.add(address)
    const loading = this.#load(address)
    this.#loading.set(address, loading)
    await loading
  }

  /** The engine says that a function is missing. */
  requireAgain(address: string): void {
    if (this.#loading.has(address)) return
    this.#seenTo.delete(address)
    void this.require(address)
  }

  /** Never rejects: what went wrong is logged. */
  async #load(address: string): Promise<void> {
    try {
      await this.#ensure(address)
    } catch (error) {
      this.#seenTo.delete(address)
      const reason = error instanceof Error ? error.message : String(error)
      this.#log('warn', 'function library not loaded', { engine: address, reason })
    } finally {
      this.#loading.delete(address)
    }
  }

  async #ensure(address: string): Promise<void> {
    const target = { ...this.#target, address }
    const list = ['FUNCTION', 'LIST', 'LIBRARYNAME', ENGINE_LIBRARY.name, 'WITHCODE']
    const [found] = await queryEngine(target, this.#turn, [list])
    if (found !== undefined && libraryVersionOf(codeIn(found)) >= Number(ENGINE_LIBRARY.version)) {
      this.refusals.delete(address)
      return
    }
    const load = ['FUNCTION', 'LOAD', 'REPLACE', ENGINE_LIBRARY.source]
    const [loaded] = await queryEngine(target, this.#turn, [load])
    if (loaded?.kind !== RespKind.Error) {
      this.refusals.delete(address)
      this.#log('info', 'function library loaded', { engine: address })
      return
    }
    const refusal = replyText(loaded)
    // A replica or a loading engine may take it later; the others never will.
    if (/^(NOPERM|ERR)/.test(refusal)) this.refusals.set(address, refusal.slice(0, 200))
    throw new Error(refusal)
  }
}

/** The longest string anywhere in the answer to FUNCTION LIST, which is the code. */
function codeIn(reply: RespReply): string {
  if (reply.kind === RespKind.Bulk) return reply.buf.toString('latin1', reply.start, reply.end)
  return reply.items.map(codeIn).reduce((a, b) => (b.length > a.length ? b : a), '')
}
