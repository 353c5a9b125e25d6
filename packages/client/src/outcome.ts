// What an operation can come to. In a file of its own, below everything that decides or writes it.

/** What became of an operation. */
export const Outcome = {
  Pending: 0,
  Stored: 1,
  NotStored: 2,
  Exists: 3,
  NotFound: 4,
  Deleted: 5,
  Touched: 6,
  Ok: 7,
  Hit: 8,
  Miss: 9,
  Counted: 10,
  /** The client's mistake: `line` says which. */
  Refused: 11,
  /** The store's or the proxy's trouble: `line` says which. */
  Failed: 12,
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/** What is known of a found item beside its bytes, as bits of `resultMarks`. */
export const ItemMark = {
  /** This request won the right to fill the item again. Meta W. */
  Won: 1,
  /** Marked as stale by an invalidation. Meta X. */
  Stale: 2,
  /** Somebody else has won. Meta Z. */
  WonBefore: 4,
  /** Was read before. Meta h. */
  Read: 8,
  /** Made by this request. Meta N, binary initial value. */
  Vivified: 16,
} as const
