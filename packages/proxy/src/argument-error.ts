// What is wrong with a command line; the message is printed as it is.

/** A command line that cannot be run. */
export class ArgumentError extends Error {
  readonly code = 'HOLDFAST_PROXY_ARGUMENTS'
}
