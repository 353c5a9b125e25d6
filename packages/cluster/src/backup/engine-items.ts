/**
 * Reads every item of one engine, primary or replica, without getting in the way of its clients:
 * SCAN in small portions, then the values of as many keys as fit the memory bound, each value
 * together with its expiry in one step. An item that is there from beginning to end is read; one
 * that comes, changes or goes meanwhile may be read as it was, as it is, or not at all; SCAN may
 * show one twice. The engine's hash seed is its process's, so a lost connection ends the reading.
 */
import { ITEM_HEADER_BYTES, isOurItem, readFlags } from '@holdfast/protocol'
import { Redis } from 'iovalkey'
import { EngineError } from '../engines/engine-control.ts'
import type { ShardItem } from './shard-frames.ts'

/** Keys asked for at once, about. */
export const SCAN_COUNT = 200
/** Values asked for at once; a single larger value is asked for alone. */
const PORTION_BYTES_MAX: number = 1024 * 1024
const PORTION_KEYS_MAX = 200
const CONNECT_TIMEOUT_MS = 1000
const COMMAND_TIMEOUT_MS = 5000
/** PEXPIRETIME of a key that is not there. */
const NO_KEY = -2
const TAG_END = '}'.charCodeAt(0)
const TAG_BEGIN = '{'.charCodeAt(0)

/** Length, beginning and expiry of a value at one moment. */
const READ_HEAD =
  "return {redis.call('STRLEN',KEYS[1]),redis.call('GETRANGE',KEYS[1],0,ARGV[1]-1)," +
  "redis.call('PEXPIRETIME',KEYS[1])}"

/** A value and its expiry as they are at one moment. */
const READ_ITEM = "return {redis.call('GET',KEYS[1]),redis.call('PEXPIRETIME',KEYS[1])}"

export interface EngineAddress {
  host: string
  port: number
  password: string
}

/** How an item begins. */
export interface ItemHead {
  /** The client's. */
  key: Buffer
  /** The first bytes that the client has stored. */
  head: Buffer
  /** All of them. */
  valueBytes: number
}

/** A connection to an engine that reads all of it. To be closed on every path. */
export class EngineItems {
  readonly #redis: Redis
  readonly #address: string
  #failure: unknown = null

  constructor({ host, port, password }: EngineAddress) {
    this.#address = `${host}:${port}`
    this.#redis = new Redis({
      host,
      port,
      password,
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      retryStrategy: () => null,
    })
    this.#redis.on('error', (error) => {
      this.#failure ??= error
    })
  }

  async connect(): Promise<void> {
    await this.#do('connect', async () => {
      await this.#redis.connect()
      await this.#redis.call('READONLY')
    })
  }

  /** The replication offset that the engine has reached. */
  async offset(): Promise<number> {
    const info = await this.#do('INFO', () => this.#redis.call('INFO', 'replication'))
    const text = String(info)
    const name = /^role:slave/m.test(text) ? 'slave_repl_offset' : 'master_repl_offset'
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0)
  }

  /** Every item, in portions; the caller takes a portion when it has room for it. */
  async *portions(): AsyncGenerator<ShardItem[]> {
    let cursor = '0'
    do {
      const [next, keys] = await this.scan(cursor)
      const sizes = await this.#sizes(keys)
      for (const portion of portionsOf(keys, sizes)) yield await this.items(portion)
      cursor = next
    } while (cursor !== '0')
  }

  close(): void {
    this.#redis.disconnect()
  }

  /** Keys of items as the engine has them, and the cursor that goes on; `0` is the end. */
  async scan(cursor: string): Promise<[next: string, keys: Buffer[]]> {
    const reply = await this.#do('SCAN', () => {
      return this.#redis.callBuffer('SCAN', cursor, 'COUNT', String(SCAN_COUNT))
    })
    if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw this.#odd('SCAN')
    const keys = reply[1].filter((key: unknown) => Buffer.isBuffer(key))
    return [String(reply[0]), keys.filter((key) => clientKey(key) !== null)]
  }

  async #sizes(keys: readonly Buffer[]): Promise<number[]> {
    const replies = await this.#pipeline('STRLEN', keys, (key) => ['STRLEN', key])
    // A key of another type is not an item; it is left out with the size of none.
    return replies.map((reply) => (typeof reply === 'number' ? reply : -1))
  }

  /** How the items under these keys of the engine begin; undefined for what is none. */
  async heads(keys: readonly Buffer[], headBytes: number): Promise<(ItemHead | undefined)[]> {
    const storedBytes = String(ITEM_HEADER_BYTES + headBytes)
    const replies = await this.#pipeline('EVAL', keys, (key) => {
      return ['EVAL_RO', READ_HEAD, '1', key, storedBytes]
    })
    return replies.map((reply, index) => {
      const key = clientKey(keys[index] ?? Buffer.alloc(0))
      if (!Array.isArray(reply) || key === null) return undefined
      const [length, stored, expiresAtMs] = reply
      if (!Buffer.isBuffer(stored) || expiresAtMs === NO_KEY) return undefined
      const { value } = itemOf(key, stored, 0)
      const headerBytes = stored.length - value.length
      const head = value.subarray(0, headBytes)
      return { key, head, valueBytes: Number(length) - headerBytes }
    })
  }

  /** The items under these keys of the engine; what is not there is left out. */
  async items(keys: readonly Buffer[]): Promise<ShardItem[]> {
    const replies = await this.#pipeline('EVAL', keys, (key) => ['EVAL_RO', READ_ITEM, '1', key])
    return replies.flatMap((reply, index) => {
      if (reply instanceof Error) throw new EngineError(`${this.#address}: ${reply.message}`, reply)
      if (!Array.isArray(reply)) throw this.#odd('EVAL')
      const [stored, expiresAtMs] = reply
      const key = clientKey(keys[index] ?? Buffer.alloc(0))
      if (!Buffer.isBuffer(stored) || key === null) return []
      return [itemOf(key, stored, Math.max(0, Number(expiresAtMs)))]
    })
  }

  async #pipeline(
    what: string,
    keys: readonly Buffer[],
    commandOf: (key: Buffer) => [string, ...(string | Buffer)[]],
  ): Promise<unknown[]> {
    if (keys.length === 0) return []
    const results = await this.#do(what, () => {
      const pipeline = this.#redis.pipeline()
      for (const key of keys) pipeline.callBuffer(...commandOf(key))
      return pipeline.exec()
    })
    if (results?.length !== keys.length) throw this.#odd(what)
    return results.map(([error, value]) => this.#checked(error) ?? value)
  }

  /** An error reply is a value; a lost connection or a late answer is not. */
  #checked(error: Error | null): Error | null {
    if (error === null || error.name === 'ReplyError') return error
    throw new EngineError(`${this.#address}: ${error.message}`, error)
  }

  async #do<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (cause) {
      const reason = this.#failure ?? cause
      const text = reason instanceof Error ? reason.message : String(reason)
      throw new EngineError(`${what} at ${this.#address}: ${text}`, cause)
    }
  }

  #odd(command: string): EngineError {
    return new EngineError(`${this.#address} gives an odd answer to ${command}`)
  }
}

/** The key behind its tag; null for what no client has stored. */
function clientKey(key: Buffer): Buffer | null {
  if (key[0] !== TAG_BEGIN) return null
  const end = key.indexOf(TAG_END)
  return end < 0 || end + 1 === key.length ? null : key.subarray(end + 1)
}

/** The item that is stored; a value that somebody else has put there is all data. */
function itemOf(key: Buffer, stored: Buffer, expiresAtMs: number): ShardItem {
  if (!isOurItem(stored, 0, stored.length)) return { key, value: stored, flags: 0, expiresAtMs }
  return {
    key,
    value: stored.subarray(ITEM_HEADER_BYTES),
    flags: readFlags(stored, 0),
    expiresAtMs,
  }
}

/** Keys in portions whose values fit the bound together. Keys without a value are left out. */
function* portionsOf(keys: readonly Buffer[], sizes: readonly number[]): Generator<Buffer[]> {
  let portion: Buffer[] = []
  let bytes = 0
  for (const [index, key] of keys.entries()) {
    const size = sizes[index] ?? -1
    if (size < 0) continue
    const full = bytes + size > PORTION_BYTES_MAX || portion.length >= PORTION_KEYS_MAX
    if (full && portion.length > 0) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(key)
    bytes += size
  }
  if (portion.length > 0) yield portion
}
