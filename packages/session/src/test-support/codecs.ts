/*
 * Session codecs with some options, for tests.
 */

import { SessionCodec } from '../encoding/session-codec.ts'
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
  return codec.encode(codec.content(attributes, {}), { id, ...TIMES })
}
