/**
 * Operations as text commands. noreply is not passed on: the server's answer is needed to know that
 * the operation is done, so that its upstream reads what it has written and bounds count right.
 */
import { type ByteWriter, Op } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

const SPACE = 32
/** Room for the numbers and line ends of a store. */
const STORE_WORDS_BYTES = 96

const WORDS: Readonly<Record<number, string>> = {
  [Op.Gat]: 'gat ',
  [Op.Gats]: 'gats ',
  [Op.Set]: 'set ',
  [Op.Add]: 'add ',
  [Op.Replace]: 'replace ',
  [Op.Append]: 'append ',
  [Op.Prepend]: 'prepend ',
  [Op.Cas]: 'cas ',
  [Op.Incr]: 'incr ',
  [Op.Decr]: 'decr ',
  [Op.Delete]: 'delete ',
  [Op.Touch]: 'touch ',
}

/** Appends a command that is answered by one line, flush_all at once included. */
export function writeLineRequest(w: ByteWriter, operation: Operation): void {
  const { kind, buf, keyStart, keyEnd } = operation
  if (kind === Op.FlushAll) {
    w.ascii('flush_all\r\n')
    return
  }
  const word = WORDS[kind]
  if (word === undefined) throw new Error(`bug: operation ${kind} has no text command`)
  w.ensure(keyEnd - keyStart + operation.valueEnd - operation.valueStart + STORE_WORDS_BYTES)
  w.ascii(word)
  w.bytes(buf, keyStart, keyEnd)
  w.byte(SPACE)
  switch (kind) {
    case Op.Incr:
    case Op.Decr:
      w.ascii(String(operation.delta))
      break
    case Op.Touch:
      w.int(operation.exptime)
      break
    case Op.Delete:
      break
    default:
      writeStore(w, operation)
      break
  }
  w.ascii('\r\n')
}

/** Appends gat or gats; where the reply is not in text it wants the CAS. */
export function writeGetAndTouch(w: ByteWriter, operation: Operation, wantsCas: boolean): void {
  w.ascii(wantsCas ? 'gats ' : (WORDS[operation.kind] ?? ''))
  w.int(operation.exptime)
  w.byte(SPACE)
  w.bytes(operation.buf, operation.keyStart, operation.keyEnd)
  w.ascii('\r\n')
}

function writeStore(w: ByteWriter, operation: Operation): void {
  const { valueStart, valueEnd } = operation
  w.int(operation.flags)
  w.byte(SPACE)
  w.int(operation.exptime)
  w.byte(SPACE)
  w.int(valueEnd - valueStart)
  if (operation.kind === Op.Cas) {
    w.byte(SPACE)
    w.u64(operation.casHi, operation.casLo)
  }
  w.ascii('\r\n')
  w.bytes(operation.buf, valueStart, valueEnd)
}
