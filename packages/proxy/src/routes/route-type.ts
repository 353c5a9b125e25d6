/**
 * What a routing policy is: a backend that hands operations on to other backends, its children. In
 * the configuration it is an object with `type` and its options, in which children have names.
 *
 * A policy owns no child: children belong to whoever opened them, may stand under several policies,
 * and are not stopped with them.
 */
import type { Backend, BackendReport } from '@holdfast/client'
import { z } from 'zod'
import { addCounters } from '../stats-snapshot.ts'

/** One kind of policy. */
export interface RouteType {
  /** What `type` says in the configuration. */
  readonly type: string
  /** What it promises, in one sentence. */
  readonly description: string
  /** Of the whole object, `type` included. */
  readonly schema: z.ZodType
  /** @throws {z.ZodError} when the options are not as the schema says */
  plan(options: unknown): RoutePlan
}

/** A policy whose options were read and whose children are known by name. */
export interface RoutePlan {
  /** Names of backends or of other policies; each once. */
  readonly children: readonly string[]
  /** Makes the policy; `find` leads from a name to its backend. */
  build(find: (name: string) => Backend): Backend
}

/** What a kind of policy is made of. */
interface RouteTypeOptions<Options> {
  type: string
  description: string
  schema: z.ZodType<Options>
  children: (options: Options) => readonly string[]
  build: (options: Options, find: (name: string) => Backend) => Backend
}

/** A kind of policy, its options hidden behind `plan`. */
export function routeType<Options>(options: RouteTypeOptions<Options>): RouteType {
  const { type, description, schema, children, build } = options
  return {
    type,
    description,
    schema,
    plan: (given) => {
      const read = schema.parse(given)
      return {
        children: [...new Set(children(read))],
        build: (find) => build(read, find),
      }
    },
  }
}

/** Most children of one policy that sends an operation to several of them. */
export const POOLS_MAX = 15

/** Name of a child. */
export const childName: z.ZodString = z.string().min(1)

/** Names of the children of a policy, in order. */
export const childNames: z.ZodArray<z.ZodString> = z.array(childName).min(2).max(POOLS_MAX)

/** Longest time for one child; the request's own deadline holds as well. */
export const attemptTimeoutMs: z.ZodDefault<z.ZodInt> = z
  .int()
  .min(1)
  .max(600_000)
  .default(1000)
  .describe('longest time that one pool gets, ms')

/** The report of a policy: its children's servers, their counters and its own. */
export function policyReport(
  children: readonly Backend[],
  counters: Readonly<Record<string, number>>,
  usable: (children: readonly BackendReport[]) => boolean,
): BackendReport {
  const reports = [...new Set(children)].map((child) => child.report())
  return {
    kind: 'policy',
    usable: usable(reports),
    outstanding: reports.reduce((sum, { outstanding }) => sum + outstanding, 0),
    servers: reports.flatMap(({ servers }) => servers),
    counters: reports.reduce((sums, report) => addCounters(sums, report.counters), counters),
  }
}

/** For `policyReport`: one usable child is enough. */
export function someUsable(children: readonly BackendReport[]): boolean {
  return children.some(({ usable }) => usable)
}

/** For `policyReport`: all children are needed. */
export function allUsable(children: readonly BackendReport[]): boolean {
  return children.every(({ usable }) => usable)
}
