/**
 * Talks to the store's REST for the command line: Basic auth, form bodies, deadlines. It is given
 * one or more members; a member that cannot be connected to is passed over for the next one, which
 * is safe as nothing has been sent. What a member refuses is final.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestOptions } from 'node:http'
import https from 'node:https'

/** An import of it would load the other HTTP client as well (client/src/node-http.ts). */
const http = process.getBuiltinModule('node:http')

const REQUEST_TIMEOUT_MS = 15_000
const CONNECT_TIMEOUT_MS = 3_000
/** A stream without a byte for this long has lost its server. */
const STREAM_SILENT_MS = 10_000
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
const DEFAULT_PORT = 8091
const DEFAULT_TLS_PORT = 18_091

/** Raised when the node refuses or cannot be reached; the message is for the person at the shell. */
export class RestError extends Error {
  readonly code = 'HOLDFAST_REST'
  /** Null when there was no whole answer. */
  readonly status: number | null
  /** What the store answered. */
  readonly body: unknown

  constructor(message: string, status: number | null, cause?: unknown, body: unknown = null) {
    super(message, { cause })
    this.status = status
    this.body = body
  }
}

export interface RestClientOptions {
  /** `host`, `host:port`, `http://…` or `https://…`, one or several with commas. */
  cluster: string
  username?: string
  password?: string
  /** Certificate of the authority that the members' certificates are from. */
  caPath?: string
  /** False: any certificate is taken. */
  verifies?: boolean
  /** Is told every request and its answer's status, without bodies. */
  trace?: (line: string) => void
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

interface Body {
  type: string
  text: string
}

export class RestClient {
  readonly options: RestClientOptions
  readonly #authorization: string | null
  #origins: string[]
  /** The member that answered last. */
  #origin: string

  constructor(options: RestClientOptions) {
    this.options = options
    const { username, password } = options
    this.#authorization =
      username === undefined
        ? null
        : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
    this.#origins = options.cluster.split(',').filter(Boolean).map(originOf)
    const [first] = this.#origins
    if (first === undefined) throw new RestError('no member to talk to is given', null)
    this.#origin = first
  }

  /** host:port of the member that is asked. */
  get address(): string {
    return new URL(this.#origin).host
  }

  get isSecure(): boolean {
    return this.#origin.startsWith('https:')
  }

  /** The same login at other members. */
  at(cluster: string): RestClient {
    return new RestClient({ ...this.options, cluster })
  }

  /** Members to turn to when the given ones are away. */
  learn(hostnames: readonly string[]): void {
    if (this.isSecure) return
    this.#origins = [...new Set([...this.#origins, ...hostnames.map(originOf)])]
  }

  get(path: string): Promise<unknown> {
    return this.#ask('GET', path, null)
  }

  post(path: string, form: Record<string, string> = {}): Promise<unknown> {
    return this.#ask('POST', path, formBody(form))
  }

  put(path: string, form: Record<string, string>): Promise<unknown> {
    return this.#ask('PUT', path, formBody(form))
  }

  putJson(path: string, value: unknown): Promise<unknown> {
    return this.#ask('PUT', path, { type: 'application/json', text: JSON.stringify(value) })
  }

  delete(path: string): Promise<unknown> {
    return this.#ask('DELETE', path, null)
  }

  /** The body of a GET as it comes; an error or silence destroys it. */
  async stream(path: string): Promise<IncomingMessage> {
    const response = await this.#send('GET', path, null)
    if (response.statusCode !== 200) {
      throw refused(response.statusCode ?? 0, await textOfResponse(response))
    }
    response.socket.setTimeout(STREAM_SILENT_MS, () => {
      response.destroy(new RestError(`${this.address} has fallen silent`, null))
    })
    return response
  }

  async #ask(method: Method, path: string, body: Body | null): Promise<unknown> {
    const response = await this.#send(method, path, body)
    const timer = setTimeout(() => {
      response.destroy(new Error(`no whole answer within ${REQUEST_TIMEOUT_MS} ms`))
    }, REQUEST_TIMEOUT_MS)
    try {
      const text = await textOfResponse(response)
      const status = response.statusCode ?? 0
      if (status < 200 || status > 299) throw refused(status, text)
      return parsed(text)
    } catch (cause) {
      throw cause instanceof RestError ? cause : this.#unreachable(this.#origin, cause)
    } finally {
      clearTimeout(timer)
    }
  }

  async #send(method: Method, path: string, body: Body | null): Promise<IncomingMessage> {
    const others = this.#origins.filter((origin) => origin !== this.#origin)
    const failures: RestError[] = []
    for (const origin of [this.#origin, ...others]) {
      try {
        const response = await this.#sendTo(origin, { method, path, body })
        this.options.trace?.(`${method} ${origin}${path} -> ${response.statusCode}`)
        this.#origin = origin
        return response
      } catch (cause) {
        const failure = this.#unreachable(origin, cause)
        this.options.trace?.(`${method} ${origin}${path} -> ${failure.message}`)
        failures.push(failure)
        if (!(cause instanceof NotSentError) && method !== 'GET') break
      }
    }
    const [only] = failures
    if (failures.length === 1 && only !== undefined) throw only
    throw new RestError(failures.map(({ message }) => message).join('; '), null, failures[0])
  }

  #sendTo(
    origin: string,
    { method, path, body }: { method: Method; path: string; body: Body | null },
  ): Promise<IncomingMessage> {
    const { caPath, verifies = true } = this.options
    const secure = origin.startsWith('https:')
    const options: RequestOptions & https.RequestOptions = {
      method,
      agent: false,
      headers: {
        ...(this.#authorization === null ? {} : { authorization: this.#authorization }),
        ...(body === null ? {} : { 'content-type': body.type }),
      },
      ...(secure ? { rejectUnauthorized: verifies } : {}),
      ...(secure && caPath !== undefined ? { ca: readFileSync(caPath) } : {}),
    }
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request(`${origin}${path}`, options, resolve)
      let sent = false
      request.setTimeout(REQUEST_TIMEOUT_MS)
      const timer = setTimeout(() => {
        request.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`))
      }, CONNECT_TIMEOUT_MS)
      request.on('socket', (socket) => {
        socket.once(secure ? 'secureConnect' : 'connect', () => {
          sent = true
          clearTimeout(timer)
        })
      })
      request.on('timeout', () => {
        request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`))
      })
      request.on('error', (cause) => {
        clearTimeout(timer)
        reject(sent ? cause : new NotSentError(cause))
      })
      request.end(body?.text ?? '')
    })
  }

  #unreachable(origin: string, cause: unknown): RestError {
    const inner = cause instanceof NotSentError ? cause.cause : cause
    const why = inner instanceof Error ? inner.message || String(inner) : String(inner)
    return new RestError(`cannot reach ${new URL(origin).host}: ${why}`, null, cause)
  }
}

/** The request never left: another member may be asked. */
class NotSentError extends Error {
  constructor(cause: unknown) {
    super('no connection', { cause })
  }
}

function formBody(form: Record<string, string>): Body {
  return { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(form).toString() }
}

async function textOfResponse(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    const piece: Buffer = chunk
    bytes += piece.length
    if (bytes > ANSWER_BYTES_MAX)
      throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(piece)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return text
  }
}

/** A member as it was named, with scheme and port. */
function originOf(name: string): string {
  const [, scheme, rest = ''] = /^(?:(\w+):\/\/)?([^/]+)\/?$/.exec(name.trim()) ?? []
  const secure = scheme === 'https' || scheme === 'couchbases'
  const origin = `${secure ? 'https' : 'http'}://${withPort(rest, secure)}`
  if (rest === '' || !URL.canParse(origin)) throw new RestError(`not an address: ${name}`, null)
  return origin
}

/** An address with the port that is meant when none is given. */
export function withPort(host: string, secure = false): string {
  const bare = host.replace(/^https?:\/\//, '').replace(/\/$/, '')
  return /:\d+$/.test(bare) ? bare : `${bare}:${secure ? DEFAULT_TLS_PORT : DEFAULT_PORT}`
}

/** The REST's answers are lists, field errors or plain text: one line for a person. */
function refused(status: number, text: string): RestError {
  if (status === 401) return new RestError('unauthorized: check -u and -p', status)
  const body = parsed(text)
  if (typeof body === 'string') return new RestError(body.trim(), status)
  if (body === null) return new RestError(`the store answers with status ${status}`, status)
  return new RestError(messageOf(body) || text, status, undefined, body)
}

function messageOf(body: unknown): string {
  if (Array.isArray(body)) return body.map(String).join('; ')
  if (typeof body !== 'object' || body === null) return String(body)
  const errors = 'errors' in body && body.errors ? body.errors : body
  return Object.entries(errors)
    .map(([name, message]) => (name === '_' ? String(message) : `${name}: ${plain(message)}`))
    .join('; ')
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
