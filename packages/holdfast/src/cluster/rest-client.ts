/** Talks to a node's REST port for the cluster commands: Basic auth, form bodies, a deadline. */

const REQUEST_TIMEOUT_MS = 15_000
const DEFAULT_REST_PORT = 8091

/** Raised when the node refuses or cannot be reached; the message is for the person at the shell. */
export class RestError extends Error {
  readonly code = 'HOLDFAST_REST'
  readonly status: number | null

  constructor(message: string, status: number | null, cause?: unknown) {
    super(message, { cause })
    this.status = status
  }
}

export class RestClient {
  readonly address: string
  readonly #authorization: string | null

  constructor(options: { cluster: string; username?: string; password?: string }) {
    this.address = withPort(options.cluster)
    const { username, password } = options
    this.#authorization =
      username === undefined
        ? null
        : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
  }

  get(path: string): Promise<unknown> {
    return this.#request('GET', path, null)
  }

  post(path: string, form: Record<string, string>): Promise<unknown> {
    return this.#request('POST', path, new URLSearchParams(form))
  }

  async #request(method: string, path: string, body: URLSearchParams | null): Promise<unknown> {
    let response: Response
    try {
      response = await fetch(`http://${this.address}${path}`, {
        method,
        body,
        headers: this.#authorization === null ? {} : { authorization: this.#authorization },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
    } catch (cause) {
      const inner = cause instanceof Error ? (cause.cause ?? cause) : cause
      const why = inner instanceof Error ? inner.message : String(inner)
      throw new RestError(`cannot reach ${this.address}: ${why}`, null, cause)
    }
    const text = await response.text()
    if (!response.ok) throw new RestError(refusal(response.status, text), response.status)
    try {
      return text === '' ? null : JSON.parse(text)
    } catch {
      return text
    }
  }
}

export function withPort(host: string): string {
  const bare = host.replace(/^https?:\/\//, '').replace(/\/$/, '')
  return /:\d+$/.test(bare) ? bare : `${bare}:${DEFAULT_REST_PORT}`
}

/** The REST's answers are lists, field errors or plain text: one line for a person. */
function refusal(status: number, text: string): string {
  if (status === 401) return 'unauthorized: check -u and -p'
  try {
    const body: unknown = JSON.parse(text)
    if (Array.isArray(body)) return body.map(String).join('; ')
    if (typeof body === 'object' && body !== null && 'errors' in body) {
      const errors = Object.entries(body.errors ?? {})
      return errors.map(([name, message]) => `${name}: ${message}`).join('; ')
    }
    return text
  } catch {
    return text.trim() === '' ? `status ${status}` : text.trim()
  }
}
