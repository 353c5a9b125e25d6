/**
 * Operations as meta commands, with those flags returned that the result has fields for. What the
 * upstream wrote is not copied: it may have spoken another dialect, and the reply is made from the
 * result in any case. Each command has its reply: quiet ones closed by a noop were measured, and
 * cost memcached 1.6.18 no less, because it sends the replies to pipelined meta commands together.
 */
import { type ByteWriter, Extra, MetaLetter, Op } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { needsBase64 } from './pool-request-form.ts'

const SPACE = 32

/** Appends the command. */
export function writeMetaRequest(w: ByteWriter, operation: Operation): void {
  switch (operation.kind) {
    case Op.Get:
    case Op.Gets:
      writeGet(w, operation, (operation.extras & Extra.Touch) !== 0)
      break
    case Op.Gat:
    case Op.Gats:
    case Op.Touch:
      writeGet(w, operation, true)
      break
    case Op.Delete:
      writeDelete(w, operation)
      break
    case Op.Incr:
    case Op.Decr:
      writeCount(w, operation)
      break
    case Op.Debug:
      writeKey(w, 'me ', operation)
      if (needsBase64(operation)) w.ascii(' b')
      break
    default:
      writeStore(w, operation)
      break
  }
  w.ascii('\r\n')
}

function writeGet(w: ByteWriter, operation: Operation, touches: boolean): void {
  const { extras, kind, special } = operation
  const withoutValue = kind === Op.Touch || (extras & Extra.NoValue) !== 0
  writeKey(w, 'mg ', operation)
  if (needsBase64(operation)) w.ascii(' b')
  w.ascii(withoutValue ? ' f c s' : ' f c v')
  if (extras & Extra.WantAccess) w.ascii(' h l')
  if (extras & Extra.NoAccess) w.ascii(' u')
  const wantsTtl = (extras & Extra.WantTtl) !== 0
  const ttlFirst = wantsTtl && asksTtlFirst(operation)
  if (ttlFirst) w.ascii(' t')
  if (touches) writeNumber(w, ' T', operation.exptime)
  if (extras & Extra.Vivify) writeNumber(w, ' N', special.vivifyExptime)
  if (extras & Extra.Recache) writeNumber(w, ' R', special.recacheTtlSeconds)
  if (wantsTtl && !ttlFirst) w.ascii(' t')
  writeNewCas(w, operation)
}

function writeStore(w: ByteWriter, operation: Operation): void {
  const { buf, extras, kind, valueStart, valueEnd } = operation
  w.ensure(valueEnd - valueStart + 512)
  writeKey(w, 'ms ', operation)
  writeNumber(w, ' ', valueEnd - valueStart)
  if (needsBase64(operation)) w.ascii(' b')
  w.ascii(MODES[kind] ?? '')
  w.ascii(' c')
  if (operation.flags !== 0) writeNumber(w, ' F', operation.flags)
  if (operation.exptime !== 0) writeNumber(w, ' T', operation.exptime)
  if (kind === Op.Cas || (extras & Extra.Compare) !== 0) writeCompare(w, operation)
  if (extras & Extra.Invalidate) w.ascii(' I')
  if (extras & Extra.Vivify) writeNumber(w, ' N', operation.special.vivifyExptime)
  writeNewCas(w, operation)
  w.ascii('\r\n')
  w.bytes(buf, valueStart, valueEnd)
}

function writeCount(w: ByteWriter, operation: Operation): void {
  const { extras, special } = operation
  writeKey(w, 'ma ', operation)
  if (needsBase64(operation)) w.ascii(' b')
  w.ascii(operation.kind === Op.Incr ? ' MI v c D' : ' MD v c D')
  w.ascii(String(operation.delta))
  const wantsTtl = (extras & Extra.WantTtl) !== 0
  const ttlFirst = wantsTtl && asksTtlFirst(operation)
  if (ttlFirst) w.ascii(' t')
  if (extras & Extra.Touch) writeNumber(w, ' T', operation.exptime)
  if (extras & Extra.Vivify) {
    writeNumber(w, ' N', special.vivifyExptime)
    w.ascii(` J${special.initial}`)
  }
  if (wantsTtl && !ttlFirst) w.ascii(' t')
  if (extras & Extra.Compare) writeCompare(w, operation)
  writeNewCas(w, operation)
}

function writeDelete(w: ByteWriter, operation: Operation): void {
  const { extras } = operation
  writeKey(w, 'md ', operation)
  if (needsBase64(operation)) w.ascii(' b')
  if (extras & Extra.Compare) writeCompare(w, operation)
  if (extras & Extra.Invalidate) w.ascii(' I')
  if (extras & Extra.Touch) writeNumber(w, ' T', operation.exptime)
  if (extras & Extra.ValueOnly) w.ascii(' x')
  writeNewCas(w, operation)
}

function writeKey(w: ByteWriter, command: string, operation: Operation): void {
  const { buf, keyStart, keyEnd } = operation
  w.ascii(command)
  if (needsBase64(operation)) w.ascii(buf.toString('base64', keyStart, keyEnd))
  else w.bytes(buf, keyStart, keyEnd)
}

function writeNumber(w: ByteWriter, flag: string, value: number): void {
  w.ascii(flag)
  w.int(value)
}

function writeCompare(w: ByteWriter, operation: Operation): void {
  w.ascii(' C')
  w.u64(operation.casHi, operation.casLo)
}

function writeNewCas(w: ByteWriter, operation: Operation): void {
  if ((operation.extras & Extra.NewCas) === 0) return
  w.ascii(' E')
  w.u64(operation.special.newCasHi, operation.special.newCasLo)
}

/** memcached goes through the flags in order: a t before T or N tells what was before them. */
function asksTtlFirst(operation: Operation): boolean {
  const { buf, metaEnd } = operation
  let wordBegins = true
  for (let at = operation.metaStart; at < metaEnd; at++) {
    const byte = buf[at]
    if (wordBegins && byte === MetaLetter.Ttl) return true
    if (wordBegins && (byte === MetaLetter.NewTtl || byte === MetaLetter.Vivify)) return false
    wordBegins = byte === SPACE
  }
  return false
}

/** Mode flags of stores; Set and Cas are the mode that is meant without one. */
const MODES: Readonly<Record<number, string>> = {
  [Op.Add]: ' ME',
  [Op.Replace]: ' MR',
  [Op.Append]: ' MA',
  [Op.Prepend]: ' MP',
}
