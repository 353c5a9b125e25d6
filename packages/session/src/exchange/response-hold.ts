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
 * It knows nothing about sessions, and it does not bound the wait: whoever gives the promise does.
 */
import type { ServerResponse } from 'node:http'

export interface HoldQuestions {
  /** Called once, before the head. Undefined: go on at once. A rejection sends `failure` instead. */
  beforeHead: () => Promise<void> | undefined
  /** Called before the end of a body that was begun earlier. A rejection does not change the response. */
  beforeEnd: () => Promise<void> | undefined
  /** Runs right before the head leaves: the last chance to set headers. */
  prepareHead: () => void
  /** Answers in place of the application. The response is empty again by then. */
  failure: (error: unknown) => void
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

const HEADER_SETTERS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const

/** Call it before the application sees the response. */
export function holdResponse(response: ServerResponse, questions: HoldQuestions): void {
  new ResponseHold(response, questions).install()
}

class ResponseHold {
  readonly #response: ServerResponse
  readonly #questions: HoldQuestions
  readonly #originals: Originals
  #queue: Call[] = []
  #state: 'untouched' | 'held' | 'open' | 'replaced' = 'untouched'
  #headAsked = false
  #drainDue = false
  #heldStatus = 200

  constructor(response: ServerResponse, questions: HoldQuestions) {
    this.#response = response
    this.#questions = questions
    this.#originals = {
      writeHead: response.writeHead.bind(response) as Originals['writeHead'],
      flushHeaders: response.flushHeaders.bind(response),
      write: response.write.bind(response) as Originals['write'],
      end: response.end.bind(response) as Originals['end'],
    }
  }

  /** These methods are overloaded: what arrives is handed on as it came. */
  install(): void {
    Object.assign(this.#response, {
      writeHead: (...args: unknown[]) => this.#writeHead(args),
      flushHeaders: () => this.#flushHeaders(),
      write: (...args: unknown[]) => this.#write(args),
      end: (...args: unknown[]) => this.#end(args),
    })
  }

  #writeHead(args: unknown[]): ServerResponse {
    if (this.#state === 'replaced') return this.#response
    if (this.#state === 'held') throw headersSentError()
    if (this.#headAsked || this.#response.headersSent || !isStatus(args[0])) {
      return this.#originals.writeHead(...args)
    }
    const message = typeof args[1] === 'string' ? [args[1]] : []
    applyHeaders(this.#response, typeof args[1] === 'string' ? args[2] : args[1])
    this.#response.statusCode = args[0]
    this.#askHead()
    const status = this.#response.statusCode
    return this.#pass(() => this.#originals.writeHead(status, ...message)) ?? this.#response
  }

  #flushHeaders(): void {
    if (this.#state === 'replaced') return
    this.#askHead()
    this.#pass(() => this.#originals.flushHeaders())
  }

  #write(args: unknown[]): boolean {
    if (this.#state === 'replaced') return true
    if (!isChunk(args[0])) return this.#originals.write(...args)
    this.#askHead()
    const written = this.#pass(() => this.#originals.write(...args))
    if (written !== undefined) return written
    this.#drainDue = true
    return false
  }

  #end(args: unknown[]): ServerResponse {
    if (this.#state === 'replaced') return this.#response
    // What Node refuses, it refuses before anything is sent; its own error is the right one.
    if (isWrongEnd(args[0])) return this.#originals.end(...args)
    if (this.#response.writableEnded) {
      // As with express-session a second end is no error; Node would emit one if it has a chunk.
      const callbacks = args.filter((argument) => typeof argument === 'function')
      return this.#pass(() => this.#originals.end(...callbacks)) ?? this.#response
    }
    if (this.#headAsked) this.#askEnd()
    else this.#askHead()
    const ended = this.#pass(() => this.#originals.end(...args))
    if (ended !== undefined) return ended
    Object.defineProperty(this.#response, 'writableEnded', { value: true, configurable: true })
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
    this.#pretendSent()
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
    if (this.#state === 'held') {
      this.#queue.push(() => this.#holdEnd())
      return
    }
    this.#holdEnd()
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

  /** Runs the call now, or queues it and returns undefined. */
  #pass<T>(call: () => T): T | undefined {
    if (this.#state !== 'held') return call()
    this.#queue.push(call)
    return undefined
  }

  #release(prepare: () => void): void {
    this.#stopPretending()
    try {
      if (this.#state === 'held') this.#state = 'open'
      prepare()
      while (this.#state === 'open') {
        const call = this.#queue.shift()
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
    this.#stopPretending()
    this.#state = 'replaced'
    this.#queue = []
    for (const name of this.#response.getHeaderNames()) this.#response.removeHeader(name)
    // The replacement is an ordinary response; what the application still sends is swallowed.
    Object.assign(this.#response, this.#originals)
    try {
      this.#questions.failure(error)
    } catch (failure) {
      this.#abandon(failure)
    }
    this.install()
    if (this.#drainDue) process.nextTick(() => this.#response.emit('drain'))
  }

  #abandon(error: unknown): void {
    this.#state = 'replaced'
    this.#queue = []
    this.#questions.onError(error)
    this.#response.destroy()
  }

  #pretendSent(): void {
    this.#state = 'held'
    this.#heldStatus = this.#response.statusCode
    Object.defineProperty(this.#response, 'headersSent', { value: true, configurable: true })
    const refuse = (): never => {
      throw headersSentError()
    }
    for (const name of HEADER_SETTERS) {
      Object.defineProperty(this.#response, name, { value: refuse, configurable: true })
    }
  }

  /** What hid the methods of the prototype is taken away again. */
  #stopPretending(): void {
    for (const name of ['headersSent', 'writableEnded', ...HEADER_SETTERS]) {
      Reflect.deleteProperty(this.#response, name)
    }
  }
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

function headersSentError(): Error {
  const error = new Error('Cannot set headers after they are sent to the client')
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}
