/*
 * The operational failures of the memcached client. Each has a stable `code`; callers decide by it
 * whether to repeat, to degrade or to give up. None of them carries a key or a value.
 */

/** No reply within the request's deadline; whether the server did the operation is unknown. */
export class OperationTimeoutError extends Error {
  readonly code = 'HOLDFAST_OPERATION_TIMEOUT'
  constructor(operation: string, address: string, timeoutMs: number) {
    super(`${operation} on ${address} timed out after ${timeoutMs} ms`)
    this.name = 'OperationTimeoutError'
  }
}

/** The connection broke while the request was out; whether the server did it is unknown. */
export class ConnectionLostError extends Error {
  readonly code = 'HOLDFAST_CONNECTION_LOST'
  constructor(address: string, cause: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super(`connection to ${address} lost${why}`, { cause })
    this.name = 'ConnectionLostError'
  }
}

/** No connection could be made, so the request was never sent. */
export class ConnectFailedError extends Error {
  readonly code = 'HOLDFAST_CONNECT_FAILED'
  constructor(address: string, cause: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super(`connect to ${address} failed${why}`, { cause })
    this.name = 'ConnectFailedError'
  }
}

/** Too many requests are waiting already; this one was refused at once. */
export class QueueFullError extends Error {
  readonly code = 'HOLDFAST_QUEUE_FULL'
  constructor(address: string, pendingMax: number) {
    super(`${pendingMax} requests to ${address} are pending, no more are taken`)
    this.name = 'QueueFullError'
  }
}

/** The server answered ERROR, CLIENT_ERROR or SERVER_ERROR. */
export class ServerReplyError extends Error {
  readonly code = 'HOLDFAST_SERVER_REPLY'
  readonly kind: 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR'
  constructor(kind: 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR', operation: string, text: string) {
    super(`${operation} was answered ${kind}${text === '' ? '' : ` ${text}`}`)
    this.name = 'ServerReplyError'
    this.kind = kind
  }
}

/** The client was closed. */
export class ClientClosedError extends Error {
  readonly code = 'HOLDFAST_CLIENT_CLOSED'
  constructor(address: string) {
    super(`client of ${address} is closed`)
    this.name = 'ClientClosedError'
  }
}
