/*
 * What a response that is held shows to whoever looks: that it has been sent.
 *
 * Nothing is deleted afterwards: an object that properties are deleted from is slow from then on,
 * and the response is about to be sent.
 */
import type { ServerResponse } from 'node:http'

const HEADER_SETTERS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const
const ENDED = 'writableEnded'
/** Stands for a head; never sent, as nothing is while the response is held. */
const HEAD_SHOWN = ' '
const TRUE: PropertyDescriptor = { value: true, writable: true, configurable: true }

/** What Node's own code knows of a response of HTTP/1. */
interface Http1Response {
  _header: string | null
  finished: boolean
}

export class SentLook {
  readonly #response: ServerResponse
  /** Where the look is made of members put on the response: what sets its headers otherwise. */
  #setters: unknown[] | undefined
  #isEndShown = false

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /**
   * The head looks sent. A response of HTTP/1 tells by one member of its own whether its head is
   * made, and all that sets headers looks at it; others have their members put aside, which costs
   * more.
   */
  show(): void {
    const response = this.#response
    if (isHttp1(response) && response._header === null) {
      response._header = HEAD_SHOWN
      if (response.headersSent) return
      response._header = null
    }
    this.#setters = HEADER_SETTERS.map((name) => response[name])
    Object.defineProperty(response, 'headersSent', TRUE)
    for (const name of HEADER_SETTERS) Reflect.set(response, name, refuseHeader)
  }

  /** The body looks ended, too. */
  showEnd(): void {
    this.#isEndShown = true
    Object.defineProperty(this.#response, ENDED, TRUE)
  }

  /** Everything is as it was for whoever looks. Safe to call again. */
  hide(): void {
    const response = this.#response
    if (isHttp1(response) && response._header === HEAD_SHOWN) response._header = null
    if (this.#setters !== undefined) this.#hideMembers(this.#setters)
    if (!this.#isEndShown) return
    if (isHttp1(response)) {
      this.ended()
      return
    }
    this.#isEndShown = false
    Object.defineProperty(response, ENDED, inherited(response, ENDED))
  }

  /** After `end` was called: what was shown is a member of the response from then on. */
  ended(): void {
    const response = this.#response
    if (this.#isEndShown && isHttp1(response)) Reflect.set(response, ENDED, response.finished)
  }

  #hideMembers(setters: readonly unknown[]): void {
    const response = this.#response
    this.#setters = undefined
    for (const [index, name] of HEADER_SETTERS.entries()) {
      Reflect.set(response, name, setters[index])
    }
    Object.defineProperty(response, 'headersSent', inherited(response, 'headersSent'))
  }
}

export function headersSentError(): Error {
  const error = new Error('Cannot set headers after they are sent to the client')
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}

function refuseHeader(): never {
  throw headersSentError()
}

function isHttp1(response: ServerResponse): response is ServerResponse & Http1Response {
  return Object.hasOwn(response, '_header') && Object.hasOwn(response, 'finished')
}

/** What the prototypes say of a property, to be put on the object itself. */
function inherited(response: object, name: string): PropertyDescriptor {
  for (let at: object | null = Object.getPrototypeOf(response); at !== null; ) {
    const descriptor = Object.getOwnPropertyDescriptor(at, name)
    if (descriptor !== undefined) return { ...descriptor, configurable: true }
    at = Object.getPrototypeOf(at)
  }
  return { value: undefined, configurable: true, writable: true }
}
