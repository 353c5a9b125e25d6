/*
 * A Web-standard request and its response over one SessionExchange: opens it from a Request, and
 * turns the handler's Response into the one that leaves.
 *
 * The Response is held until the session is stored. What is changed later, while a streamed body is
 * still being made, is stored before the end of that body. The exchange is closed when the body
 * ends or is cancelled, and when the request is aborted.
 */
import { SessionExchange } from '../exchange/session-exchange.ts'
import type { SessionOptions } from '../options.ts'
import type { SessionManager } from '../session-manager.ts'
import { readAhead } from './body.ts'
import { failureResponse } from './failure.ts'
import { attributesView, ExchangeSession, type Session } from './session.ts'

/** What the Web-standard bindings take besides the options of the session manager. */
export interface WebOptions {
  /**
   * Another name of the option `proxy`. True: the first value of X-Forwarded-Proto tells whether
   * the browser came over TLS; only behind a proxy that sets this header itself. Default false:
   * the URL of the request tells.
   */
  trustProxy?: boolean | undefined
  /** Answers a request whose session cannot be loaded or stored; default: 503 in plain text. */
  onFailure?: ((error: unknown, request: Request) => Response | Promise<Response>) | undefined
}

/** The options of the session manager, and those of this binding. */
export function splitOptions(options: SessionOptions & WebOptions): [SessionOptions, WebOptions] {
  const { trustProxy, onFailure, ...managerOptions } = options
  return [{ ...managerOptions, proxy: managerOptions.proxy ?? trustProxy }, { onFailure }]
}

export class WebExchange<A extends object> {
  readonly session: Session<A>
  readonly #exchange: SessionExchange
  readonly #request: Request
  readonly #options: WebOptions
  #headLeft = false
  #ending: Promise<void> | undefined

  private constructor(exchange: SessionExchange, request: Request, options: WebOptions) {
    this.session = new ExchangeSession<A>(exchange)
    this.#exchange = exchange
    this.#request = request
    this.#options = options
    request.signal.addEventListener('abort', () => this.#aborted(), { once: true })
  }

  /** Rejects with SessionStoreUnavailableError. */
  static async open<A extends object>(
    manager: SessionManager,
    request: Request,
    options: WebOptions,
  ): Promise<WebExchange<A>> {
    const facts = {
      cookieHeader: request.headers.get('cookie') ?? undefined,
      method: request.method,
      url: pathOf(request.url),
      raw: request,
    }
    const exchange = await SessionExchange.open(manager, facts, attributesView)
    return new WebExchange<A>(exchange, request, options)
  }

  /** Stores the session, then gives the Response that is to be sent in place of this one. */
  async respond(response: Response): Promise<Response> {
    try {
      const { body } = response
      // To a HEAD nobody reads the body, so nothing would tell its end.
      const ahead =
        body === null || this.#request.method === 'HEAD' ? undefined : await readAhead(body)
      try {
        await this.#exchange.beforeHead()
      } catch (error) {
        ahead?.cancel(error)
        this.#exchange.close()
        return await answerFailure(error, this.#request, this.#options)
      }
      this.#headLeft = true
      if (ahead !== undefined && ahead.bytes === undefined) {
        const stream = ahead.stream(() => this.#end())
        return this.#released(response, stream)
      }
      this.#exchange.close()
      return this.#released(response, ahead?.bytes ?? body)
    } catch (error) {
      this.#exchange.close()
      throw error
    }
  }

  /** The handler failed: nothing is stored. */
  abandon(): void {
    this.#exchange.close()
  }

  /** Headers may be immutable (those of a redirect or a fetch are), so a copy is sent. */
  #released(response: Response, body: Response['body'] | Uint8Array<ArrayBuffer>): Response {
    const { trustProxy } = this.#exchange.manager.settings
    const cookie = this.#exchange.setCookie(isSecure(this.#request, trustProxy === true))
    if (cookie === undefined && body === response.body) return response
    const { status, statusText, headers } = response
    // A network error or a switch of protocols is no response that could be made again.
    if (status < 200) return response
    const released = new Response(body, { status, statusText, headers })
    if (cookie !== undefined) released.headers.append('set-cookie', cookie)
    return released
  }

  #aborted(): void {
    if (this.#headLeft) void this.#end()
    else this.#exchange.close()
  }

  async #end(): Promise<void> {
    this.#ending ??= Promise.resolve(this.#exchange.beforeEnd()).then(() => this.#exchange.close())
    await this.#ending
  }
}

/** One request from its cookie to the Response that leaves. */
export async function handleWithSession<A extends object>(
  manager: SessionManager,
  request: Request,
  options: WebOptions,
  handler: (session: Session<A>) => Response | Promise<Response>,
): Promise<Response> {
  let exchange: WebExchange<A>
  try {
    exchange = await WebExchange.open<A>(manager, request, options)
  } catch (error) {
    return answerFailure(error, request, options)
  }
  let response: Response
  try {
    response = await handler(exchange.session)
  } catch (error) {
    exchange.abandon()
    throw error
  }
  return exchange.respond(response)
}

/** What a client is answered when its session cannot be loaded or stored. */
export async function answerFailure(
  error: unknown,
  request: Request,
  { onFailure }: WebOptions,
): Promise<Response> {
  return onFailure === undefined ? failureResponse(error) : await onFailure(error, request)
}

/** Whether the browser came over TLS. */
export function isSecure(request: Pick<Request, 'url' | 'headers'>, trustProxy: boolean): boolean {
  if (request.url.startsWith('https:')) return true
  return trustProxy && isForwardedSecure(request.headers)
}

export function isForwardedSecure(headers: { get(name: string): string | null }): boolean {
  const [first = ''] = (headers.get('x-forwarded-proto') ?? '').split(',', 1)
  return first.trim().toLowerCase() === 'https'
}

/** Path and query of an absolute URL. */
export function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  return start === -1 ? '/' : url.slice(start)
}
