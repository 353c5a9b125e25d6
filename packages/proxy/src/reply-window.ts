/**
 * How many requests of one connection may be on their way, by the size of the replies it got: a
 * client that asks for large values and does not read them must not fill the memory, nor keep the
 * servers' connections busy for nothing. Pure.
 */
import { SEND_SLAB_BYTES } from '@holdfast/protocol'

/** Requests on their way while the size of the replies is not known. */
export const WINDOW_FIRST = 4
/** Reply bytes that may be on their way, going by the replies so far. */
export const WINDOW_BYTES: number = 1024 * 1024

/** Replies go to the socket in pieces of about this size: what fits into memory used again. */
export const PIECE_BYTES: number = (SEND_SLAB_BYTES * 3) / 4

/** Most bytes that are parsed before it is looked how much is on its way. */
const SLICE_BYTES_MAX: number = 16 * 1024
const SLICE_BYTES_MIN = 32
/** About the length of the shortest request. */
const REQUEST_BYTES_MIN = 8
/** How much of the size of earlier replies still counts when later ones are smaller. */
const SIZE_MEMORY = 0.9

export class ReplyWindow {
  /** Requests that may be on their way before the connection is no longer read. */
  requests: number
  readonly #requestsMax: number
  #replyBytes = 0

  constructor(requestsMax: number) {
    this.#requestsMax = requestsMax
    this.requests = Math.min(WINDOW_FIRST, requestsMax)
  }

  /** Takes account of replies of this mean size. */
  learn(replyBytes: number): void {
    this.#replyBytes = Math.max(replyBytes, this.#replyBytes * SIZE_MEMORY)
    const requests = Math.floor(WINDOW_BYTES / Math.max(1, this.#replyBytes))
    this.requests = Math.min(this.#requestsMax, Math.max(1, requests))
  }

  /** Bytes to parse next: few where few requests may be on their way. */
  get sliceBytes(): number {
    const bytes = Math.max(SLICE_BYTES_MIN, this.requests * REQUEST_BYTES_MIN)
    return Math.min(SLICE_BYTES_MAX, bytes)
  }
}
