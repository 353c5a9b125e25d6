/*
 * What a session becomes on its way to the store and back.
 *
 *   content   attributes and cookie overrides as comparable text: equal text, nothing to store
 *   value     the bytes that are stored: content with times, by `encode`
 *
 * Pure. Decoding never throws: what cannot be read is a value, because the caller must keep it in
 * the store and tell the log, not lose it. Merging starts from content too, so nobody keeps or
 * clones a second tree of attributes.
 */
import {
  type Attributes,
  type CookieOverrides,
  decodeEnvelope,
  type Envelope,
  encodeContent,
  encodeEnvelope,
} from './envelope.ts'
import { type AttributeResolver, mergeAttributes } from './merge.ts'

/** Attributes and cookie as they are stored, without times; compare with `===`. */
export type SessionContent = string

/** Content of nothing: what is merged with it counts as new. */
export const NO_CONTENT: SessionContent = ''

export type Decoded =
  | { ok: true; envelope: Envelope; content: SessionContent }
  | { ok: false; unreadable: string }

/** What is stored beside the content. */
export interface EnvelopeHead {
  /** The whole session id; only its random part binds the value. */
  id: string
  createdMs: number
  lastAccessedMs: number
  maxInactiveSeconds: number
}

export interface CodecSettings {
  attributeFilter: RegExp | undefined
  mergeAttribute: AttributeResolver | undefined
}

export class SessionCodec {
  readonly #filter: RegExp | undefined
  readonly #resolve: AttributeResolver | undefined

  constructor(settings: CodecSettings) {
    this.#filter = settings.attributeFilter
    this.#resolve = settings.mergeAttribute
  }

  /** What is compared to find a change. Throws SessionEncodingError. */
  content(attributes: Attributes, cookie: CookieOverrides): SessionContent {
    return encodeContent(attributes, cookie, this.#filter)
  }

  /** The bytes to store. Throws SessionEncodingError and SessionTooLargeError. */
  encode(content: SessionContent, head: EnvelopeHead): Buffer {
    return encodeEnvelope(content, head)
  }

  /** Never throws. `content` is what `content()` says of the unchanged envelope. */
  decode(value: Buffer, _id: string): Decoded {
    const decoded = decodeEnvelope(value)
    if (!decoded.ok) return decoded
    const { envelope } = decoded
    return { ok: true, envelope, content: this.content(envelope.attributes, envelope.cookie) }
  }

  /** A fresh copy of the attributes in `content`. */
  attributesIn(content: SessionContent): Attributes {
    if (content === NO_CONTENT) return {}
    const { attributes } = JSON.parse(`{${content}}`) as { attributes: Attributes }
    return attributes
  }

  /**
   * Brings what others stored into `ours`: three-way, per attribute; `base` is the content that
   * `ours` started from. Attributes that are not stored stay as they are.
   */
  merge(ours: Attributes, base: SessionContent, theirs: Attributes): void {
    mergeAttributes(ours, {
      base: this.attributesIn(base),
      theirs,
      isStored: (name) => this.#filter?.test(name) ?? true,
      encodeValue: (value) => JSON.stringify(value),
      resolve: this.#resolve,
    })
  }
}
