/*
 * A memcached client for ONE server, usually the proxy on the same host: get, gets, gat, gats,
 * set, add, replace, cas, delete, touch, incr, version, as promises.
 *
 * Every call ends within its deadline. At most `pendingMax` requests wait; one more is refused at
 * once. There is no reconnect timer: while the server is away, a request makes the next connect
 * attempt (after a short, growing, jittered delay) and shares its outcome with all others
 * waiting, so a dead server is reported quickly and a returned one is found by the next request.
 * The host name is resolved anew on each attempt. The client never repeats a request: whoever
 * knows that an operation may be repeated does that (see `downSinceMs`).
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  RELATIVE_EXPTIME_MAX_SECONDS,
  serializeCas,
  serializeDelete,
  serializeDelta,
  serializeGat,
  serializeGet,
  serializeStore,
  serializeTouch,
  serializeVersion,
  type TextItem,
  type TextReply,
} from '@holdfast/protocol'
import { type MemcachedConnection, openMemcachedConnection } from './memcached-connection.ts'
import {
  ClientClosedError,
  ConnectionLostError,
  OperationTimeoutError,
  QueueFullError,
  ServerReplyError,
} from './memcached-errors.ts'

export {
  ClientClosedError,
  ConnectFailedError,
  ConnectionLostError,
  OperationTimeoutError,
  QueueFullError,
  ServerReplyError,
} from './memcached-errors.ts'

export interface MemcachedClientOptions {
  host: string
  port: number
  /** Deadline of one operation, connecting included; default 1000. */
  timeoutMs?: number | undefined
  /** Default 1000. */
  connectTimeoutMs?: number | undefined
  /** A connection that owes replies and sends nothing for this long is closed; default timeoutMs + 500. */
  silenceTimeoutMs?: number | undefined
  /** Most requests waiting for a connection or a reply; default 4096. */
  pendingMax?: number | undefined
}

export const MEMCACHED_TIMEOUT_MS_DEFAULT = 1000
export const MEMCACHED_CONNECT_TIMEOUT_MS_DEFAULT = 1000
export const MEMCACHED_PENDING_MAX_DEFAULT = 4096
export const MEMCACHED_RECONNECT_DELAY_MS_MIN = 10
export const MEMCACHED_RECONNECT_DELAY_MS_MAX = 200

export interface MemcachedItem {
  value: Buffer
  flags: number
}

export interface MemcachedCasItem extends MemcachedItem {
  /** The item's version, to be handed back to `cas`. */
  cas: string
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
  readonly #host: string
  readonly #port: number
  readonly #address: string
  readonly #timeoutMs: number
  readonly #connectTimeoutMs: number
  readonly #silenceTimeoutMs: number
  readonly #pendingMax: number
  #connection: MemcachedConnection | undefined
  #opening: Promise<MemcachedConnection> | undefined
  #waitingToConnect = 0
  #failures = 0
  #notBeforeMs = 0
  #downSinceMs: number | undefined
  #closed = false

  constructor(options: MemcachedClientOptions) {
    this.#host = options.host
    this.#port = options.port
    this.#address = `${options.host}:${options.port}`
    this.#timeoutMs = options.timeoutMs ?? MEMCACHED_TIMEOUT_MS_DEFAULT
    this.#connectTimeoutMs = options.connectTimeoutMs ?? MEMCACHED_CONNECT_TIMEOUT_MS_DEFAULT
    this.#silenceTimeoutMs = options.silenceTimeoutMs ?? this.#timeoutMs + 500
    this.#pendingMax = options.pendingMax ?? MEMCACHED_PENDING_MAX_DEFAULT
  }

  /** Since when no connection could be had, on the clock of `performance.now()`; undefined: it is up. */
  get downSinceMs(): number | undefined {
    return this.#downSinceMs
  }

  /** Requests waiting for a connection or a reply. */
  get pending(): number {
    return this.#waitingToConnect + (this.#connection?.pending ?? 0)
  }

  async get(key: string, options?: MemcachedCallOptions): Promise<MemcachedItem | undefined> {
    return withoutCas(await this.#items('get', serializeGet([key]), options))
  }

  async gets(key: string, options?: MemcachedCallOptions): Promise<MemcachedCasItem | undefined> {
    return withCas(await this.#items('gets', serializeGet([key], true), options))
  }

  /** Reads and sets a new time to live. */
  async gat(
    key: string,
    ttlSeconds: number,
    options?: MemcachedCallOptions,
  ): Promise<MemcachedItem | undefined> {
    return withoutCas(await this.#items('gat', serializeGat([key], exptime(ttlSeconds)), options))
  }

  async gats(
    key: string,
    ttlSeconds: number,
    options?: MemcachedCallOptions,
  ): Promise<MemcachedCasItem | undefined> {
    const request = serializeGat([key], exptime(ttlSeconds), true)
    return withCas(await this.#items('gats', request, options))
  }

  async set(key: string, value: Buffer, options?: MemcachedStoreOptions): Promise<void> {
    await this.#status('set', serializeStore('set', key, value, stored(options)), options, [
      'STORED',
    ])
  }

  /** False: the key exists. */
  async add(key: string, value: Buffer, options?: MemcachedStoreOptions): Promise<boolean> {
    const request = serializeStore('add', key, value, stored(options))
    return (await this.#status('add', request, options, ['STORED', 'NOT_STORED'])) === 'STORED'
  }

  /** False: the key does not exist. */
  async replace(key: string, value: Buffer, options?: MemcachedStoreOptions): Promise<boolean> {
    const request = serializeStore('replace', key, value, stored(options))
    return (await this.#status('replace', request, options, ['STORED', 'NOT_STORED'])) === 'STORED'
  }

  /** Stores only if the item still has the version that `gets` or `gats` told. */
  async cas(
    key: string,
    value: Buffer,
    cas: string,
    options?: MemcachedStoreOptions,
  ): Promise<'STORED' | 'EXISTS' | 'NOT_FOUND'> {
    const request = serializeCas(key, value, cas, stored(options))
    return this.#status('cas', request, options, ['STORED', 'EXISTS', 'NOT_FOUND'])
  }

  /** False: there was no such key. */
  async delete(key: string, options?: MemcachedCallOptions): Promise<boolean> {
    const request = serializeDelete(key)
    return (await this.#status('delete', request, options, ['DELETED', 'NOT_FOUND'])) === 'DELETED'
  }

  /** False: there is no such key. */
  async touch(key: string, ttlSeconds: number, options?: MemcachedCallOptions): Promise<boolean> {
    const request = serializeTouch(key, exptime(ttlSeconds))
    return (await this.#status('touch', request, options, ['TOUCHED', 'NOT_FOUND'])) === 'TOUCHED'
  }

  /** The number after adding, or undefined when there is no such key. */
  async incr(
    key: string,
    delta: bigint | number = 1,
    options?: MemcachedCallOptions,
  ): Promise<bigint | undefined> {
    const reply = await this.#request('incr', serializeDelta('incr', key, delta), options)
    if (reply.type === 'number') return reply.value
    if (reply.type === 'status' && reply.status === 'NOT_FOUND') return undefined
    return this.#unexpected('incr', reply)
  }

  /** The server's version: the smallest real round trip. */
  async version(options?: MemcachedCallOptions): Promise<string> {
    const reply = await this.#request('version', serializeVersion(), options)
    return reply.type === 'version' ? reply.version : this.#unexpected('version', reply)
  }

  /** Requests that are still out are rejected. */
  async close(): Promise<void> {
    this.#closed = true
    this.#connection?.close(new ClientClosedError(this.#address))
    await this.#opening?.catch(() => undefined)
  }

  async #items(
    operation: string,
    request: Buffer,
    options: MemcachedCallOptions | undefined,
  ): Promise<TextItem[]> {
    const reply = await this.#request(operation, request, options)
    return reply.type === 'values' ? reply.items : this.#unexpected(operation, reply)
  }

  async #status<S extends string>(
    operation: string,
    request: Buffer,
    options: MemcachedCallOptions | undefined,
    expected: readonly S[],
  ): Promise<S> {
    const reply = await this.#request(operation, request, options)
    const status = reply.type === 'status' ? reply.status : undefined
    const known = expected.find((one) => one === status)
    if (known !== undefined) return known
    if (reply.type === 'status') {
      throw new ServerReplyError('SERVER_ERROR', operation, `(unexpected ${reply.status})`)
    }
    return this.#unexpected(operation, reply)
  }

  /** An error reply rejects the request; a reply of another kind means the FIFO is out of step. */
  #unexpected(operation: string, reply: TextReply): never {
    if (reply.type === 'error') throw new ServerReplyError(reply.kind, operation, reply.message)
    const error = new Error(`${operation} was answered by a ${reply.type} reply`)
    this.#connection?.close(error)
    throw new ConnectionLostError(this.#address, error)
  }

  #request(
    operation: string,
    request: Buffer,
    options: MemcachedCallOptions | undefined,
  ): Promise<TextReply> {
    const timeoutMs = options?.timeoutMs ?? this.#timeoutMs
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new ClientClosedError(this.#address))
        return
      }
      if (this.pending >= this.#pendingMax) {
        reject(new QueueFullError(this.#address, this.#pendingMax))
        return
      }
      let expired = false
      const timer = setTimeout(() => {
        expired = true
        reject(new OperationTimeoutError(operation, this.#address, timeoutMs))
      }, timeoutMs)
      this.#send(request, () => expired)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  /** A request whose caller has given up before there was a connection is not sent at all. */
  async #send(request: Buffer, expired: () => boolean): Promise<TextReply> {
    const open = this.#connection
    if (open !== undefined) return open.send(request)
    this.#waitingToConnect += 1
    let connection: MemcachedConnection
    try {
      this.#opening ??= this.#open()
      connection = await this.#opening
    } finally {
      this.#waitingToConnect -= 1
    }
    if (expired()) throw new ConnectionLostError(this.#address, undefined)
    return connection.send(request)
  }

  async #open(): Promise<MemcachedConnection> {
    try {
      const waitMs = this.#notBeforeMs - performance.now()
      if (waitMs > 0) await delay(waitMs)
      if (this.#closed) throw new ClientClosedError(this.#address)
      const connection: MemcachedConnection = await openMemcachedConnection({
        host: this.#host,
        port: this.#port,
        connectTimeoutMs: this.#connectTimeoutMs,
        silenceTimeoutMs: this.#silenceTimeoutMs,
        onClose: () => {
          if (this.#connection === connection) this.#connection = undefined
        },
      })
      return this.#opened(connection)
    } catch (error) {
      this.#backOff()
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  #opened(connection: MemcachedConnection): MemcachedConnection {
    if (this.#closed) {
      connection.close(new ClientClosedError(this.#address))
      return connection
    }
    this.#failures = 0
    this.#downSinceMs = undefined
    if (!connection.closed) this.#connection = connection
    return connection
  }

  #backOff(): void {
    const nowMs = performance.now()
    this.#downSinceMs ??= nowMs
    const grownMs = MEMCACHED_RECONNECT_DELAY_MS_MIN * 2 ** Math.min(this.#failures, 10)
    this.#failures += 1
    const boundedMs = Math.min(grownMs, MEMCACHED_RECONNECT_DELAY_MS_MAX)
    this.#notBeforeMs = nowMs + boundedMs * (0.5 + Math.random() / 2)
  }
}

function withoutCas([item]: readonly TextItem[]): MemcachedItem | undefined {
  return item === undefined ? undefined : { value: item.value, flags: item.flags }
}

function withCas([item]: readonly TextItem[]): MemcachedCasItem | undefined {
  if (item === undefined) return undefined
  if (item.cas === undefined) throw new ServerReplyError('SERVER_ERROR', 'gets', '(no cas)')
  return { value: item.value, flags: item.flags, cas: item.cas }
}

function stored(options: MemcachedStoreOptions | undefined): { flags: number; exptime: number } {
  return { flags: options?.flags ?? 0, exptime: exptime(options?.ttlSeconds ?? 0) }
}

/** memcached reads a relative time of more than 30 days as a date in 1970. */
function exptime(ttlSeconds: number): number {
  if (ttlSeconds <= RELATIVE_EXPTIME_MAX_SECONDS) return ttlSeconds
  return Math.floor(Date.now() / 1000) + ttlSeconds
}
