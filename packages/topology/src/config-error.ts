// The one failure of reading a bucket config. Whoever follows a topology keeps the map in use then.

/** A bucket config that cannot be used; `code` is `HOLDFAST_CONFIG`, the message says why. */
export class ConfigError extends Error {
  readonly code = 'HOLDFAST_CONFIG'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigError'
  }
}
