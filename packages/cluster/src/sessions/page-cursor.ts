/**
 * Where a page of a bucket's items ends: shard, the member whose copy was read, its engine's
 * cursor, and how many keys of the portion there were taken. An engine's cursor means nothing to
 * another engine, so the shard begins anew when that copy is gone: items may be shown twice then,
 * none is left out. Pure.
 */
import { CursorError } from './session-browser.ts'

export interface PageCursor {
  shard: number
  /** 0: any. */
  member: number
  scan: string
  skip: number
}

export const FIRST_PAGE: PageCursor = { shard: 0, member: 0, scan: '0', skip: 0 }

const CURSOR = /^(\d{1,4})\.(\d{1,9})\.(\d{1,20})\.(\d{1,6})$/

/** The text that `start` takes. */
export function cursorText({ shard, member, scan, skip }: PageCursor): string {
  return `${shard}.${member}.${scan}.${skip}`
}

/** Throws {@link CursorError}. */
export function parseCursor(text: string | undefined): PageCursor {
  if (text === undefined || text === '') return FIRST_PAGE
  const match = CURSOR.exec(text)
  if (match === null) throw new CursorError('start is not the next of another page')
  const [shard, member, , skip] = match.slice(1).map(Number)
  return { shard: shard ?? 0, member: member ?? 0, scan: match[3] ?? '0', skip: skip ?? 0 }
}
