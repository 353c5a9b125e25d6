// The one failure of the client side parsers: the peer sent bytes that are no message of its
// protocol, so nothing after them can be trusted and the connection has to be closed.

/** Bytes from a peer that are not the protocol; `code` is `HOLDFAST_PROTOCOL`. Close the connection. */
export class ProtocolError extends Error {
  readonly code = 'HOLDFAST_PROTOCOL'

  constructor(message: string) {
    super(message)
    this.name = 'ProtocolError'
  }
}
