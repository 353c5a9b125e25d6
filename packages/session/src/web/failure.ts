/*
 * What a client is answered when its session cannot be loaded or stored, in Web-standard and
 * node:http terms.
 */
import type { ServerResponse } from 'node:http'

interface Failure {
  status: number
  headers: Record<string, string>
  text: string
}

/** The answer of the policy `storeFailure: fail`. */
export function failureResponse(error: unknown): Response {
  const { status, headers, text } = failureOf(error)
  return new Response(text, { status, headers })
}

/** The same on a node:http response whose head has not been sent. */
export function sendFailure(response: ServerResponse, error: unknown): void {
  const { status, headers, text } = failureOf(error)
  response.statusCode = status
  response.statusMessage = ''
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(text)
}

function failureOf(error: unknown): Failure {
  const status = typeof error === 'object' && error !== null ? Reflect.get(error, 'status') : 503
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
  if (typeof status === 'number' && status !== 503) {
    return { status, headers, text: 'session cannot be stored\n' }
  }
  return {
    status: 503,
    headers: { ...headers, 'retry-after': '1' },
    text: 'session store is not available\n',
  }
}
