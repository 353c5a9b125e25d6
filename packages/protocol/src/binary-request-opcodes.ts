// What each opcode of memcached's binary protocol asks for and how its body has to look, as
// memcached 1.6.18 checks it. One table, so that the parser has no opinion of its own.

import { Opcode } from './binary.ts'
import { Op } from './request.ts'

/** How a request of an opcode looks. */
export interface OpcodeForm {
  op: Op
  quiet: boolean
  extrasBytes: number
  /** The extras may also be absent. */
  extrasOptional: boolean
  key: 'none' | 'optional' | 'needed'
  hasValue: boolean
}

type Shape = Omit<OpcodeForm, 'op' | 'quiet'>

const BARE: Shape = shape(0, 'none', false)
const KEYED: Shape = shape(0, 'needed', false)
const KEYED_WITH_TIME: Shape = shape(4, 'needed', false)
const STORE: Shape = shape(8, 'needed', true)
const APPEND: Shape = shape(0, 'needed', true)
const COUNTER: Shape = shape(20, 'needed', false)
const FLUSH: Shape = { ...shape(4, 'none', false), extrasOptional: true }

/** The form of an opcode, or undefined when it is unknown; `vBuckets`: at a vBucket port. */
export function formOf(opcode: number, vBuckets: boolean): OpcodeForm | undefined {
  return FORMS[opcode] ?? (vBuckets ? VBUCKET_FORMS[opcode] : undefined)
}

/** TAP and DCP, by which Membase's and Couchbase's nodes copy data: known, and not served. */
export function isReplication(opcode: number): boolean {
  return (opcode >= 0x40 && opcode <= 0x46) || (opcode >= 0x50 && opcode <= 0x68)
}

const FORMS: (OpcodeForm | undefined)[] = new Array(256).fill(undefined)
const VBUCKET_FORMS: (OpcodeForm | undefined)[] = new Array(256).fill(undefined)

function define(opcode: number, quietOpcode: number | undefined, op: Op, form: Shape): void {
  FORMS[opcode] = { op, quiet: false, ...form }
  if (quietOpcode !== undefined) FORMS[quietOpcode] = { op, quiet: true, ...form }
}

// A binary reply carries the CAS always, so that a plain get is a gets.
define(Opcode.Get, Opcode.GetQ, Op.Gets, KEYED)
define(Opcode.GetK, Opcode.GetKQ, Op.Gets, KEYED)
define(Opcode.Gat, Opcode.GatQ, Op.Gats, KEYED_WITH_TIME)
define(Opcode.GatK, Opcode.GatKQ, Op.Gats, KEYED_WITH_TIME)
define(Opcode.Touch, undefined, Op.Touch, KEYED_WITH_TIME)
define(Opcode.Set, Opcode.SetQ, Op.Set, STORE)
define(Opcode.Add, Opcode.AddQ, Op.Add, STORE)
define(Opcode.Replace, Opcode.ReplaceQ, Op.Replace, STORE)
define(Opcode.Append, Opcode.AppendQ, Op.Append, APPEND)
define(Opcode.Prepend, Opcode.PrependQ, Op.Prepend, APPEND)
define(Opcode.Delete, Opcode.DeleteQ, Op.Delete, KEYED)
define(Opcode.Incr, Opcode.IncrQ, Op.Incr, COUNTER)
define(Opcode.Decr, Opcode.DecrQ, Op.Decr, COUNTER)
define(Opcode.Flush, Opcode.FlushQ, Op.FlushAll, FLUSH)
define(Opcode.Quit, Opcode.QuitQ, Op.Quit, BARE)
define(Opcode.Noop, undefined, Op.Noop, BARE)
define(Opcode.Version, undefined, Op.Version, BARE)
define(Opcode.Stat, undefined, Op.Stats, shape(0, 'optional', false))
define(Opcode.Verbosity, undefined, Op.Verbosity, shape(4, 'none', false))
define(Opcode.SaslMechanisms, undefined, Op.SaslMechanisms, BARE)
define(Opcode.SaslAuth, undefined, Op.SaslAuth, APPEND)
define(Opcode.SaslStep, undefined, Op.SaslStep, APPEND)

function defineVBucket(opcode: number, op: Op, form: Shape): void {
  VBUCKET_FORMS[opcode] = { op, quiet: false, ...form }
}

defineVBucket(Opcode.Hello, Op.Hello, shape(0, 'optional', true))
defineVBucket(Opcode.SelectBucket, Op.SelectBucket, shape(0, 'optional', false))
defineVBucket(Opcode.GetClusterConfig, Op.ClusterConfig, optional(shape(16, 'none', false)))
defineVBucket(Opcode.GetErrorMap, Op.ErrorMap, shape(0, 'none', true))
defineVBucket(Opcode.Observe, Op.Observe, shape(0, 'none', true))
defineVBucket(Opcode.GetMeta, Op.GetMeta, optional(shape(1, 'needed', false)))
defineVBucket(Opcode.GetReplica, Op.GetReplica, KEYED)
defineVBucket(Opcode.GetLocked, Op.GetLocked, optional(KEYED_WITH_TIME))
defineVBucket(Opcode.Unlock, Op.Unlock, KEYED)

function optional(form: Shape): Shape {
  return { ...form, extrasOptional: true }
}

function shape(extrasBytes: number, key: OpcodeForm['key'], hasValue: boolean): Shape {
  return { extrasBytes, extrasOptional: false, key, hasValue }
}
