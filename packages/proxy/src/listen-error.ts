/** A place that could not be bound. */
export class ListenError extends Error {
  readonly code = 'HOLDFAST_LISTEN'
  /** 0 of a unix socket. */
  readonly port: number

  constructor(port: number, cause: unknown, place: string = `on port ${port}`) {
    super(`could not listen ${place}`, { cause })
    this.name = 'ListenError'
    this.port = port
  }
}
