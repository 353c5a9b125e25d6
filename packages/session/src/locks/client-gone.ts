/*
 * Tells when the client of a waiting request has gone, for whatever framework the request is of:
 * a Web-standard Request has a signal, a Node request its HTTP/2 stream or its socket.
 */

interface Closing {
  once(event: 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
  readonly destroyed?: unknown
}

/** Calls `gone` at most once, perhaps at once; returns how to stop listening. */
export function onClientGone(raw: unknown, gone: () => void): () => void {
  const signal = property(raw, 'signal')
  if (signal instanceof AbortSignal) {
    if (signal.aborted) gone()
    else signal.addEventListener('abort', gone, { once: true })
    return () => signal.removeEventListener('abort', gone)
  }
  const connection = property(raw, 'stream') ?? property(raw, 'socket')
  if (!isClosing(connection)) return () => undefined
  if (connection.destroyed === true) gone()
  else connection.once('close', gone)
  return () => connection.off('close', gone)
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
