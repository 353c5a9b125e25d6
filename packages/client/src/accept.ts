/**
 * From a request to the operations that a backend carries out: one per key. Keyed requests and
 * flush_all only; what a proxy answers itself never gets here.
 */
import type { MemcachedRequest } from '@holdfast/protocol'
import type { Backend } from './backend.ts'
import { Gather } from './gather.ts'
import { Operation, type ReplySlot, type Upstream } from './operation.ts'

/** Submits the request; the returned slot is settled exactly once. The request may be reused. */
export function submitRequest(
  backend: Backend,
  request: MemcachedRequest,
  upstream: Upstream,
  deadlineMs: number,
): ReplySlot {
  if (request.keyCount < 2) {
    const operation = new Operation(upstream, deadlineMs).take(request, 0)
    backend.submit(operation)
    return operation
  }
  const gather = new Gather(upstream, deadlineMs)
  const parts: Operation[] = []
  for (let i = 0; i < request.keyCount; i++) {
    parts.push(new Operation(gather, deadlineMs).take(request, i))
  }
  gather.begin(parts)
  for (const part of parts) {
    // The reply may have been given up for what the parts before it brought.
    if (!part.settled) backend.submit(part)
  }
  return gather
}
