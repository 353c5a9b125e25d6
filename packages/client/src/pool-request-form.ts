/**
 * How an operation is put to a memcached server: as a text command where that says all, because
 * text gets can share a line and their replies are handed on as they come; else as a meta command.
 */
import { Dialect, KEY_BYTES_MAX, Op } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** How a server is asked. */
export const RequestForm = {
  Get: 1,
  Gets: 2,
  /** gat or gats: values like those of a get, but never in one line with another. */
  GetAndTouch: 3,
  /** A text command with a one-line reply. */
  Line: 4,
  Meta: 5,
  /** It cannot be asked; `refusalOf` says why. */
  None: 6,
} as const
export type RequestForm = (typeof RequestForm)[keyof typeof RequestForm]

const KEY_UNFIT_LINE = 'CLIENT_ERROR key with blanks or control bytes is too long for a text server'
const BAD_FORMAT_LINE = 'CLIENT_ERROR bad command line format'
const SPACE = 32
const DELETE = 127
const INT32_MAX = 0x7fff_ffff

/** The form for a text connection; `metaSpoken` tells whether the server takes meta commands. */
export function requestForm(operation: Operation, metaSpoken: boolean): RequestForm {
  const { dialect, kind } = operation
  if (dialect === Dialect.Text) {
    if (kind === Op.Get) return RequestForm.Get
    if (kind === Op.Gets) return RequestForm.Gets
    if (kind === Op.Gat || kind === Op.Gats) return RequestForm.GetAndTouch
    return lineForm(operation)
  }
  if (operation.extras !== 0 || kind === Op.Debug || needsBase64(operation)) {
    return metaForm(operation)
  }
  // Only a meta reply tells what a meta client has to know of a stale item.
  if (dialect === Dialect.Meta && metaSpoken) return metaForm(operation)
  if (kind === Op.Get || kind === Op.Gets) return RequestForm.Gets
  if (kind === Op.Gat || kind === Op.Gats) return RequestForm.GetAndTouch
  return kind === Op.Delete || !metaSpoken ? lineForm(operation) : metaForm(operation)
}

/** `Meta`, or `None` when the key is beyond it or the number could not be told. */
export function metaForm(operation: Operation): RequestForm {
  if (operation.kind === Op.FlushAll) return RequestForm.Line
  const keyBytes = operation.keyEnd - operation.keyStart
  if (needsBase64(operation) && Math.ceil(keyBytes / 3) * 4 > KEY_BYTES_MAX) return RequestForm.None
  return exptimeFits(operation) ? RequestForm.Meta : RequestForm.None
}

function lineForm(operation: Operation): RequestForm {
  return exptimeFits(operation) ? RequestForm.Line : RequestForm.None
}

/** The reply line to an operation of form `None`. */
export function refusalOf(operation: Operation): string {
  return exptimeFits(operation) ? KEY_UNFIT_LINE : BAD_FORMAT_LINE
}

/** True when the key cannot stand in a line. */
export function needsBase64(operation: Operation): boolean {
  if (operation.dialect === Dialect.Text) return false
  const { buf, keyEnd } = operation
  for (let at = operation.keyStart; at < keyEnd; at++) {
    const byte = buf[at] ?? 0
    if (byte <= SPACE || byte === DELETE) return true
  }
  return false
}

/**
 * memcached refuses a store whose expiry exceeds 32 bits before it has read the value, and would
 * read the value as a command. So that is refused here, with its words.
 */
function exptimeFits(operation: Operation): boolean {
  const { exptime } = operation
  return exptime <= INT32_MAX && exptime >= -INT32_MAX - 1
}
