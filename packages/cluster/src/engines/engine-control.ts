/**
 * The admin connection to one engine: commands with a deadline, and a parsed picture of what the
 * engine says of itself. Connects when first used and again after a failure.
 */
import { Redis } from 'iovalkey'
import { inTime } from '../in-time.ts'

/** Deadline of a command on an engine. */
export const ENGINE_COMMAND_TIMEOUT_MS = 500
const ENGINE_CONNECT_TIMEOUT_MS = 300
/** Deadline of a call as a whole, whatever state the connection is in. */
const ENGINE_CALL_TIMEOUT_MS = 3000

/** Raised when an engine refuses, is gone, or does not answer in time. */
export class EngineError extends Error {
  readonly code = 'HOLDFAST_ENGINE'
  /** Nothing listens there. */
  readonly refused: boolean

  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    const causeCode = cause instanceof Error && 'code' in cause ? cause.code : ''
    this.refused = causeCode === 'ECONNREFUSED'
  }
}

export class EngineControl {
  readonly host: string
  readonly port: number
  readonly #password: string
  #redis: Redis | null = null
  #connecting: Promise<Redis> | null = null

  constructor(options: { host: string; port: number; password: string }) {
    this.host = options.host
    this.port = options.port
    this.#password = options.password
  }

  /** Sends a command; rejects with {@link EngineError} on an error reply too. */
  async call(command: string, ...args: (string | number)[]): Promise<unknown> {
    const what = `${command} ${args[0] ?? ''}`.trim()
    try {
      return await inTime(this.#send(command, args), ENGINE_CALL_TIMEOUT_MS)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const isReply = cause instanceof Error && cause.name === 'ReplyError'
      if (!isReply) this.close()
      throw new EngineError(`${what} at ${this.host}:${this.port}: ${reason}`, cause)
    }
  }

  async text(command: string, ...args: (string | number)[]): Promise<string> {
    return String(await this.call(command, ...args))
  }

  close(): void {
    this.#redis?.disconnect()
    this.#redis = null
    this.#connecting = null
  }

  async #send(command: string, args: readonly (string | number)[]): Promise<unknown> {
    const redis = await this.#connect()
    return await redis.call(command, ...args.map(String))
  }

  #connect(): Promise<Redis> {
    if (this.#redis?.status === 'ready') return Promise.resolve(this.#redis)
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null
    })
    return this.#connecting
  }

  async #open(): Promise<Redis> {
    this.#redis?.disconnect()
    const redis = new Redis({
      host: this.host,
      port: this.port,
      password: this.#password,
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: ENGINE_CONNECT_TIMEOUT_MS,
      commandTimeout: ENGINE_COMMAND_TIMEOUT_MS,
      retryStrategy: () => null,
    })
    let failure: unknown = null
    redis.on('error', (error) => {
      failure ??= error
    })
    this.#redis = redis
    try {
      await redis.connect()
    } catch (error) {
      redis.disconnect()
      throw failure ?? error
    }
    return redis
  }
}
