// Replies in memcached's meta protocol, from operations that have an outcome. The return flags come
// in the order in which the request asked for them, read from its own words; codes, flags and what
// quiet mode leaves out are memcached 1.6.18's, compared against it in replies-memcached.test.ts.
//
// Differences: a key goes back encoded if it came encoded (memcached remembers how the item was
// stored), `exp` of me is the time left (1.6.18 shows it negative), and ms answers s, as later
// versions do, but for append and prepend, whose result nobody here knows.

import { type ByteWriter, MetaLetter, Op, writeLineEnd } from '@holdfast/protocol'
import type { Operation } from './operation.ts'
import { ItemMark, Outcome } from './outcome.ts'

const SPACE = 32

/** Appends the reply. */
export function writeMetaReply(operation: Operation, writer: ByteWriter): void {
  switch (operation.outcome) {
    case Outcome.Hit:
      if (operation.kind === Op.Debug) writeDebug(operation, writer)
      else writeHit(operation, writer)
      return
    case Outcome.Miss:
      if (operation.kind === Op.Debug) writer.ascii('EN\r\n')
      else if (!operation.quiet) writeCode(operation, writer, 'EN')
      return
    case Outcome.Counted:
      writeCount(operation, writer)
      return
    case Outcome.NotStored:
      writeCode(operation, writer, 'NS')
      return
    case Outcome.Exists:
      writeCode(operation, writer, 'EX')
      return
    case Outcome.NotFound:
      writeCode(operation, writer, 'NF')
      return
    case Outcome.Refused:
    case Outcome.Failed:
      writer.ascii(operation.line)
      writeLineEnd(writer)
      return
    default:
      if (operation.kind === Op.Noop) writer.ascii('MN\r\n')
      else if (!operation.quiet) writeCode(operation, writer, 'HD')
  }
}

function writeHit(operation: Operation, writer: ByteWriter): void {
  const { resultBuf, resultStart, resultEnd, resultMarks } = operation
  const withValue = asksFor(operation, MetaLetter.Value)
  writer.ascii(withValue ? 'VA ' : 'HD')
  if (withValue) writer.int(resultEnd - resultStart)
  writeFlags(operation, writer)
  if ((resultMarks & ItemMark.WonBefore) !== 0) writer.ascii(' Z')
  if ((resultMarks & ItemMark.Stale) !== 0) writer.ascii(' X')
  if ((resultMarks & ItemMark.Won) !== 0) writer.ascii(' W')
  writeLineEnd(writer)
  if (!withValue) return
  writer.bytes(resultBuf, resultStart, resultEnd)
  writeLineEnd(writer)
}

/** A counter that was made is answered in quiet mode too. */
function writeCount(operation: Operation, writer: ByteWriter): void {
  const { resultBuf, resultStart, resultEnd, resultMarks } = operation
  if (operation.quiet && (resultMarks & ItemMark.Vivified) === 0) return
  const withValue = asksFor(operation, MetaLetter.Value)
  writer.ascii(withValue ? 'VA ' : 'HD')
  if (withValue) writer.int(resultEnd - resultStart)
  writeFlags(operation, writer)
  writeLineEnd(writer)
  if (!withValue) return
  writer.bytes(resultBuf, resultStart, resultEnd)
  writeLineEnd(writer)
}

function writeCode(operation: Operation, writer: ByteWriter, code: string): void {
  writer.ascii(code)
  writeFlags(operation, writer)
  writeLineEnd(writer)
}

function writeFlags(operation: Operation, writer: ByteWriter): void {
  const { buf, metaEnd } = operation
  let at = operation.metaStart
  while (at < metaEnd) {
    const start = at
    while (at < metaEnd && buf[at] !== SPACE) at++
    if (at > start) writeFlag(operation, writer, start, at)
    at++
  }
}

function writeFlag(operation: Operation, writer: ByteWriter, start: number, end: number): void {
  const letter = operation.buf[start] ?? 0
  if (letter === MetaLetter.Opaque) {
    writer.byte(SPACE)
    writer.bytes(operation.buf, start, end)
  } else if (letter === MetaLetter.Key) {
    writer.ascii(' k')
    writeKey(operation, writer)
    if (operation.keyEncoded) writer.ascii(' b')
  } else if (operation.outcome === Outcome.Hit) {
    writeItemFlag(operation, writer, letter)
  } else if (operation.outcome === Outcome.Counted) {
    if (letter === MetaLetter.Cas) writeCas(writer, operation.stampHi, operation.stampLo)
    else if (letter === MetaLetter.Ttl) writeNumber(writer, ' t', operation.resultTtlSeconds)
  } else if (operation.outcome !== Outcome.Miss && operation.kind !== Op.Delete) {
    writeStoreFlag(operation, writer, letter)
  }
}

function writeItemFlag(operation: Operation, writer: ByteWriter, letter: number): void {
  switch (letter) {
    case MetaLetter.Cas:
      writeCas(writer, operation.resultCasHi, operation.resultCasLo)
      break
    case MetaLetter.FlagsAsked:
      writeNumber(writer, ' f', operation.resultFlags)
      break
    case MetaLetter.Hit:
      writer.ascii((operation.resultMarks & ItemMark.Read) === 0 ? ' h0' : ' h1')
      break
    case MetaLetter.LastAccess:
      writeNumber(writer, ' l', operation.resultAccessSeconds)
      break
    case MetaLetter.Size:
      writeNumber(writer, ' s', operation.resultEnd - operation.resultStart)
      break
    case MetaLetter.Ttl:
      writeNumber(writer, ' t', operation.resultTtlSeconds)
      break
    default:
  }
}

/** Of an ms, or of an ma without a count, which has no flags of its own. */
function writeStoreFlag(operation: Operation, writer: ByteWriter, letter: number): void {
  const { kind, outcome } = operation
  if (kind === Op.Incr || kind === Op.Decr) return
  const stored = outcome === Outcome.Stored
  if (letter === MetaLetter.Cas) {
    writeCas(writer, stored ? operation.stampHi : 0, stored ? operation.stampLo : 0)
  } else if (letter === MetaLetter.Size && stored && kind !== Op.Append && kind !== Op.Prepend) {
    writeNumber(writer, ' s', operation.valueEnd - operation.valueStart)
  }
}

function writeDebug(operation: Operation, writer: ByteWriter): void {
  const { resultCasHi, resultCasLo, resultStart, resultEnd } = operation
  writer.ascii('ME ')
  writeKey(operation, writer)
  writeNumber(writer, ' exp=', operation.resultTtlSeconds)
  writeNumber(writer, ' la=', operation.resultAccessSeconds)
  writer.ascii(' cas=')
  writer.u64(resultCasHi, resultCasLo)
  writer.ascii((operation.resultMarks & ItemMark.Read) === 0 ? ' fetch=no' : ' fetch=yes')
  writeNumber(writer, ' cls=1 size=', resultEnd - resultStart)
  writeLineEnd(writer)
}

function writeKey(operation: Operation, writer: ByteWriter): void {
  const { buf, keyStart, keyEnd } = operation
  if (operation.keyEncoded) writer.ascii(buf.toString('base64', keyStart, keyEnd))
  else writer.bytes(buf, keyStart, keyEnd)
}

function writeCas(writer: ByteWriter, hi: number, lo: number): void {
  writer.ascii(' c')
  writer.u64(hi, lo)
}

function writeNumber(writer: ByteWriter, name: string, value: number): void {
  writer.ascii(name)
  writer.int(value)
}

/** True when the request has the flag, which stands alone as a word's first letter. */
function asksFor(operation: Operation, letter: number): boolean {
  const { buf, metaStart, metaEnd } = operation
  let wordBegins = true
  for (let at = metaStart; at < metaEnd; at++) {
    if (wordBegins && buf[at] === letter) return true
    wordBegins = buf[at] === SPACE
  }
  return false
}
