/**
 * One item as one line of JSON, for export and import. Pure.
 *
 *   {"key":"a","value":"text","encoding":"utf8","flags":0,"expiresAtMs":0}
 *
 * `encoding` says how `value` is to be read: utf8, or base64 where the bytes are no UTF-8.
 * `keyEncoding` does so for the key and is left out for utf8. `expiresAtMs` is Unix time in ms, 0
 * never. In an import `encoding`, `flags` and `expiresAtMs` may be left out: utf8, 0, 0.
 */
import { isUtf8 } from 'node:buffer'
import type { ShardItem } from '@holdfast/cluster'
import { z } from 'zod'

const encoding = z.enum(['utf8', 'base64'])

const lineSchema = z.strictObject({
  key: z.string().min(1),
  keyEncoding: encoding.default('utf8'),
  value: z.string(),
  encoding: encoding.default('utf8'),
  flags: z.number().int().min(0).max(0xffff_ffff).default(0),
  expiresAtMs: z.number().int().min(0).default(0),
})

/** Raised for a line that is no item. */
export class JsonLineError extends Error {
  readonly code = 'HOLDFAST_JSON_LINE'
}

/** The line of an item, with its end. */
export function lineOf({ key, value, flags, expiresAtMs }: ShardItem): string {
  const keyIsText = isUtf8(key)
  const valueIsText = isUtf8(value)
  const line = {
    key: key.toString(keyIsText ? 'utf8' : 'base64'),
    ...(keyIsText ? {} : { keyEncoding: 'base64' }),
    value: value.toString(valueIsText ? 'utf8' : 'base64'),
    encoding: valueIsText ? 'utf8' : 'base64',
    flags,
    expiresAtMs,
  }
  return `${JSON.stringify(line)}\n`
}

/** The item of a line. Throws {@link JsonLineError}. */
export function itemOfLine(line: string, number: number): ShardItem {
  let parsed: z.infer<typeof lineSchema>
  try {
    parsed = lineSchema.parse(JSON.parse(line))
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new JsonLineError(`line ${number} is no item: ${why.replaceAll('\n', ' ')}`, { cause })
  }
  return {
    key: Buffer.from(parsed.key, parsed.keyEncoding),
    value: Buffer.from(parsed.value, parsed.encoding),
    flags: parsed.flags,
    expiresAtMs: parsed.expiresAtMs,
  }
}

/** Cuts bytes into lines of a bounded length. */
export class LineCutter {
  readonly #bytesMax: number
  #rest: Buffer = Buffer.alloc(0)
  #lines = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Lines cut. */
  get lines(): number {
    return this.#lines
  }

  /** The lines that end in this piece. */
  *cut(piece: Buffer): Generator<string> {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let start = 0
    for (let end = bytes.indexOf(10, start); end >= 0; end = bytes.indexOf(10, start)) {
      this.#lines++
      yield bytes.toString('utf8', start, end)
      start = end + 1
    }
    this.#rest = Buffer.from(bytes.subarray(start))
    if (this.#rest.length > this.#bytesMax) {
      throw new JsonLineError(`line ${this.#lines + 1} is longer than ${this.#bytesMax} bytes`)
    }
  }

  /** A last line without an end. */
  rest(): string | null {
    if (this.#rest.length === 0) return null
    this.#lines++
    return this.#rest.toString('utf8')
  }
}
