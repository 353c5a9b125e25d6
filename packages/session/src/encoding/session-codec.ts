/*
 * What a session becomes on its way to the store and back.
 *
 *   attributes, cookie ── content() ──► content   comparable text: equal text, nothing to store
 *   content, times     ── encode() ───► value     encoded, compressed, encrypted, with a header
 *   value              ── decode() ───► envelope and content, or the reason why not
 *
 * Pure but for the random bytes of encryption, and for zlib's threads, where large sessions are
 * compressed: then what comes out is a promise. Decoding never throws: what cannot be read is a
 * value, because the caller must keep it in the store and tell the log, not lose it. Any configured
 * encoding is read, whichever writes. Merging starts from content too, so nobody keeps or clones a
 * second tree of attributes.
 */
import { parseSessionId } from '../session-id.ts'
import { AttributeWatch, type TextOf } from './attribute-watch.ts'
import { BinaryEncoding } from './binary-encoding.ts'
import { type Compressed, type Compression, compress } from './compression.ts'
import { SessionTooLargeError, UnreadableError } from './encoding-errors.ts'
import type { EncryptionSettings } from './encryption-keys.ts'
import type {
  Attributes,
  CookieOverrides,
  EncodingRules,
  Envelope,
  EnvelopeTimes,
  ReadEnvelope,
  SessionContent,
  SessionEncoding,
  SessionParts,
} from './envelope.ts'
import { JSON_ENCODING, JsonEncoding } from './json-encoding.ts'
import { type AttributeResolver, mergeAttributes, mergeCookie } from './merge.ts'
import { SessionCipher } from './session-cipher.ts'
import { hasHeader, type StoredBody, unwrap, wrap } from './stored-form.ts'
import type { SessionConverter } from './tagged-tree.ts'
import type { Transcoder } from './transcoder.ts'

export type { SessionContent } from './envelope.ts'

/** Content of nothing: what is merged with it counts as new. */
export const NO_CONTENT: SessionContent = ''

/** How many times larger than `sessionSizeMax` a session may be before compression. */
export const EXPANSION_MAX = 8

export type Decoded =
  | { ok: true; envelope: Envelope; content: SessionContent }
  | { ok: false; unreadable: string }

/** What is stored beside the content. */
export interface EnvelopeHead extends EnvelopeTimes {
  /** The whole session id; encryption binds its random part. */
  id: string
}

/** An encoding as the options name it. */
export type EncodingChoice =
  | { name: typeof JSON_ENCODING }
  /** `takesAny`: keeps types by itself, so it is given the values as they are. */
  | { name: string; transcoder: Transcoder; takesAny: boolean }

export interface CodecSettings {
  attributeFilter: RegExp | undefined
  mergeAttribute: AttributeResolver | undefined
  /** The first writes, all are read. */
  encodings: readonly EncodingChoice[]
  converters: readonly SessionConverter[]
  compression: Compression | undefined
  encryption: EncryptionSettings | undefined
  sessionBytesMax: number
}

/** Whether session ids carry the id of a node; that can change while the application runs. */
export interface IdForm {
  readonly withNodeIds: boolean
}

export class SessionCodec {
  readonly #settings: CodecSettings
  readonly #idForm: IdForm
  readonly #encodings: ReadonlyMap<string, SessionEncoding>
  readonly #writer: SessionEncoding
  readonly #watchedText: TextOf | undefined
  readonly #cipher: SessionCipher | undefined
  /** Undefined: sessions are written unencrypted. */
  readonly #sealer: SessionCipher | undefined

  constructor(settings: CodecSettings, idForm: IdForm) {
    this.#settings = settings
    this.#idForm = idForm
    const rules: EncodingRules = {
      filter: settings.attributeFilter,
      tags: { converters: settings.converters, nativeBytes: false },
    }
    const json = new JsonEncoding(rules)
    const encodings = settings.encodings.map((choice) =>
      'transcoder' in choice ? new BinaryEncoding(choice.transcoder, rules, choice.takesAny) : json,
    )
    this.#writer = encodings[0] ?? json
    const writer = this.#writer
    if (writer === json) this.#watchedText = (value) => writer.valueText(value)
    this.#encodings = new Map([json, ...encodings].map((encoding) => [encoding.name, encoding]))
    const { encryption } = settings
    this.#cipher = encryption === undefined ? undefined : new SessionCipher(encryption.keys)
    this.#sealer = encryption?.write === true ? this.#cipher : undefined
  }

  /** Watches attributes where their text can be had cheaply. */
  watch(attributes: Attributes): AttributeWatch {
    return new AttributeWatch(attributes, this.#watchedText)
  }

  /** What is compared to find a change. Throws SessionEncodingError. */
  content(attributes: Attributes, cookie: CookieOverrides): SessionContent {
    return this.#writer.content(attributes, cookie)
  }

  /**
   * The bytes to store, a promise of them for a large session that is compressed. Throws or rejects
   * with SessionTooLargeError.
   */
  encode(content: SessionContent, head: EnvelopeHead): Buffer | Promise<Buffer> {
    const body = this.#writer.body(content, head)
    const bodyMax = this.#bodyBytesMax
    if (body.length > bodyMax) throw this.#tooLarge(content, body.length, bodyMax)
    const stored = { encodingName: this.#writer.name, body }
    const { compression } = this.#settings
    const compressed = compression === undefined ? undefined : compress(body, compression)
    if (!(compressed instanceof Promise)) return this.#wrapped(content, head, stored, compressed)
    return compressed.then((small) => this.#wrapped(content, head, stored, small))
  }

  #wrapped(
    content: SessionContent,
    { id }: EnvelopeHead,
    stored: StoredBody,
    compressed: Compressed | undefined,
  ): Buffer {
    const value = wrap(stored, compressed, {
      cipher: this.#sealer,
      sid: this.#sidOf(id),
      bare: stored.encodingName === JSON_ENCODING,
    })
    const valueMax = this.#settings.sessionBytesMax
    if (value.length > valueMax) throw this.#tooLarge(content, value.length, valueMax)
    return value
  }

  /** Never throws nor rejects; a promise for a large session that is compressed. */
  decode(value: Buffer, id: string): Decoded | Promise<Decoded> {
    try {
      const read = this.#read(value, id)
      if (read instanceof Promise) return read.then(decodedOf, undecoded)
      return decodedOf(read)
    } catch (error) {
      return undecoded(error)
    }
  }

  /** A fresh copy of the attributes in `content`. */
  attributesIn(content: SessionContent): Attributes {
    return this.#partsIn(content).attributes
  }

  /**
   * Brings what others stored into `ours`: three-way, per attribute; `base` is the content that
   * `ours` started from. Attributes that are not stored stay as they are.
   */
  merge(ours: Attributes, base: SessionContent, theirs: Attributes): void {
    this.#mergeAttributes(ours, this.attributesIn(base), theirs)
  }

  /** The same for a session as a whole: attributes, and what was changed on its cookie. */
  mergeParts(ours: SessionParts, base: SessionContent, theirs: SessionParts): void {
    const from = this.#partsIn(base)
    this.#mergeAttributes(ours.attributes, from.attributes, theirs.attributes)
    mergeCookie(ours.cookie, { base: from.cookie, theirs: theirs.cookie })
  }

  #partsIn(content: SessionContent): SessionParts {
    return content === NO_CONTENT ? { attributes: {}, cookie: {} } : this.#writer.partsIn(content)
  }

  #mergeAttributes(ours: Attributes, base: Attributes, theirs: Attributes): void {
    const { attributeFilter, mergeAttribute } = this.#settings
    mergeAttributes(ours, {
      base,
      theirs,
      isStored: (name) => attributeFilter?.test(name) ?? true,
      encodeValue: (value) => this.#writer.valueText(value),
      resolve: mergeAttribute,
    })
  }

  #read(value: Buffer, id: string): ReadEnvelope | Promise<ReadEnvelope> {
    if (!hasHeader(value)) {
      this.#refusePlain()
      return this.#readBody(JSON_ENCODING, value)
    }
    const stored = unwrap(value, this.#cipher, {
      sids: this.#boundTo(id),
      bodyBytesMax: this.#bodyBytesMax,
    })
    if (!stored.isEncrypted) this.#refusePlain()
    const { encodingName, body } = stored
    if (!(body instanceof Promise)) return this.#readBody(encodingName, body)
    return body.then((whole) => this.#readBody(encodingName, whole))
  }

  #readBody(encodingName: string, body: Buffer): ReadEnvelope {
    const encoding = this.#encodings.get(encodingName)
    if (encoding === undefined)
      throw new UnreadableError('its encoding is not in option transcoder')
    const read = encoding.read(body)
    if (encoding === this.#writer) return read
    // Another encoding's content says nothing to ours.
    const { attributes, cookie } = read.envelope
    return { envelope: read.envelope, content: this.content(attributes, cookie) }
  }

  /** Otherwise whoever can write to the store could leave the encryption away. */
  #refusePlain(): void {
    if (this.#settings.encryption?.acceptPlain ?? true) return
    throw new UnreadableError('not encrypted, and encryption.acceptPlain is not set')
  }

  #sidOf(id: string): string {
    return parseSessionId(id, this.#idForm.withNodeIds)?.sid ?? id
  }

  /**
   * What a stored value can be bound to: the random part of its id, as ids are read at present, and
   * as they were read before nodes were given ids or lost them.
   */
  #boundTo(id: string): string[] {
    const { withNodeIds } = this.#idForm
    const forms = [withNodeIds, !withNodeIds].map((form) => parseSessionId(id, form)?.sid ?? id)
    return [...new Set(forms)]
  }

  get #bodyBytesMax(): number {
    return EXPANSION_MAX * this.#settings.sessionBytesMax
  }

  #tooLarge(content: SessionContent, bytes: number, bytesMax: number): SessionTooLargeError {
    let largest: [string, number] | undefined
    for (const [name, value] of Object.entries(this.attributesIn(content))) {
      const size = Buffer.byteLength(this.#writer.valueText(value) ?? '')
      if (largest === undefined || size > largest[1]) largest = [name, size]
    }
    return new SessionTooLargeError(bytes, bytesMax, largest)
  }
}

function decodedOf(read: ReadEnvelope): Decoded {
  return { ok: true, ...read }
}

function undecoded(error: unknown): Decoded {
  const unreadable = error instanceof UnreadableError ? error.message : 'cannot be decoded'
  return { ok: false, unreadable }
}
