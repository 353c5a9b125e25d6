/*
 * What is sent in place of a response whose session could not be stored.
 *
 * An application that has ended its response gets the error by `next`, like any other error of a
 * middleware. One that is still sending cannot answer any more: the answer is a plain text.
 */
import type { ServerResponse } from 'node:http'

export type Next = (error?: unknown) => void

export function answerFailure(
  response: ServerResponse,
  error: unknown,
  next: Next | undefined,
): void {
  if (next !== undefined) {
    // In a turn of its own: what the application throws is not a rejection of ours.
    setImmediate(next, error)
    return
  }
  const status = statusOf(error)
  response.statusCode = status
  // HTTP/2 has no status message, and warns.
  if (response.req.httpVersionMajor < 2) response.statusMessage = ''
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  if (status === 503) response.setHeader('Retry-After', '1')
  response.end(status === 503 ? 'session store is not available\n' : 'session cannot be stored\n')
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null ? Reflect.get(error, 'status') : 500
  return typeof status === 'number' ? status : 500
}
