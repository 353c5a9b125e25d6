/**
 * Requests to the REST of the node that has served the page. Every one carries the header that no
 * other site can make a browser send; an answer 401 ends the login of the page.
 */
import { RestError } from './rest-error.ts'

export const UI_HEADERS: Readonly<Record<string, string>> = { 'ns-server-ui': 'yes' }
const REQUEST_TIMEOUT_MS = 30_000

export type Form = Record<string, string | number | boolean | undefined>

let onUnauthorized = (): void => {}

/** What happens when the login has ended. */
export function whenUnauthorized(act: () => void): void {
  onUnauthorized = act
}

/** Reads a path. Throws RestError. */
export async function read<T>(path: string): Promise<T> {
  const body = await exchange('GET', path)
  // What a path answers is its contract; types.ts says it.
  return body as T
}

/** Sends a form (POST, PUT or DELETE). What is undefined is left out. Throws RestError. */
export async function send<T = unknown>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  form: Form = {},
): Promise<T> {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(form)) {
    if (value !== undefined) body.set(name, String(value))
  }
  return (await exchange(method, path, [...body].length > 0 ? body : undefined)) as T
}

/** Sends JSON: for the few paths that want it. Throws RestError. */
export async function sendJson<T = unknown>(
  method: 'POST' | 'PUT',
  path: string,
  body: object,
): Promise<T> {
  return (await exchange(method, path, JSON.stringify(body))) as T
}

async function exchange(
  method: string,
  path: string,
  body?: URLSearchParams | string,
): Promise<unknown> {
  let response: Response
  let text: string
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...UI_HEADERS,
        ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
      },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      cache: 'no-store',
      ...(body === undefined ? {} : { body }),
    })
    text = await response.text()
  } catch (cause) {
    throw new RestError(0, 'The node does not answer.', { cause })
  }
  const parsed = parse(text)
  if (response.ok) return parsed
  if (response.status === 401 && path !== '/uilogin') onUnauthorized()
  throw new RestError(response.status, parsed)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
