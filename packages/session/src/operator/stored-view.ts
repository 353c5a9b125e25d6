/*
 * A stored session as somebody sees it who has the bytes and not the application's options: how it
 * was written, its times, its attributes. What cannot be read is told in `note`; nothing throws,
 * and nothing that is stored is executed. An encrypted session tells only that it is one.
 *
 * Packages of binary encodings are loaded when the first such session is met.
 */
import { UnreadableError } from '../encoding/encoding-errors.ts'
import { type EnvelopeTimes, isRecord } from '../encoding/envelope.ts'
import { JSON_ENCODING, PLAIN_VERSION, TAGGED_VERSION } from '../encoding/json-encoding.ts'
import { hasHeader, readHeader, unwrap } from '../encoding/stored-form.ts'
import { checkDepth } from '../encoding/tagged-tree.ts'
import { loadCbor, loadMessagePack, type Transcoder } from '../encoding/transcoder.ts'
import { type ShownAttribute, shownAttributes } from './shown-attributes.ts'

export interface StoredView {
  /** `unknown`: not stored by this package. */
  encoding: string
  compressed: boolean
  encrypted: boolean
  /** Undefined where they cannot be read. */
  times: EnvelopeTimes | undefined
  attributes: readonly ShownAttribute[]
  /** Why something is missing. */
  note: string | undefined
}

export const UNKNOWN_ENCODING = 'unknown'
/** Of a value so much has to be there for `isStoredForm`. */
export const FORM_BYTES = 16
/** Attributes of one session that are shown. */
export const ATTRIBUTES_SHOWN_MAX = 500

/** Sizes before compression up to which a value is unpacked. */
export interface ViewBounds {
  bodyBytesMax: number
}

interface Body {
  times: EnvelopeTimes
  attributes: readonly ShownAttribute[]
  note?: string
}

const TIMES_BYTES = 24
const JSON_FORM = /^\{"v":[12],"crea/

/** Whether a value begins as this package writes sessions. */
export function isStoredForm(head: Buffer): boolean {
  if (JSON_FORM.test(head.toString('latin1', 0, FORM_BYTES))) return true
  return hasHeader(head) && head[1] === 0x48 && head[2] === 0x46 && head[3] === 1
}

/** Never rejects. */
export async function viewStored(value: Buffer, bounds: ViewBounds): Promise<StoredView> {
  const view: StoredView = {
    encoding: UNKNOWN_ENCODING,
    compressed: false,
    encrypted: false,
    times: undefined,
    attributes: [],
    note: undefined,
  }
  try {
    if (!isStoredForm(value)) {
      view.note = 'not stored by the session manager'
      return view
    }
    await readInto(view, value, bounds)
  } catch (error) {
    view.note = error instanceof UnreadableError ? error.message : 'cannot be decoded'
  }
  return view
}

async function readInto(view: StoredView, value: Buffer, bounds: ViewBounds): Promise<void> {
  if (!hasHeader(value)) {
    view.encoding = JSON_ENCODING
    if (value.length > bounds.bodyBytesMax) throw tooLarge(value.length, bounds)
    take(view, jsonBody(value))
    return
  }
  const header = readHeader(value)
  view.encoding = header.encodingName
  view.compressed = header.compression !== 0
  view.encrypted = header.isEncrypted
  if (header.isEncrypted) throw new UnreadableError('encrypted: the key is the application’s')
  if (header.bodyBytes > bounds.bodyBytesMax) throw tooLarge(header.bodyBytes, bounds)
  const body = await unwrap(value, undefined, { sids: [], ...bounds }).body
  const isJson = header.encodingName === JSON_ENCODING
  take(view, isJson ? jsonBody(body) : binaryBody(header.encodingName, body))
}

function take(view: StoredView, { times, attributes, note }: Body): void {
  view.times = times
  view.attributes = attributes.slice(0, ATTRIBUTES_SHOWN_MAX)
  const isCut = attributes.length > ATTRIBUTES_SHOWN_MAX
  view.note = isCut ? `${attributes.length} attributes, the first are shown` : note
}

function jsonBody(body: Buffer): Body {
  const json = parsed(body)
  if (!isRecord(json)) throw new UnreadableError('not a JSON object')
  const { v, created, lastAccessed, maxInactive, attributes } = json
  if (v !== PLAIN_VERSION && v !== TAGGED_VERSION) throw new UnreadableError('version unknown')
  const times = {
    createdMs: created,
    lastAccessedMs: lastAccessed,
    maxInactiveSeconds: maxInactive,
  }
  if (!areTimes(times)) throw new UnreadableError('times are missing')
  if (!isRecord(attributes)) throw new UnreadableError('attributes are missing')
  checkDepth(attributes, 0)
  return { times, attributes: shownAttributes(attributes, v === TAGGED_VERSION) }
}

function binaryBody(name: string, body: Buffer): Body {
  if (body.length < TIMES_BYTES) throw new UnreadableError('cut short')
  const times = {
    createdMs: body.readDoubleBE(0),
    lastAccessedMs: body.readDoubleBE(8),
    maxInactiveSeconds: body.readDoubleBE(16),
  }
  if (!areTimes(times)) throw new UnreadableError('times are missing')
  const transcoder = transcoderOf(name)
  if (typeof transcoder === 'string') return { times, attributes: [], note: transcoder }
  try {
    const tree = transcoder.decode(body.subarray(TIMES_BYTES))
    if (!isRecord(tree) || !isRecord(tree.attributes)) {
      return { times, attributes: [], note: 'attributes are missing' }
    }
    return { times, attributes: shownAttributes(tree.attributes, true) }
  } catch (error) {
    const note = error instanceof UnreadableError ? error.message : 'cannot be decoded'
    return { times, attributes: [], note }
  }
}

function areTimes(times: Record<keyof EnvelopeTimes, unknown>): times is EnvelopeTimes {
  return Object.values(times).every((value) => Number.isFinite(value))
}

const LOADERS: Readonly<Record<string, () => Transcoder>> = {
  msgpackr: loadMessagePack,
  cbor: loadCbor,
}
const loaded = new Map<string, Transcoder | string>()

/** The transcoder of a name, or why there is none. */
function transcoderOf(name: string): Transcoder | string {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined
  if (load === undefined) return 'written by a transcoder of the application’s own'
  const known = loaded.get(name)
  if (known !== undefined) return known
  const transcoder = tried(load, name)
  loaded.set(name, transcoder)
  return transcoder
}

function tried(load: () => Transcoder, name: string): Transcoder | string {
  try {
    return load()
  } catch {
    return `written with the package for ${name}, which is not installed on this node`
  }
}

/** The parser's own message would tell a part of the text. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw new UnreadableError('not JSON', { cause: error })
  }
}

function tooLarge(bytes: number, { bodyBytesMax }: ViewBounds): UnreadableError {
  return new UnreadableError(`${bytes} bytes; ${bodyBytesMax} are unpacked here`)
}
