/**
 * Streams of server-sent events: answers of REST paths, at once and after every change. All streams
 * share one timer, which runs only while there are any. A second or two without a byte means that
 * this node is gone. A stream ends with the login that it was opened with, and when its reader does
 * not take what it is sent.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { StoreNode } from '../node.ts'
import { ApiError } from './api-error.ts'
import { type LoginRole, userOf } from './login-token.ts'
import type { RouteContext } from './route.ts'
import type { WatchedAnswers } from './watched-answers.ts'

/** Streams of one node. */
export const STREAMS_MAX = 64
/** Paths of one stream. */
export const PATHS_MAX = 16
export const PATH_LENGTH_MAX = 2000

const LOOK_INTERVAL_MS = 1000
/** A stream that was written to less long ago than this needs no sign of life. */
const QUIET_MS = 500
/** Changes of the document that follow each other closely are looked at together. */
const GATHER_MS = 50
/** A reader that leaves more than this lying is cut off. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024
const TOO_MANY = 'Too many streams of events are open at this node: close one, or use another node.'

/** By what a stream may be open; what it was opened with must still be true. */
interface StreamLogin {
  role: LoginRole
  passwordHash: string | null
  /** Of a browser's login; null for a password in the request. */
  id: string | null
  expiresAtMs: number
}

/** What streams need of their node. */
export type StreamHost = Pick<StoreNode, 'document' | 'browserLogins' | 'onDocument'>

/** Who asks for a stream, and the connection that it goes over. */
type Asked = Pick<RouteContext, 'request' | 'reply' | 'caller'>

interface EventStream {
  raw: ServerResponse
  login: StreamLogin
  lastId: number
  wroteAtMs: number
  /** Ends its watching, path by path. */
  stops: (() => void)[]
}

export class EventStreams {
  readonly #node: StreamHost
  readonly #answers: WatchedAnswers
  readonly #streams = new Set<EventStream>()
  #timer: NodeJS.Timeout | null = null
  #soon: NodeJS.Timeout | null = null
  #stopListening: (() => void) | null = null

  constructor(node: StreamHost, answers: WatchedAnswers) {
    this.#node = node
    this.#answers = answers
    node.browserLogins.onChange((id, expiresAtMs) => this.#loginChanged(id, expiresAtMs))
  }

  /** Takes the connection of a request over and streams to it. Throws 400 and 503. */
  open(context: Asked, paths: readonly string[]): void {
    const { request, reply, caller } = context
    checkPaths(paths)
    if (this.#streams.size >= STREAMS_MAX) throw new ApiError(503, [TOO_MANY])
    const role = caller.admin ? 'admin' : 'reader'
    const stream: EventStream = {
      raw: reply.raw,
      login: this.#loginOf(request, role),
      ...{ lastId: 0, wroteAtMs: performance.now(), stops: [] },
    }
    const viewer = { role, localAddress: request.socket.localAddress } as const
    const early: string[] = []
    let tell = (text: string): void => void early.push(text)
    for (const path of new Set(paths)) {
      const stop = this.#answers.watch(path, viewer, (text) => tell(text))
      if (stop) stream.stops.push(stop)
      else this.#refuse(stream)
    }
    reply.hijack()
    begin(stream.raw)
    tell = (text) => this.#tell(stream, text)
    early.forEach(tell)
    this.#streams.add(stream)
    stream.raw.once('close', () => this.#forget(stream))
    this.#watch()
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#streams) stream.raw.end()
    this.#rest()
  }

  #loginOf(request: FastifyRequest, role: LoginRole): StreamLogin {
    const claims = this.#node.browserLogins.find(request)
    return {
      role,
      passwordHash: userOf(this.#node.document, role)?.passwordHash ?? null,
      id: claims?.id ?? null,
      expiresAtMs: claims?.expiresAtMs ?? Number.POSITIVE_INFINITY,
    }
  }

  #refuse(stream: EventStream): never {
    for (const stop of stream.stops) stop()
    throw new ApiError(503, [TOO_MANY])
  }

  #watch(): void {
    if (this.#timer) return
    this.#timer = setInterval(() => this.#turn(), LOOK_INTERVAL_MS)
    this.#stopListening = this.#node.onDocument(() => this.#lookSoon())
  }

  #rest(): void {
    if (this.#timer) clearInterval(this.#timer)
    if (this.#soon) clearTimeout(this.#soon)
    this.#timer = null
    this.#soon = null
    this.#stopListening?.()
    this.#stopListening = null
  }

  #lookSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = null
      this.#endExpired()
      this.#answers.look()
    }, GATHER_MS)
  }

  #turn(): void {
    this.#endExpired()
    this.#answers.look()
    const nowMs = performance.now()
    for (const stream of this.#streams) {
      if (nowMs - stream.wroteAtMs >= QUIET_MS) this.#write(stream, ':\n\n')
    }
  }

  #tell(stream: EventStream, text: string): void {
    this.#write(stream, `event: watch\nid: ${++stream.lastId}\ndata: ${text}\n\n`)
  }

  #write(stream: EventStream, text: string): void {
    if (stream.raw.destroyed) {
      this.#forget(stream)
      return
    }
    stream.raw.write(text)
    stream.wroteAtMs = performance.now()
    if (stream.raw.writableLength > BACKLOG_BYTES_MAX) stream.raw.destroy()
  }

  #loginChanged(id: string, expiresAtMs: number): void {
    for (const { login } of this.#streams) if (login.id === id) login.expiresAtMs = expiresAtMs
    if (expiresAtMs === 0) this.#endExpired()
  }

  #endExpired(): void {
    const { document } = this.#node
    for (const stream of this.#streams) {
      const { role, passwordHash, expiresAtMs } = stream.login
      const isSame = (userOf(document, role)?.passwordHash ?? null) === passwordHash
      if (isSame && expiresAtMs > Date.now()) continue
      this.#forget(stream)
      stream.raw.end('event: expired\ndata: {}\n\n')
    }
  }

  #forget(stream: EventStream): void {
    for (const stop of stream.stops) stop()
    this.#streams.delete(stream)
    if (this.#streams.size === 0) this.#rest()
  }
}

function checkPaths(paths: readonly string[]): void {
  if (paths.length === 0) throw new ApiError(400, ['watch is missing: a path to watch.'])
  if (paths.length > PATHS_MAX) {
    throw new ApiError(400, [`One stream watches ${PATHS_MAX} paths at most.`])
  }
  if (paths.some((path) => !/^\/(?!\/)/.test(path) || path.length > PATH_LENGTH_MAX)) {
    throw new ApiError(400, ['A path to watch begins with one slash.'])
  }
}

function begin(raw: ServerResponse): void {
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  })
  raw.flushHeaders()
}
