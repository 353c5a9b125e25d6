/*
 * Tells cheaply that a session's attributes are as they are stored, for views that report here what
 * they hand out and change. Most requests read a little and change nothing; then encoding the
 * whole session to compare it would be most of what its session costs.
 *
 * What a view has not handed out cannot have changed but by the view. An object that it has handed
 * out is compared with its place in the stored content, for as long as the session is in memory,
 * since whoever got it may change it at any time. Whoever takes the attributes past the views ends
 * the watch: from then on all is compared, always. Wrong in one direction only: it may say "maybe".
 */
import type { Attributes, CookieOverrides, SessionContent } from './envelope.ts'

/** Most objects of one session that are watched one by one. */
export const WATCHED_MAX = 3

/** The encoded form of an attribute; undefined: it is not stored. */
export type TextOf = (value: unknown) => string | undefined

/** A list of few: it costs less memory than an array. */
interface HandedOut {
  readonly name: string
  /** Where its text is in the settled content; length 0: it is not stored. */
  start: number
  length: number
  readonly next: HandedOut | undefined
}

export class AttributeWatch {
  /** For views that report what they do, and for whoever only looks. */
  readonly watched: Attributes
  readonly #textOf: TextOf | undefined
  /** `lost`: someone has the attributes whose doings are not reported. */
  #state: 'settled' | 'changed' | 'lost'
  #handedOut: HandedOut | undefined
  /** The content that a settled session equals. */
  #content: SessionContent | undefined
  #maxAgeMs: number | null | undefined

  /** Without `textOf` nothing is watched. */
  constructor(attributes: Attributes, textOf: TextOf | undefined) {
    this.watched = attributes
    this.#textOf = textOf
    this.#state = textOf === undefined ? 'lost' : 'changed'
  }

  /** For everybody else. */
  get attributes(): Attributes {
    this.#state = 'lost'
    return this.watched
  }

  /** A view gives the value of this attribute to the application, or got it from there. */
  handOut(name: string, value: unknown): void {
    if (typeof value !== 'object' || value === null || this.#state === 'lost') return
    let count = 0
    for (let one = this.#handedOut; one !== undefined; one = one.next) {
      if (one.name === name) return
      count++
    }
    if (count === WATCHED_MAX) {
      this.#state = 'lost'
      return
    }
    this.#handedOut = { name, start: 0, length: 0, next: this.#handedOut }
    if (this.#state === 'settled') this.#place(this.#handedOut)
  }

  /** A view has set or deleted an attribute. */
  changed(): void {
    if (this.#state === 'settled') this.#state = 'changed'
  }

  /** What an attribute is can no longer be told by looking at it. */
  lose(): void {
    this.#state = 'lost'
  }

  /** The session was found to equal this content, as it is now. */
  settle(content: SessionContent, { maxAgeMs }: CookieOverrides): void {
    if (this.#state === 'lost') return
    this.#state = 'settled'
    this.#content = content
    this.#maxAgeMs = maxAgeMs
    for (let one = this.#handedOut; one !== undefined; one = one.next) this.#place(one)
  }

  /** True: the session equals this content for certain. */
  isSettled(content: SessionContent | undefined, { maxAgeMs }: CookieOverrides): boolean {
    if (this.#state !== 'settled') return false
    if (this.#content !== content || this.#maxAgeMs !== maxAgeMs) return false
    for (let one = this.#handedOut; one !== undefined; one = one.next) {
      const text = this.#text(this.watched[one.name]) ?? ''
      if (text.length !== one.length || !content?.startsWith(text, one.start)) return false
    }
    return this.#state === 'settled'
  }

  /** Looks up where the settled content has the text of an attribute. */
  #place(one: HandedOut): void {
    const text = this.#text(this.watched[one.name]) ?? ''
    const start = this.#content?.indexOf(text) ?? -1
    if (start === -1) this.#state = 'lost'
    one.start = start
    one.length = text.length
  }

  /** What has no encoded form ends the watch; the comparison of all tells why. */
  #text(value: unknown): string | undefined {
    try {
      return this.#textOf?.(value)
    } catch {
      this.#state = 'lost'
      return undefined
    }
  }
}
