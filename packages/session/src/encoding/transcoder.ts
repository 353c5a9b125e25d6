/*
 * What turns a session into bytes when it is not JSON: MessagePack (npm package `msgpackr`), CBOR
 * (`cbor-x`), or the application's own object. The two packages are optional peers, loaded when the
 * options name them and never because of what is stored.
 *
 * They see plain trees only (tagged-tree.ts), and bytes are looked over before they decode them.
 */
import { createRequire } from 'node:module'
import { cborFault } from './cbor-check.ts'
import { UnreadableError } from './encoding-errors.ts'
import { messagePackFault } from './message-pack-check.ts'
import { DEPTH_MAX } from './tagged-tree.ts'

/** Encodes and decodes one value, `{attributes, cookie}`. */
export interface Transcoder {
  /** Stored with each session: 1 to 32 letters, digits, `_`, `.` or `-`. */
  name: string
  /** The same value must give the same bytes, or every request looks like a change. */
  encode(value: unknown): Uint8Array
  /** Must not execute what it decodes. What it throws makes the session unreadable. */
  decode(bytes: Uint8Array): unknown
}

/** The wrapper `{attributes, cookie}` is one level more. */
const WIRE_DEPTH_MAX = DEPTH_MAX + 2

/** Throws when the package `msgpackr` is not installed. */
export function loadMessagePack(): Transcoder {
  const { Packr } = load('msgpackr')
  if (typeof Packr !== 'function') throw missing('msgpackr', undefined)
  const packr = new (Packr as LibraryClass)({ useRecords: false, copyBuffers: true })
  return checked('msgpackr', packr, messagePackFault)
}

/** Throws when the package `cbor-x` is not installed. */
export function loadCbor(): Transcoder {
  const { Encoder } = load('cbor-x')
  if (typeof Encoder !== 'function') throw missing('cbor-x', undefined)
  const options = { useRecords: false, tagUint8Array: false, copyBuffers: true }
  return checked('cbor', new (Encoder as LibraryClass)(options), cborFault)
}

type LibraryClass = new (options: object) => Omit<Transcoder, 'name'>

function checked(
  name: string,
  library: Omit<Transcoder, 'name'>,
  faultOf: (bytes: Uint8Array, depthMax: number) => string | undefined,
): Transcoder {
  return {
    name,
    encode: (value) => library.encode(value),
    decode: (bytes) => {
      const fault = faultOf(bytes, WIRE_DEPTH_MAX)
      if (fault !== undefined) throw new UnreadableError(fault)
      return library.decode(bytes)
    },
  }
}

const require = createRequire(import.meta.url)

function load(name: string): Record<string, unknown> {
  try {
    return require(name) as Record<string, unknown>
  } catch (error) {
    throw missing(name, error)
  }
}

function missing(name: string, cause: unknown): TypeError {
  return new TypeError(`option transcoder needs the package ${name}: npm install ${name}`, {
    cause,
  })
}
