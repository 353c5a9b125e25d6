/**
 * The reads of the embedded store: plain gets, gets that touch, and what meta commands ask beyond
 * (make a missing item, recache, time to live, marks). Pure, like embedded-items.ts.
 */
import {
  Dialect,
  Extra,
  ITEM_READ,
  ITEM_STALE,
  ITEM_WON,
  Op,
  stampTimeMs,
} from '@holdfast/protocol'
import {
  type EmbeddedItem,
  itemBytes,
  marksOf,
  ownCas,
  withMarks,
  withTtl,
} from './embedded-item.ts'
import { stepsOf } from './meta-steps.ts'
import type { Operation } from './operation.ts'
import { ItemMark, Outcome } from './outcome.ts'
import { itemMarks, keepItem } from './result-item.ts'
import { recacheSeconds, vivifyTtlMs } from './write-stamp.ts'

/** Decides a read; returns the item that is there afterwards, `current` when nothing changes. */
export function read(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  const { kind, extras } = operation
  if (operation.dialect === Dialect.Meta) return readMeta(operation, current, nowMs)
  if (current === undefined) {
    operation.decide(Outcome.Miss)
    return current
  }
  keepItem(operation, current.bytes, 0, current.bytes.length)
  operation.decide(Outcome.Hit)
  const touches = kind === Op.Gat || kind === Op.Gats || (extras & Extra.Touch) !== 0
  return touches ? withTtl(current, operation.ttlMs, nowMs) : current
}

/** Decides a touch; the CAS stays and is the answer. */
export function touch(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  if (current === undefined) {
    operation.decide(Outcome.NotFound)
    return current
  }
  keepItem(operation, current.bytes, 0, current.bytes.length)
  operation.decide(Outcome.Touched)
  return withTtl(current, operation.ttlMs, nowMs)
}

/** What the steps of a command came to. */
export interface Walk {
  /** The item with its expiry after all steps. */
  item: EmbeddedItem | undefined
  won: boolean
}

/** Carries out the steps (meta-steps.ts) on an item; sets the time to live of the result. */
export function walkSteps(
  operation: Operation,
  item: EmbeddedItem,
  created: boolean,
  nowMs: number,
): Walk {
  const leftBefore = item.expiresAtMs === 0 ? -1 : item.expiresAtMs - nowMs
  const claimable = !created && (marksOf(item) & ITEM_WON) === 0
  let leftMs = leftBefore
  let shownMs = leftBefore
  let won = false
  for (const step of stepsOf(operation)) {
    if (step === 'T') {
      leftMs = operation.ttlMs
    } else if (step === 'N' && created) {
      leftMs = vivifyTtlMs(operation)
      won = true
    } else if (step === 'R' && claimable && leftMs >= 0) {
      won ||= Math.ceil(leftMs / 1000) < recacheSeconds(operation)
    } else if (step === 't') {
      shownMs = leftMs
    }
  }
  operation.resultTtlSeconds = shownMs < 0 ? -1 : Math.ceil(shownMs / 1000)
  return { item: leftMs === leftBefore ? item : withTtl(item, leftMs, nowMs), won }
}

function readMeta(
  operation: Operation,
  current: EmbeddedItem | undefined,
  nowMs: number,
): EmbeddedItem | undefined {
  const { extras, kind } = operation
  if (current === undefined && (extras & Extra.Vivify) === 0) {
    operation.decide(Outcome.Miss)
    return current
  }
  const created = current === undefined
  const found = current ?? { bytes: itemBytes(0, ownCas(operation), []), expiresAtMs: 0 }
  const marks = marksOf(found)
  keepItem(operation, found.bytes, 0, found.bytes.length)
  operation.decide(Outcome.Hit)
  const walk = walkSteps(operation, found, created, nowMs)
  if (kind === Op.Debug) {
    operation.resultTtlSeconds =
      found.expiresAtMs === 0 ? -1 : Math.ceil((found.expiresAtMs - nowMs) / 1000)
  }
  const unclaimed = (marks & ITEM_STALE) !== 0 && (marks & ITEM_WON) === 0
  const won = walk.won || (unclaimed && kind !== Op.Debug)
  operation.resultMarks =
    itemMarks(marks) | (won ? ItemMark.Won : 0) | (created ? ItemMark.Vivified : 0)
  operation.resultAccessSeconds = secondsSinceStored(operation, nowMs)
  const counts = (extras & BY_FUNCTION) !== 0 && (extras & Extra.NoAccess) === 0
  const marksAfter = marks | (won ? ITEM_WON : 0) | (counts ? ITEM_READ : 0)
  if (marksAfter === marks || walk.item === undefined) return walk.item
  return withMarks(walk.item, marksAfter)
}

/** Reads are not written down, so the last access that is known is the write, if its time is. */
function secondsSinceStored(operation: Operation, nowMs: number): number {
  const storedMs = stampTimeMs(operation.resultCasHi, operation.resultCasLo)
  return storedMs < FIRST_STAMP_MS ? 0 : Math.max(0, Math.floor((nowMs - storedMs) / 1000))
}

/** No clock's stamp is older; a client's own CAS mostly looks so. */
const FIRST_STAMP_MS: number = Date.UTC(2026, 10, 1)

/** The reads that count as such: those that an engine serves by its function. */
const BY_FUNCTION: number =
  Extra.Touch | Extra.Vivify | Extra.Recache | Extra.WantTtl | Extra.WantAccess
