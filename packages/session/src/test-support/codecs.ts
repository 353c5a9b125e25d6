/*
 * Session codecs with some options, for tests.
 */

import assert from 'node:assert/strict'
import {
  type Decoded,
  type EnvelopeHead,
  SessionCodec,
  type SessionContent,
} from '../encoding/session-codec.ts'
import { parseEncodingOptions } from '../encoding-options.ts'
import type { SessionOptions } from '../options.ts'

export const TIMES: { createdMs: number; lastAccessedMs: number; maxInactiveSeconds: number } = {
  createdMs: 1,
  lastAccessedMs: 2,
  maxInactiveSeconds: 3,
}

export function codecWith(
  options: Partial<SessionOptions> = {},
  attributeFilter?: RegExp,
): SessionCodec {
  const given = new Map<string, unknown>(Object.entries(options))
  return new SessionCodec(
    { ...parseEncodingOptions(given), attributeFilter },
    { withNodeIds: true },
  )
}

/** What is stored for the attributes. */
export function stored(
  codec: SessionCodec,
  attributes: Record<string, unknown>,
  id = 'sid-n1',
): Buffer {
  return encodeNow(codec, codec.content(attributes, {}), { id, ...TIMES })
}

/** For sessions that are too small to be compressed beside the event loop. */
export function encodeNow(
  codec: SessionCodec,
  content: SessionContent,
  head: EnvelopeHead,
): Buffer {
  const value = codec.encode(content, head)
  assert.ok(!(value instanceof Promise))
  return value
}

export function decodeNow(codec: SessionCodec, value: Buffer, id: string): Decoded {
  const decoded = codec.decode(value, id)
  assert.ok(!(decoded instanceof Promise))
  return decoded
}
