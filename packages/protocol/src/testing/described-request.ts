// A request as text, with everything that it says, so that two parses can be compared.
import type { MemcachedRequest } from '../request.ts'

/** Every field that means something. */
export function describeRequest(request: MemcachedRequest): string {
  const { buf, keyCount, keyStarts, keyEnds, special, ...rest } = request
  const { valueStart, valueEnd, metaStart, metaEnd, extras, delta, ...plain } = rest
  const keys = Array.from({ length: keyCount }, (_, i) => {
    return buf.toString('latin1', keyStarts[i], keyEnds[i])
  })
  const parts = {
    ...plain,
    keys,
    extras,
    delta: String(delta),
    special: extras === 0 ? '' : { ...special, initial: String(special.initial) },
    value: buf.toString('latin1', valueStart, valueEnd),
    meta: plain.dialect === 1 ? buf.toString('latin1', metaStart, metaEnd) : '',
  }
  return JSON.stringify(parts)
}
