/**
 * Prefix: the longest listed prefix of a key says which pool it belongs to.
 *
 * Keys without a listed prefix go to the default pool; without one they are refused. flush_all goes
 * to every pool and succeeds when all did it.
 */
import {
  answerWhenAll,
  type Backend,
  type BackendReport,
  Fork,
  type Operation,
} from '@holdfast/client'
import { Op } from '@holdfast/protocol'
import { z } from 'zod'
import { allUsable, childName, policyReport, type RouteType, routeType } from './route-type.ts'

/** Reply line for a key without a pool. */
export const NO_ROUTE_LINE = 'SERVER_ERROR no pool for the prefix of this key'

const PREFIXES_MAX = 1000

/** Options of a prefix routing. */
export interface PrefixOptions {
  /** Pool by prefix. */
  prefixes: Readonly<Record<string, string>>
  /** Pool of all other keys. */
  default?: string | undefined
}

/** Sends each key to the child of its longest prefix, else to `otherwise`. */
export function prefixRoute(
  children: ReadonlyMap<string, Backend>,
  otherwise: Backend | undefined,
): Backend {
  return new PrefixRoute(children, otherwise)
}

/** The policy in a configuration. */
export const PREFIX: RouteType = routeType<PrefixOptions & { type: string }>({
  type: 'prefix',
  description: 'to the pool of the longest listed prefix of the key',
  schema: z.strictObject({
    type: z.literal('prefix'),
    prefixes: z
      .record(z.string().min(1).max(250), childName)
      .refine((prefixes) => Object.keys(prefixes).length <= PREFIXES_MAX, {
        error: `expected at most ${PREFIXES_MAX} prefixes`,
      })
      .describe('pool by prefix'),
    default: childName.optional().describe('pool of all other keys; without it they are refused'),
  }),
  children: ({ prefixes, default: otherwise }) => {
    return [...Object.values(prefixes), ...(otherwise === undefined ? [] : [otherwise])]
  },
  build: ({ prefixes, default: otherwise }, find) => {
    const children = Object.entries(prefixes).map(([prefix, name]) => [prefix, find(name)] as const)
    return prefixRoute(new Map(children), otherwise === undefined ? undefined : find(otherwise))
  },
})

interface PrefixEntry {
  prefix: Buffer
  child: Backend
}

class PrefixRoute implements Backend {
  /** By first byte, longest prefix first. */
  readonly #entries: (PrefixEntry[] | undefined)[] = []
  readonly #otherwise: Backend | undefined
  readonly #children: readonly Backend[]

  constructor(children: ReadonlyMap<string, Backend>, otherwise: Backend | undefined) {
    for (const [text, child] of children) {
      const prefix = Buffer.from(text)
      const first = prefix[0] ?? 0
      const entries = this.#entries[first] ?? []
      this.#entries[first] = entries
      entries.push({ prefix, child })
      entries.sort((a, b) => b.prefix.length - a.prefix.length)
    }
    this.#otherwise = otherwise
    const all = new Set(children.values())
    if (otherwise !== undefined) all.add(otherwise)
    this.#children = [...all]
  }

  submit(operation: Operation): void {
    if (operation.kind === Op.FlushAll) {
      new Fork(operation, answerWhenAll).spread(this.#children, (part, child) => child.submit(part))
      return
    }
    const child = this.#childOf(operation)
    if (child === undefined) operation.fail(NO_ROUTE_LINE)
    else child.submit(operation)
  }

  report(): BackendReport {
    return policyReport(this.#children, {}, allUsable)
  }

  async stop(): Promise<void> {}

  #childOf({ buf, keyStart, keyEnd }: Operation): Backend | undefined {
    const entries = this.#entries[buf[keyStart] ?? 0]
    if (entries === undefined || keyStart === keyEnd) return this.#otherwise
    const length = keyEnd - keyStart
    for (const { prefix, child } of entries) {
      if (prefix.length > length) continue
      if (prefix.compare(buf, keyStart, keyStart + prefix.length) === 0) return child
    }
    return this.#otherwise
  }
}
