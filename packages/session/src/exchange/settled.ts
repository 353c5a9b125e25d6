/** What the methods of a session take in the place of a promise. */
export type SettledCallback = (error?: unknown) => void

/**
 * Reports the end of `work` to the callback, in a turn of its own: what it throws is the
 * application's. Undefined then; without a callback the promise is returned.
 */
export function settled(
  work: Promise<void>,
  callback: SettledCallback | undefined,
): Promise<void> | undefined {
  if (callback === undefined) return work
  work.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}
