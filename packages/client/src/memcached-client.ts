/*
 * A memcached client for ONE server, usually the proxy on the same host: get, gets, gat, gats,
 * set, add, replace, cas, delete, touch, incr, version, as promises, over the text, meta or binary
 * protocol.
 *
 * Every call ends within its deadline. At most `pendingMax` calls wait; one more is refused at
 * once. There is no reconnect timer: while the server is away, a call makes the next connect
 * attempt (after a short, growing, jittered delay) and shares its outcome with all others waiting,
 * so a dead server is reported quickly and a returned one is found by the next call. The host name
 * is resolved anew on each attempt. The client never repeats a call: whoever knows that an
 * operation may be repeated does that (see `downSinceMs`).
 */
import {
  CallQueue,
  MEMCACHED_TIMEOUT_MS_DEFAULT,
  type MemcachedClientOptions,
} from './memcached-calls.ts'
import {
  exptimeOf,
  type MemcachedAnswer,
  type MemcachedCommand,
  memcachedCommand,
  type WriteOutcome,
} from './memcached-command.ts'
import { addressOf } from './memcached-connection.ts'
import { ConnectionLostError, ServerReplyError } from './memcached-errors.ts'

export {
  MEMCACHED_CONNECT_TIMEOUT_MS_DEFAULT,
  MEMCACHED_PENDING_MAX_DEFAULT,
  MEMCACHED_RECONNECT_DELAY_MS_MAX,
  MEMCACHED_RECONNECT_DELAY_MS_MIN,
  MEMCACHED_TIMEOUT_MS_DEFAULT,
  type MemcachedClientOptions,
} from './memcached-calls.ts'
export type { MemcachedCredentials, WriteOutcome } from './memcached-command.ts'
export {
  ClientClosedError,
  ConnectFailedError,
  ConnectionLostError,
  OperationTimeoutError,
  QueueFullError,
  ServerReplyError,
} from './memcached-errors.ts'

export interface MemcachedItem {
  value: Buffer
  flags: number
}

export interface MemcachedCasItem extends MemcachedItem {
  /** The item's version, to be handed back to `cas`. */
  cas: string
}

export interface MemcachedWritten<Outcome extends WriteOutcome = WriteOutcome> {
  outcome: Outcome
  /** The version that the write made; undefined where the server does not tell it. */
  cas: string | undefined
}

export interface MemcachedCallOptions {
  /** Deadline of this call instead of the client's. */
  timeoutMs?: number | undefined
}

export interface MemcachedStoreOptions extends MemcachedCallOptions {
  /** Life of the item; 0 or absent: for ever. More than 30 days is sent as a date. */
  ttlSeconds?: number | undefined
  flags?: number | undefined
}

/**
 * Rejections are OperationTimeoutError, ConnectFailedError, ConnectionLostError, QueueFullError,
 * ServerReplyError or ClientClosedError; a bad key is a TypeError.
 *
 * @example
 * const client = new MemcachedClient({ host: 'localhost', port: 11311, timeoutMs: 500 })
 * await client.set('greeting', Buffer.from('hello'), { ttlSeconds: 60 })
 */
export class MemcachedClient {
  readonly #address: string
  readonly #timeoutMs: number
  readonly #calls: CallQueue

  constructor(options: MemcachedClientOptions) {
    this.#address = addressOf(options)
    this.#timeoutMs = options.timeoutMs ?? MEMCACHED_TIMEOUT_MS_DEFAULT
    this.#calls = new CallQueue(options, this.#timeoutMs)
  }

  /** Since when no connection could be had, on the clock of `performance.now()`; undefined: it is up. */
  get downSinceMs(): number | undefined {
    return this.#calls.downSinceMs
  }

  /** Requests waiting for a connection or a reply. */
  get pending(): number {
    return this.#calls.pending
  }

  async get(key: string, options?: MemcachedCallOptions): Promise<MemcachedItem | undefined> {
    const answer = await this.#ask(memcachedCommand('get', key), options)
    return withoutCas(this.#found('get', answer))
  }

  async gets(key: string, options?: MemcachedCallOptions): Promise<MemcachedCasItem | undefined> {
    const answer = await this.#ask(memcachedCommand('gets', key), options)
    return withCas(this.#found('gets', answer))
  }

  /** Reads and sets a new time to live. */
  async gat(
    key: string,
    ttlSeconds: number,
    options?: MemcachedCallOptions,
  ): Promise<MemcachedItem | undefined> {
    const exptime = exptimeOf(ttlSeconds)
    const answer = await this.#ask(memcachedCommand('gat', key, { exptime }), options)
    return withoutCas(this.#found('gat', answer))
  }

  async gats(
    key: string,
    ttlSeconds: number,
    options?: MemcachedCallOptions,
  ): Promise<MemcachedCasItem | undefined> {
    const exptime = exptimeOf(ttlSeconds)
    const answer = await this.#ask(memcachedCommand('gats', key, { exptime }), options)
    return withCas(this.#found('gats', answer))
  }

  async set(
    key: string,
    value: Buffer,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten<'STORED'>> {
    const { outcome, cas } = await this.#wrote('set', key, stored(value, options), options)
    if (outcome === 'STORED') return { outcome, cas }
    throw new ServerReplyError('SERVER_ERROR', 'set', `(unexpected ${outcome})`)
  }

  /** EXISTS: there is such a key. */
  async add(
    key: string,
    value: Buffer,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten<'STORED' | 'EXISTS'>> {
    const { outcome, cas } = await this.#wrote('add', key, stored(value, options), options)
    if (outcome !== 'NOT_FOUND') return { outcome, cas }
    throw new ServerReplyError('SERVER_ERROR', 'add', `(unexpected ${outcome})`)
  }

  /** NOT_FOUND: there is no such key. */
  replace(key: string, value: Buffer, options?: MemcachedStoreOptions): Promise<MemcachedWritten> {
    return this.#wrote('replace', key, stored(value, options), options)
  }

  /** Stores only if the item still has this version. */
  cas(
    key: string,
    value: Buffer,
    cas: string,
    options?: MemcachedStoreOptions,
  ): Promise<MemcachedWritten> {
    return this.#wrote('cas', key, { ...stored(value, options), cas }, options)
  }

  /** False: there was no such key. */
  async delete(key: string, options?: MemcachedCallOptions): Promise<boolean> {
    return this.#done(memcachedCommand('delete', key), options)
  }

  /** False: there is no such key. */
  async touch(key: string, ttlSeconds: number, options?: MemcachedCallOptions): Promise<boolean> {
    const exptime = exptimeOf(ttlSeconds)
    return this.#done(memcachedCommand('touch', key, { exptime }), options)
  }

  /** The number after adding, or undefined when there is no such key. */
  async incr(
    key: string,
    delta: bigint | number = 1,
    options?: MemcachedCallOptions,
  ): Promise<bigint | undefined> {
    const command = memcachedCommand('incr', key, { delta: BigInt(delta) })
    const answer = await this.#ask(command, options)
    if (answer.type === 'counted') return answer.value
    return answer.type === 'missed' ? undefined : this.#unexpected('incr', answer)
  }

  /** The server's version: the smallest real round trip. */
  async version(options?: MemcachedCallOptions): Promise<string> {
    const answer = await this.#ask(memcachedCommand('version', ''), options)
    return answer.type === 'version' ? answer.version : this.#unexpected('version', answer)
  }

  /** Requests that are still out are rejected. */
  async close(): Promise<void> {
    this.#calls.close()
  }

  #found(
    name: string,
    answer: MemcachedAnswer,
  ): { value: Buffer; flags: number; cas: string | undefined } | undefined {
    if (answer.type === 'found') return answer
    return answer.type === 'missed' ? undefined : this.#unexpected(name, answer)
  }

  async #wrote(
    name: 'set' | 'add' | 'replace' | 'cas',
    key: string,
    fields: Partial<MemcachedCommand>,
    options: MemcachedCallOptions | undefined,
  ): Promise<MemcachedWritten> {
    const answer = await this.#ask(memcachedCommand(name, key, fields), options)
    if (answer.type !== 'wrote') return this.#unexpected(name, answer)
    return { outcome: answer.outcome, cas: answer.cas }
  }

  async #done(
    command: MemcachedCommand,
    options: MemcachedCallOptions | undefined,
  ): Promise<boolean> {
    const answer = await this.#ask(command, options)
    if (answer.type === 'done') return true
    return answer.type === 'missed' ? false : this.#unexpected(command.name, answer)
  }

  #ask(
    command: MemcachedCommand,
    options: MemcachedCallOptions | undefined,
  ): Promise<MemcachedAnswer> {
    return this.#calls.ask(command, options?.timeoutMs ?? this.#timeoutMs)
  }

  /** An error reply rejects the call; an answer of another kind means the FIFO is out of step. */
  #unexpected(operation: string, answer: MemcachedAnswer): never {
    if (answer.type === 'error') throw new ServerReplyError(answer.kind, operation, answer.message)
    const error = new Error(`${operation} was answered by a reply of type ${answer.type}`)
    this.#calls.breakOff(error)
    throw new ConnectionLostError(this.#address, error)
  }
}

function withoutCas(found: MemcachedItem | undefined): MemcachedItem | undefined {
  return found === undefined ? undefined : { value: found.value, flags: found.flags }
}

function withCas(
  found: { value: Buffer; flags: number; cas: string | undefined } | undefined,
): MemcachedCasItem | undefined {
  if (found === undefined) return undefined
  const { value, flags, cas } = found
  if (cas === undefined) throw new ServerReplyError('SERVER_ERROR', 'gets', '(no cas)')
  return { value, flags, cas }
}

function stored(
  value: Buffer,
  options: MemcachedStoreOptions | undefined,
): Partial<MemcachedCommand> {
  return { value, flags: options?.flags ?? 0, exptime: exptimeOf(options?.ttlSeconds ?? 0) }
}
