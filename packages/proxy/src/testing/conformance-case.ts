/**
 * The shape of a conversation that several servers have to hold alike, and the documented
 * differences. `{cas}`, `{older}` and `{newer}` in a step stand for the CAS last seen in a reply
 * and for its neighbours.
 */
import type { BinaryFields } from './binary-client.ts'

/** One conversation in text or meta commands, on a fresh connection with an empty store. */
export interface ConformanceCase {
  name: string
  /** Each is sent whole. */
  steps: readonly string[]
}

/** A conversation whose steps are lines; a value is a line of its own within its step. */
export function steps(name: string, ...lines: string[]): ConformanceCase {
  return { name, steps: lines.map((line) => `${line}\r\n`) }
}

/** One binary request; of `cas` the words stand for the CAS last seen. */
export interface BinaryStep extends Omit<BinaryFields, 'cas'> {
  opcode: number
  cas?: 'last' | 'older' | 'newer' | bigint
}

/** One conversation in the binary protocol; the steps of one list are sent together. */
export interface BinaryCase {
  name: string
  steps: readonly (readonly BinaryStep[])[]
}

/** The backends that the suite runs over. */
export const CONFORMANCE_BACKENDS = [
  'engines',
  'embedded',
  'memcached by text',
  'memcached by meta',
  'memcached by binary',
  'valkey',
] as const

export type ConformanceBackend = (typeof CONFORMANCE_BACKENDS)[number]

/** Where the answers differ, and why. */
export interface DocumentedDifference {
  /** What has to be there before; not compared. */
  before?: string
  request: string
  memcached: string
  holdfast: string
  why: string
  /** Where it is so; everywhere without it. */
  over?: readonly ConformanceBackend[]
}
