/*
 * Holds a response, head and body, until its session is stored.
 *
 * It owns the four ways in which a response starts or goes on: writeHead, flushHeaders, write and
 * end. The first of them asks `beforeHead` what to wait for; until that is settled all calls are
 * queued, and meanwhile the response behaves as if it had been sent: `headersSent` is true,
 * headers cannot be changed, `write` asks its caller to wait for `drain`. Then the calls are
 * repeated in order on the response itself, so Node decides about everything else (HEAD, 304, a
 * second end). `end` after a streamed body asks `beforeEnd` likewise. With nothing to wait for,
 * calls go straight through.
 *
 * It takes what `node:http` and the compatibility API of `node:http2` give. The four functions put
 * on a response are shared by all responses and find its hold by a symbol, so that a request costs
 * one object and no closure. It knows nothing about sessions, and it does not bound the wait:
 * whoever gives the promise does.
 */
import type { ServerResponse } from 'node:http'
import { headersSentError, SentLook } from './sent-look.ts'

export interface HoldQuestions {
  /** Called once, before the head. Undefined: go on at once. A rejection sends `failure` instead. */
  beforeHead: () => Promise<void> | undefined
  /** Called before the end of a body that was begun earlier. A rejection does not change the response. */
  beforeEnd: () => Promise<void> | undefined
  /** Runs right before the head leaves: the last chance to set headers. */
  prepareHead: () => void
  /**
   * Answers in place of the application; the response is empty again by then. `ended`: the
   * application has said all it has to say, so whatever is sent from now on is the answer. Else
   * the answer has to be complete when this returns; what the application still sends is dropped.
   */
  failure: (error: unknown, ended: boolean) => void
  /** A queued call turned out to be impossible; the response is cut off. */
  onError: (error: unknown) => void
}

type Call = () => void

interface Originals {
  writeHead: (...args: unknown[]) => ServerResponse
  flushHeaders: () => void
  write: (...args: unknown[]) => boolean
  end: (...args: unknown[]) => ServerResponse
}

const HELD = Symbol('holdfast.held')

interface HeldResponse extends Originals {
  [HELD]?: ResponseHold
}

/** Call it before the application sees the response. */
export function holdResponse(response: ServerResponse, questions: HoldQuestions): void {
  new ResponseHold(response, questions).install()
}

class ResponseHold {
  readonly #response: ServerResponse
  readonly #questions: HoldQuestions
  /** The methods are overloaded: what arrives is handed on as it came. */
  readonly #held: HeldResponse
  readonly #writeHead: Originals['writeHead']
  readonly #flushHeaders: Originals['flushHeaders']
  readonly #write: Originals['write']
  readonly #end: Originals['end']
  #queue: Call[] | undefined
  /** `failed`: whatever is sent is the answer of `failure`; `replaced`: it is dropped. */
  #state: 'untouched' | 'held' | 'open' | 'failed' | 'replaced' = 'untouched'
  #headAsked = false
  #endAsked = false
  #drainDue = false
  #heldStatus = 200
  /** What the response shows while it is held. */
  #look: SentLook | undefined

  constructor(response: ServerResponse, questions: HoldQuestions) {
    this.#response = response
    this.#questions = questions
    this.#held = response as unknown as HeldResponse
    this.#writeHead = this.#held.writeHead
    this.#flushHeaders = this.#held.flushHeaders
    this.#write = this.#held.write
    this.#end = this.#held.end
  }

  install(): void {
    const held = this.#held
    if (held[HELD] !== undefined) {
      this.#installOver(held)
      return
    }
    held[HELD] = this
    held.writeHead = heldWriteHead
    held.flushHeaders = heldFlushHeaders
    held.write = heldWrite
    held.end = heldEnd
  }

  /** A second hold on one response: the shared functions can only find the first. */
  #installOver(held: HeldResponse): void {
    held.writeHead = (...args) => this.writeHead(args)
    held.flushHeaders = () => this.flushHeaders()
    held.write = (...args) => this.write(args)
    held.end = (...args) => this.end(args)
  }

  writeHead(args: unknown[]): ServerResponse {
    if (this.#state === 'replaced') return this.#response
    if (this.#state === 'held') throw headersSentError()
    if (this.#headAsked || this.#response.headersSent || !isStatus(args[0])) {
      return this.#writeHead.apply(this.#response, args)
    }
    const message = typeof args[1] === 'string' ? [args[1]] : []
    applyHeaders(this.#response, typeof args[1] === 'string' ? args[2] : args[1])
    this.#response.statusCode = args[0]
    this.#askHead()
    const headArgs = [this.#response.statusCode, ...message]
    if (!this.#isHeld()) return this.#writeHead.apply(this.#response, headArgs)
    return this.#later(this.#writeHead, headArgs)
  }

  flushHeaders(): void {
    if (this.#state === 'replaced') return
    this.#askHead()
    if (this.#state === 'held') this.#later(this.#flushHeaders, [])
    else this.#flushHeaders.call(this.#response)
  }

  write(args: unknown[]): boolean {
    if (this.#state === 'replaced') return true
    if (!isChunk(args[0])) return this.#write.apply(this.#response, args)
    this.#askHead()
    if (this.#state !== 'held') return this.#write.apply(this.#response, args)
    this.#later(this.#write, args)
    this.#drainDue = true
    return false
  }

  end(args: unknown[]): ServerResponse {
    if (this.#state === 'replaced') return this.#response
    // What Node refuses, it refuses before anything is sent; its own error is the right one.
    if (isWrongEnd(args[0])) return this.#end.apply(this.#response, args)
    if (this.#endAsked || this.#response.writableEnded) {
      // As with express-session a second end is no error; Node would emit one if it has a chunk.
      const callbacks = args.filter((argument) => typeof argument === 'function')
      if (this.#state === 'held') return this.#later(this.#end, callbacks)
      return this.#end.apply(this.#response, callbacks)
    }
    this.#endAsked = true
    if (!this.#headAsked) this.#askHead()
    else if (this.#state !== 'failed') this.#askEnd()
    if (!this.#isHeld()) return this.#endNow(args)
    this.#queue ??= []
    this.#queue.push(() => this.#endNow(args))
    this.#look?.showEnd()
    return this.#response
  }

  #askHead(): void {
    if (this.#headAsked) return
    this.#headAsked = true
    const wait = this.#response.headersSent ? undefined : this.#questions.beforeHead()
    if (wait === undefined) {
      this.#prepareHead()
      this.#state = 'open'
      return
    }
    this.#state = 'held'
    this.#heldStatus = this.#response.statusCode
    this.#look = new SentLook(this.#response)
    this.#look.show()
    wait.then(
      () =>
        this.#release(() => {
          this.#response.statusCode = this.#heldStatus
          this.#prepareHead()
        }),
      (error: unknown) => this.#replace(error),
    )
  }

  /** When the head is still held, what is to be stored before the end waits behind it. */
  #askEnd(): void {
    if (this.#state !== 'held') {
      this.#holdEnd()
      return
    }
    this.#queue ??= []
    this.#queue.push(() => this.#holdEnd())
  }

  #holdEnd(): void {
    const wait = this.#questions.beforeEnd()
    if (wait === undefined) return
    this.#state = 'held'
    const release = (): void => this.#release(() => undefined)
    wait.then(release, release)
  }

  #isHeld(): boolean {
    return this.#state === 'held'
  }

  #prepareHead(): void {
    if (!this.#response.headersSent) this.#questions.prepareHead()
  }

  /** Repeats the call on the response itself once that is released. */
  #later(way: (...args: unknown[]) => unknown, args: unknown[]): ServerResponse {
    this.#queue ??= []
    this.#queue.push(() => way.apply(this.#response, args))
    return this.#response
  }

  #endNow(args: unknown[]): ServerResponse {
    const response = this.#end.apply(this.#response, args)
    this.#look?.ended()
    return response
  }

  #release(prepare: () => void): void {
    this.#look?.hide()
    try {
      if (this.#state === 'held') this.#state = 'open'
      prepare()
      while (this.#state === 'open') {
        const call = this.#queue?.shift()
        if (call === undefined) break
        call()
      }
    } catch (error) {
      this.#abandon(error)
      return
    }
    if (this.#isHeld() || !this.#drainDue) return
    this.#drainDue = false
    if (!this.#response.writableNeedDrain) process.nextTick(() => this.#response.emit('drain'))
  }

  #replace(error: unknown): void {
    this.#look?.hide()
    const ended = this.#endAsked
    this.#state = 'failed'
    this.#endAsked = false
    this.#queue = undefined
    try {
      for (const name of this.#response.getHeaderNames()) this.#response.removeHeader(name)
      this.#questions.failure(error, ended)
      if (!ended) this.#state = 'replaced'
    } catch (failure) {
      this.#abandon(failure)
    }
    if (this.#drainDue) process.nextTick(() => this.#response.emit('drain'))
  }

  #abandon(error: unknown): void {
    this.#state = 'replaced'
    this.#queue = undefined
    this.#questions.onError(error)
    cutOff(this.#response)
  }
}

function heldWriteHead(this: HeldResponse, ...args: unknown[]): ServerResponse {
  return holdOf(this).writeHead(args)
}

function heldFlushHeaders(this: HeldResponse): void {
  holdOf(this).flushHeaders()
}

function heldWrite(this: HeldResponse, ...args: unknown[]): boolean {
  return holdOf(this).write(args)
}

function heldEnd(this: HeldResponse, ...args: unknown[]): ServerResponse {
  return holdOf(this).end(args)
}

function holdOf(response: HeldResponse): ResponseHold {
  const hold = response[HELD]
  if (hold === undefined) throw new TypeError('a method of a response was called without it')
  return hold
}

/** A response of HTTP/2 has no `destroy` of its own. */
function cutOff(response: ServerResponse & { stream?: { destroy(): void } }): void {
  if (typeof response.destroy === 'function') response.destroy()
  else response.stream?.destroy()
}

/** Headers given to writeHead win over those set before, as in Node. */
function applyHeaders(response: ServerResponse, headers: unknown): void {
  if (Array.isArray(headers)) {
    applyHeaderList(response, headers.every(Array.isArray) ? headers.flat() : headers)
    return
  }
  if (typeof headers !== 'object' || headers === null) return
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value)
  }
}

function applyHeaderList(response: ServerResponse, list: readonly unknown[]): void {
  const seen = new Set<string>()
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = String(list[at])
    const value = String(list[at + 1])
    if (seen.has(name.toLowerCase())) response.appendHeader(name, value)
    else response.setHeader(name, value)
    seen.add(name.toLowerCase())
  }
}

function isStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 999
}

function isChunk(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Uint8Array
}

function isWrongEnd(value: unknown): boolean {
  return Boolean(value) && typeof value !== 'function' && !isChunk(value)
}
