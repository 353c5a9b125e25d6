/**
 * Key prefix: keys get a prefix on their way to the pool, or lose one; replies show the client's
 * key.
 *
 * So applications share a pool without seeing each other's keys. A key that would be longer than
 * 250 bytes with its prefix is refused, and one that has not the prefix to remove. flush_all would
 * take the keys of all others along: it is refused unless the options allow it.
 */
import { type Backend, type BackendReport, Fork, type Operation, Outcome } from '@holdfast/client'
import { KEY_BYTES_MAX, Op } from '@holdfast/protocol'
import { z } from 'zod'
import { allUsable, childName, policyReport, type RouteType, routeType } from './route-type.ts'

/** Reply line for a key that is too long with its prefix. */
export const PREFIXED_KEY_TOO_LONG_LINE = 'CLIENT_ERROR key too long with the prefix of this proxy'
/** Reply line for a key from which the prefix cannot be removed. */
export const NOT_PREFIXED_LINE = 'CLIENT_ERROR key has not the prefix that this proxy removes'
/** Reply line for flush_all where it is not allowed. */
export const SHARED_FLUSH_LINE = 'SERVER_ERROR flush_all not supported: others share the pool'

/** Options of a key prefix. */
export interface KeyPrefixOptions {
  pool: string
  add: string
  remove: string
  /** flush_all empties the whole pool. */
  flush: boolean
}

/** Hands operations to `child` with another prefix before their keys. */
export function keyPrefixRoute(options: Omit<KeyPrefixOptions, 'pool'>, child: Backend): Backend {
  return new KeyPrefixRoute(options, child)
}

const prefix: z.ZodDefault<z.ZodString> = z
  .string()
  .max(200)
  .regex(/^[^\s\p{Cc}]*$/u, { error: 'expected no blanks or control characters' })
  .default('')

/** The policy in a configuration. */
export const KEY_PREFIX: RouteType = routeType<KeyPrefixOptions & { type: string }>({
  type: 'key-prefix',
  description: 'adds a prefix to keys, or removes one, on their way to the pool',
  schema: z
    .strictObject({
      type: z.literal('key-prefix'),
      pool: childName.describe('where the operations go'),
      add: prefix.describe('put before every key'),
      remove: prefix.describe('taken off every key first; keys without it are refused'),
      flush: z.boolean().default(false).describe('let flush_all empty the whole pool'),
    })
    .refine(({ add, remove }) => add !== '' || remove !== '', {
      error: 'expected a prefix to add or to remove',
    }),
  children: ({ pool }) => [pool],
  build: (options, find) => keyPrefixRoute(options, find(options.pool)),
})

class KeyPrefixRoute implements Backend {
  readonly #child: Backend
  readonly #add: Buffer
  readonly #remove: Buffer
  readonly #flush: boolean

  constructor(options: Omit<KeyPrefixOptions, 'pool'>, child: Backend) {
    this.#child = child
    this.#add = Buffer.from(options.add)
    this.#remove = Buffer.from(options.remove)
    this.#flush = options.flush
  }

  submit(operation: Operation): void {
    if (operation.kind === Op.FlushAll) {
      if (this.#flush) this.#child.submit(operation)
      else operation.fail(SHARED_FLUSH_LINE)
      return
    }
    const line = this.#refusal(operation)
    if (line !== '') {
      operation.decide(Outcome.Refused, line)
      operation.settle()
      return
    }
    const child = new Fork(operation, answerAs).child()
    this.#rename(child)
    this.#child.submit(child)
  }

  report(): BackendReport {
    return policyReport([this.#child], {}, allUsable)
  }

  async stop(): Promise<void> {}

  #refusal({ buf, keyStart, keyEnd }: Operation): string {
    const end = keyStart + this.#remove.length
    // Something has to be left of the key.
    if (end >= keyEnd || this.#remove.compare(buf, keyStart, end) !== 0) return NOT_PREFIXED_LINE
    return this.#add.length + keyEnd - end > KEY_BYTES_MAX ? PREFIXED_KEY_TOO_LONG_LINE : ''
  }

  /** Key, value and meta flags of an operation are in one buffer, so all are copied. */
  #rename(child: Operation): void {
    const { buf, valueStart, valueEnd, metaStart, metaEnd } = child
    const key = buf.subarray(child.keyStart + this.#remove.length, child.keyEnd)
    const value = buf.subarray(valueStart, valueEnd)
    child.buf = Buffer.concat([this.#add, key, value, buf.subarray(metaStart, metaEnd)])
    child.keyStart = 0
    child.keyEnd = this.#add.length + key.length
    const end = child.keyEnd + value.length
    child.valueStart = valueEnd > 0 ? child.keyEnd : 0
    child.valueEnd = valueEnd > 0 ? end : 0
    child.metaStart = metaEnd > 0 ? end : 0
    child.metaEnd = metaEnd > 0 ? child.buf.length : 0
  }
}

function answerAs(child: Operation, fork: Fork): void {
  fork.answerWith(child)
}
