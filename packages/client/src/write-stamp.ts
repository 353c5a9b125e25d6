/**
 * What a backend that keeps items itself gives an operation before it is carried out: the CAS that
 * a write will leave and the time to live in its own clock.
 */
import { CAS_HI_MAX, type CasClock, Extra, ttlFromExptime } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** Prepares an operation that may write. */
export function stampWrite(operation: Operation, clock: CasClock): void {
  const nowMs = Date.now()
  operation.ttlMs = ttlFromExptime(operation.exptime, nowMs)
  if ((operation.extras & Extra.NewCas) !== 0) {
    operation.stampHi = operation.special.newCasHi & CAS_HI_MAX
    operation.stampLo = operation.special.newCasLo
    return
  }
  clock.next(nowMs)
  operation.stampHi = clock.hi
  operation.stampLo = clock.lo
}

/** Time to live in ms of an item that the operation makes because there is none. */
export function vivifyTtlMs(operation: Operation): number {
  return ttlFromExptime(operation.special.vivifyExptime, Date.now())
}

/** Seconds to live below which a recache is due; below 1 never. */
export function recacheSeconds(operation: Operation): number {
  const ttlMs = ttlFromExptime(operation.special.recacheTtlSeconds, Date.now())
  return ttlMs < 0 ? 0 : Math.ceil(ttlMs / 1000)
}
