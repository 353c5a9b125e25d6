/*
 * Why a session cannot be stored as it is: both errors are the application's to mend, so repeating
 * the write is of no use (`isEncodingFault`). And why a stored one cannot be read, which stays
 * within this folder: the codec makes a value of it.
 */

/** An attribute has no stored form: too deep, a cycle, a converter that threw. */
export class SessionEncodingError extends Error {
  readonly code = 'HOLDFAST_SESSION_ENCODING'
  readonly status = 500
  constructor(attribute: string, cause: unknown) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    super(`session attribute "${attribute}" cannot be encoded${why}`, { cause })
    this.name = 'SessionEncodingError'
  }
}

/** The session is larger than `sessionSizeMax`. */
export class SessionTooLargeError extends Error {
  readonly code = 'HOLDFAST_SESSION_TOO_LARGE'
  readonly status = 500
  /** The largest attribute; undefined: there is none. */
  readonly attribute: string | undefined
  constructor(bytes: number, bytesMax: number, largest: [name: string, bytes: number] | undefined) {
    const which =
      largest === undefined ? '' : `; its largest attribute is "${largest[0]}", ${largest[1]} bytes`
    super(`session has ${bytes} bytes, ${bytesMax} are allowed by sessionSizeMax${which}`)
    this.name = 'SessionTooLargeError'
    this.attribute = largest?.[0]
  }
}

/** True: storing the same session again will fail in the same way. */
export function isEncodingFault(error: unknown): boolean {
  return error instanceof SessionEncodingError || error instanceof SessionTooLargeError
}

/** Stored bytes are not what we write. The message tells why, and nothing of the content. */
export class UnreadableError extends Error {
  readonly code = 'HOLDFAST_UNREADABLE'
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UnreadableError'
  }
}
