/**
 * Memcached operations as requests of the binary protocol, written straight from the request's
 * bytes. Plain gets are used, not quiet ones closed by a noop: memcached and Membase answer what
 * was pipelined together in one send either way, and every request then has its one reply.
 *
 * The binary protocol knows less than the meta commands: what it cannot express is refused before
 * it is sent. Two traps are met here: a CAS of 0 means "none" on this wire (and a real CAS is never
 * 0), so comparing with 0 becomes a look whether the item is there; and times are never negative.
 */
import {
  type BinaryCommand,
  type ByteWriter,
  binaryExptime,
  createBinaryCommand,
  Extra,
  NO_VIVIFY_EXPTIME,
  Op,
  Opcode,
  writeBinaryCommand,
  writeBinaryCounter,
  writeBinaryExpiry,
  writeBinaryStore,
} from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** Reply line of an operation that the binary protocol has no words for. */
export const NOT_SUPPORTED_LINE = 'SERVER_ERROR not supported by a binary downstream'

const NEVER: number =
  Extra.NewCas |
  Extra.Recache |
  Extra.Invalidate |
  Extra.WantTtl |
  Extra.WantAccess |
  Extra.NoAccess |
  Extra.ValueOnly

const OPCODES: readonly (number | undefined)[] = opcodeTable()
const command: BinaryCommand = createBinaryCommand()
const NO_COUNTER = { delta: 0n, initial: 0n }

/** Whether the binary protocol can carry the operation out. */
export function expressibleInBinary(operation: Operation): boolean {
  const { extras, kind } = operation
  if (OPCODES[kind] === undefined) return false
  if (extras === 0) return true
  if ((extras & NEVER) !== 0) return false
  const counts = kind === Op.Incr || kind === Op.Decr
  if ((extras & Extra.Vivify) !== 0 && !counts) return false
  return (extras & Extra.Touch) === 0 || kind === Op.Get || kind === Op.Gets
}

/** True for what is carried out as a look whether the item is there. */
export function comparesWithZero(operation: Operation): boolean {
  if (operation.casHi !== 0 || operation.casLo !== 0) return false
  if (operation.kind === Op.Cas) return true
  return operation.kind === Op.Delete && (operation.extras & Extra.Compare) !== 0
}

/** Appends exactly one request for `operation`, which must be expressible. */
export function writeBinaryOperation(
  writer: ByteWriter,
  operation: Operation,
  vBucket: number,
  opaque: number,
): void {
  const { kind, exptime } = operation
  command.opcode = OPCODES[kind] ?? Opcode.Noop
  command.vBucket = vBucket
  command.opaque = opaque
  command.buf = operation.buf
  command.keyStart = operation.keyStart
  command.keyEnd = operation.keyEnd
  command.valueStart = 0
  command.valueEnd = 0
  command.casHi = 0
  command.casLo = 0
  if (kind === Op.Get || kind === Op.Gets) {
    if ((operation.extras & Extra.Touch) !== 0) {
      command.opcode = Opcode.Gat
      writeBinaryExpiry(writer, command, binaryExptime(exptime))
    } else {
      writeBinaryCommand(writer, command)
    }
    return
  }
  if (comparesWithZero(operation)) {
    command.opcode = Opcode.Get
    writeBinaryCommand(writer, command)
    return
  }
  writeChange(writer, operation)
}

/** Appends a SASL or bucket request: a name as key, and a message. */
export function writeBinaryNamed(
  writer: ByteWriter,
  opcode: number,
  name: string,
  message = '',
): void {
  const key = Buffer.from(name)
  command.opcode = opcode
  command.vBucket = 0
  command.opaque = 0
  command.casHi = 0
  command.casLo = 0
  command.buf = Buffer.concat([key, Buffer.from(message)])
  command.keyStart = 0
  command.keyEnd = key.length
  command.valueStart = key.length
  command.valueEnd = command.buf.length
  writeBinaryCommand(writer, command)
}

function writeChange(writer: ByteWriter, operation: Operation): void {
  const { kind, exptime } = operation
  command.valueStart = operation.valueStart
  command.valueEnd = operation.valueEnd
  if (kind === Op.Cas || (operation.extras & Extra.Compare) !== 0) {
    command.casHi = operation.casHi
    command.casLo = operation.casLo
  }
  switch (kind) {
    case Op.Set:
    case Op.Add:
    case Op.Replace:
    case Op.Cas:
      writeBinaryStore(writer, command, operation.flags, binaryExptime(exptime))
      break
    case Op.Touch:
    case Op.Gat:
    case Op.Gats:
      writeBinaryExpiry(writer, command, binaryExptime(exptime))
      break
    case Op.Incr:
    case Op.Decr:
      writeCounter(writer, operation)
      break
    case Op.FlushAll:
      if (exptime > 0) writeBinaryExpiry(writer, command, binaryExptime(exptime))
      else writeBinaryCommand(writer, command)
      break
    default:
      writeBinaryCommand(writer, command)
  }
}

function writeCounter(writer: ByteWriter, operation: Operation): void {
  NO_COUNTER.delta = operation.delta
  if ((operation.extras & Extra.Vivify) === 0) {
    writeBinaryCounter(writer, command, NO_COUNTER, NO_VIVIFY_EXPTIME)
    return
  }
  const { initial, vivifyExptime } = operation.special
  const exptime = Math.min(binaryExptime(vivifyExptime), NO_VIVIFY_EXPTIME - 1)
  writeBinaryCounter(writer, command, { delta: operation.delta, initial }, exptime)
}

function opcodeTable(): (number | undefined)[] {
  const table: (number | undefined)[] = []
  table[Op.Get] = Opcode.Get
  table[Op.Gets] = Opcode.Get
  table[Op.Gat] = Opcode.Gat
  table[Op.Gats] = Opcode.Gat
  table[Op.Set] = Opcode.Set
  table[Op.Cas] = Opcode.Set
  table[Op.Add] = Opcode.Add
  table[Op.Replace] = Opcode.Replace
  table[Op.Append] = Opcode.Append
  table[Op.Prepend] = Opcode.Prepend
  table[Op.Incr] = Opcode.Incr
  table[Op.Decr] = Opcode.Decr
  table[Op.Delete] = Opcode.Delete
  table[Op.Touch] = Opcode.Touch
  table[Op.FlushAll] = Opcode.Flush
  return table
}
