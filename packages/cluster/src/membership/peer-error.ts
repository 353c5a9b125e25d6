/** Raised when a member cannot be reached or answers with an error. */
export class PeerError extends Error {
  readonly code = 'HOLDFAST_PEER'
  /** Nothing listens at the address. */
  readonly refused: boolean
  readonly status: number | null

  constructor(message: string, options: { cause?: unknown; status?: number } = {}) {
    super(message, { cause: options.cause })
    const cause = options.cause
    const causeCode = cause instanceof Error && 'code' in cause ? cause.code : ''
    this.refused = causeCode === 'ECONNREFUSED'
    this.status = options.status ?? null
  }
}
