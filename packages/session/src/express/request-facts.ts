/*
 * What the middleware asks of a request, judged as express-session does.
 */
import type { IncomingMessage } from 'node:http'

/** Express shortens `url` below a mounted router; patterns and paths are about the original. */
export function urlOf(request: IncomingMessage): string {
  const { originalUrl } = request as { originalUrl?: unknown }
  return typeof originalUrl === 'string' ? originalUrl : (request.url ?? '/')
}

/** The path of `url`, which may be absolute (`GET http://host/path`). */
export function pathOf(url: string): string {
  if (!url.startsWith('/')) {
    const absolute = URL.parse(url)
    return absolute === null ? '/' : absolute.pathname
  }
  const query = url.search(/[?#]/)
  return query === -1 ? url : url.slice(0, query)
}

/**
 * Whether the request came over TLS: a TLS socket says so itself; else X-Forwarded-Proto does with
 * `trustProxy`, nobody does without, and undefined leaves it to Express, which knows `trust proxy`.
 */
export function isSecureRequest(
  request: IncomingMessage,
  trustProxy: boolean | undefined,
): boolean {
  const { socket } = request as { socket?: { encrypted?: unknown } | null }
  if (socket?.encrypted) return true
  if (trustProxy === false) return false
  if (trustProxy === undefined) return (request as { secure?: unknown }).secure === true
  const forwarded = request.headers['x-forwarded-proto']
  const first = String(forwarded ?? '').split(',', 1)[0] ?? ''
  return first.trim().toLowerCase() === 'https'
}
