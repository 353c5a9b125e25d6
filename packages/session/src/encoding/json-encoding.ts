/*
 * Sessions as one JSON text:
 *
 *   {"v":1,"created":1,"lastAccessed":2,"maxInactive":3,"attributes":{...},"cookie":{...}}
 *
 * Version 2 differs in that values may be tagged (tagged-tree.ts); a session without such values is
 * written as version 1. The content is the text from `"attributes"` to before the last brace, so
 * reading gets it by cutting, without encoding anything again.
 */
import { SessionEncodingError, UnreadableError } from './encoding-errors.ts'
import {
  type Attributes,
  type CookieOverrides,
  cookieOverrides,
  type EncodingRules,
  type EnvelopeTimes,
  isRecord,
  isStorable,
  plainAttributes,
  type ReadEnvelope,
  type SessionContent,
  type SessionEncoding,
  type SessionParts,
  taggedAttributes,
} from './envelope.ts'
import { checkDepth, DEPTH_MAX, TAG, type TagSettings } from './tagged-tree.ts'
import { isPlain, toPlain } from './to-plain.ts'

export const JSON_ENCODING = 'json'

export const PLAIN_VERSION = 1
export const TAGGED_VERSION = 2

/** Shorter texts cannot hold a tree that is too deep. */
const SHALLOW_CHARS = 2 * DEPTH_MAX

export class JsonEncoding implements SessionEncoding {
  readonly name: string = JSON_ENCODING
  readonly #rules: EncodingRules
  readonly #tags: TagSettings

  constructor(rules: EncodingRules) {
    this.#rules = rules
    this.#tags = rules.tags
  }

  content(attributes: Attributes, cookie: CookieOverrides): SessionContent {
    const plain = plainAttributes(attributes, this.#rules)
    try {
      return `"attributes":${JSON.stringify(plain)},"cookie":${JSON.stringify(cookie)}`
    } catch (error) {
      throw new SessionEncodingError('?', error)
    }
  }

  body(content: SessionContent, times: EnvelopeTimes): Buffer {
    const version = content.includes(TAG) ? TAGGED_VERSION : PLAIN_VERSION
    return Buffer.from(
      `{"v":${version},"created":${times.createdMs},"lastAccessed":${times.lastAccessedMs},` +
        `"maxInactive":${times.maxInactiveSeconds},${content}}`,
    )
  }

  read(body: Buffer): ReadEnvelope {
    const text = body.toString()
    const json = parsed(text)
    if (!isRecord(json)) throw new UnreadableError('not a JSON object')
    const { v, created, lastAccessed, maxInactive } = json
    if (v !== PLAIN_VERSION && v !== TAGGED_VERSION)
      throw new UnreadableError(`version ${String(v)}`)
    if (typeof created !== 'number' || typeof lastAccessed !== 'number') {
      throw new UnreadableError('times are missing')
    }
    if (typeof maxInactive !== 'number') throw new UnreadableError('maxInactive is missing')
    const isTagged = v === TAGGED_VERSION
    const envelope = {
      createdMs: created,
      lastAccessedMs: lastAccessed,
      maxInactiveSeconds: maxInactive,
      attributes: this.#attributes(json.attributes, isTagged, text.length),
      cookie: cookieOverrides(json.cookie),
    }
    const content = cutContent(text, isTagged) ?? this.content(envelope.attributes, envelope.cookie)
    return { envelope, content }
  }

  partsIn(content: SessionContent): SessionParts {
    const json = parsed(`{${content}}`)
    const { attributes, cookie } = isRecord(json) ? json : {}
    return {
      attributes: this.#attributes(attributes, content.includes(TAG), content.length),
      cookie: cookieOverrides(cookie),
    }
  }

  valueText(value: unknown): string | undefined {
    if (isPlain(value, 0)) return JSON.stringify(value)
    return isStorable(value) ? JSON.stringify(toPlain(value, this.#tags, 0)) : undefined
  }

  #attributes(attributes: unknown, isTagged: boolean, chars: number): Attributes {
    if (!isRecord(attributes)) throw new UnreadableError('attributes are missing')
    if (isTagged) return taggedAttributes(attributes, this.#tags)
    if (chars > SHALLOW_CHARS) checkDepth(attributes, 0)
    return attributes
  }
}

/** The parser's own message would tell a part of the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UnreadableError('not JSON', { cause: error })
  }
}

/**
 * The content as it stands in the text; undefined when it has to be encoded: others may order the
 * text differently, and in version 1 a key `$hf` is the application's own.
 */
function cutContent(text: string, isTagged: boolean): SessionContent | undefined {
  const start = text.indexOf('"attributes":')
  if (text.lastIndexOf('{', start) !== 0 || !text.endsWith('}')) return undefined
  return isTagged || !text.includes(TAG) ? text.slice(start, -1) : undefined
}
