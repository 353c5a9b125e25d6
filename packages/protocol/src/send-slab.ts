/**
 * Memory that a writer fills and sockets send from. Whoever still needs a part of it counts itself;
 * once the writer has gone on and nobody is left, the next writer in want of room gets it. Memory
 * that stays in use costs far less than fresh memory, which the system has to clear and the
 * collector to look after. Nothing that somebody still has to send is ever written over.
 */

/** Size of the slabs that are used again, and the largest that a writer keeps. */
export const SEND_SLAB_BYTES: number = 64 * 1024
/** Slabs of a thread that wait to be used again. */
const FREE_SLABS_MAX = 128

const free: SendSlab[] = []

export class SendSlab {
  readonly memory: Buffer
  #held = 0
  #left = false

  constructor(bytes: number) {
    this.memory = Buffer.allocUnsafeSlow(bytes)
  }

  /** Somebody needs a part of it until `letGo`; without that it is left to the collector. */
  hold(): void {
    this.#held++
  }

  letGo(): void {
    this.#held--
    this.#offer()
  }

  /** Its writer has gone on. */
  leave(): void {
    this.#left = true
    this.#offer()
  }

  /** Whether somebody needs a part of it. */
  get held(): boolean {
    return this.#held > 0
  }

  #offer(): void {
    if (this.#held > 0 || !this.#left || this.memory.length !== SEND_SLAB_BYTES) return
    if (free.length >= FREE_SLABS_MAX) return
    this.#left = false
    free.push(this)
  }
}

/** A slab for one writer: one that is free, where the size allows it. */
export function takeSendSlab(bytes: number): SendSlab {
  const found = bytes === SEND_SLAB_BYTES ? free.pop() : undefined
  return found ?? new SendSlab(bytes)
}
