/**
 * The steps that change or show an item's expiry, in the order in which a meta command names them:
 * memcached carries out T (touch), N (vivify), R (recache) and t (show) as it meets them, so
 * `t T30` shows the old time to live and `T30 t` the new.
 */
import { Dialect, Extra } from '@holdfast/protocol'
import type { Operation } from './operation.ts'

/** The letters T, N, R and t of the operation, in order. */
export function stepsOf(operation: Operation): string {
  const { extras } = operation
  if (operation.dialect !== Dialect.Meta) {
    return ((extras & Extra.Vivify) !== 0 ? 'N' : '') + ((extras & Extra.Touch) !== 0 ? 'T' : '')
  }
  if ((extras & STEPPING) === 0) return ''
  const { buf, metaStart, metaEnd } = operation
  let steps = ''
  let atWordStart = true
  for (let at = metaStart; at < metaEnd; at++) {
    const byte = buf[at] ?? SPACE
    if (atWordStart && (byte === 84 || byte === 78 || byte === 82 || byte === 116)) {
      steps += String.fromCharCode(byte)
    }
    atWordStart = byte === SPACE
  }
  return steps
}

const SPACE = 32
const STEPPING: number = Extra.Touch | Extra.Vivify | Extra.Recache | Extra.WantTtl
