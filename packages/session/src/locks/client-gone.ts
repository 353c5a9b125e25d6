/*
 * Tells when the client of a waiting request has gone, for whatever framework the request is of:
 * a Node request has its HTTP/2 stream or its socket, a Web-standard Request a signal.
 */

interface Closing {
  once(event: 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
  readonly destroyed?: unknown
}

/** Calls `gone` at most once, perhaps at once; returns how to stop listening. */
export function onClientGone(raw: unknown, gone: () => void): () => void {
  // The connection first: the signal of Fastify's requests tells the end of their body as well.
  const connection = property(raw, 'stream') ?? property(raw, 'socket')
  if (isClosing(connection)) {
    if (connection.destroyed === true) gone()
    else connection.once('close', gone)
    return () => connection.off('close', gone)
  }
  const signal = property(raw, 'signal')
  if (!(signal instanceof AbortSignal)) return () => undefined
  if (signal.aborted) gone()
  else signal.addEventListener('abort', gone, { once: true })
  return () => signal.removeEventListener('abort', gone)
}

export function isClientGone(raw: unknown): boolean {
  let isGone = false
  const stop = onClientGone(raw, () => {
    isGone = true
  })
  stop()
  return isGone
}

function property(target: unknown, name: string): unknown {
  return typeof target === 'object' && target !== null ? Reflect.get(target, name) : undefined
}

function isClosing(value: unknown): value is Closing {
  return (
    typeof property(value, 'once') === 'function' && typeof property(value, 'off') === 'function'
  )
}
