/*
 * Sessions in the bytes of a transcoder:
 *
 *   0   float64  created, milliseconds since 1970 (big endian, like the others)
 *   8   float64  last accessed, milliseconds since 1970
 *   16  float64  max inactive, seconds
 *   24  bytes    {attributes, cookie} as the transcoder writes it
 *
 * The content is those last bytes, one character each: text compares fast and is kept in memory
 * in one byte a character.
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
  storedAttributes,
  taggedAttributes,
} from './envelope.ts'
import { toPlain } from './to-plain.ts'
import type { Transcoder } from './transcoder.ts'

const TIMES_BYTES = 24

export class BinaryEncoding implements SessionEncoding {
  readonly name: string
  readonly #transcoder: Transcoder
  readonly #rules: EncodingRules
  readonly #takesAny: boolean

  /** `takesAny`: the transcoder keeps types by itself and is given the values as they are. */
  constructor(transcoder: Transcoder, rules: EncodingRules, takesAny: boolean) {
    this.name = transcoder.name
    this.#transcoder = transcoder
    this.#rules = { ...rules, tags: { ...rules.tags, nativeBytes: true } }
    this.#takesAny = takesAny
  }

  content(attributes: Attributes, cookie: CookieOverrides): SessionContent {
    const stored = this.#takesAny
      ? storedAttributes(attributes, this.#rules.filter)
      : plainAttributes(attributes, this.#rules)
    try {
      return this.#text({ attributes: stored, cookie })
    } catch (error) {
      throw new SessionEncodingError(this.#culprit(stored), error)
    }
  }

  body(content: SessionContent, times: EnvelopeTimes): Buffer {
    const body = Buffer.allocUnsafe(TIMES_BYTES + content.length)
    body.writeDoubleBE(times.createdMs, 0)
    body.writeDoubleBE(times.lastAccessedMs, 8)
    body.writeDoubleBE(times.maxInactiveSeconds, 16)
    body.write(content, TIMES_BYTES, 'latin1')
    return body
  }

  read(body: Buffer): ReadEnvelope {
    if (body.length < TIMES_BYTES) throw new UnreadableError('cut short')
    const times = [body.readDoubleBE(0), body.readDoubleBE(8), body.readDoubleBE(16)] as const
    if (!times.every(Number.isFinite)) throw new UnreadableError('times are missing')
    const [createdMs, lastAccessedMs, maxInactiveSeconds] = times
    const bytes = body.subarray(TIMES_BYTES)
    const { attributes, cookie } = this.#decode(bytes)
    return {
      envelope: { createdMs, lastAccessedMs, maxInactiveSeconds, attributes, cookie },
      content: bytes.toString('latin1'),
    }
  }

  partsIn(content: SessionContent): SessionParts {
    return this.#decode(Buffer.from(content, 'latin1'))
  }

  valueText(value: unknown): string | undefined {
    if (!isStorable(value)) return undefined
    if (!this.#takesAny) return this.#text(toPlain(value, this.#rules.tags, 0))
    // Not every library encodes a fresh value and a decoded one alike (node:v8 does not).
    return this.#text(this.#transcoder.decode(Buffer.from(this.#text(value), 'latin1')))
  }

  #text(value: unknown): string {
    const bytes: unknown = this.#transcoder.encode(value)
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`transcoder ${this.name} did not encode to a Uint8Array`)
    }
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  }

  #decode(bytes: Buffer): SessionParts {
    const value = this.#transcoder.decode(bytes)
    if (!isRecord(value) || !isRecord(value.attributes))
      throw new UnreadableError('attributes are missing')
    const { attributes, cookie } = value
    return {
      attributes: this.#takesAny ? attributes : taggedAttributes(attributes, this.#rules.tags),
      cookie: cookieOverrides(cookie),
    }
  }

  #culprit(attributes: Attributes): string {
    for (const [name, value] of Object.entries(attributes)) {
      try {
        this.#text(value)
      } catch {
        return name
      }
    }
    return '?'
  }
}
