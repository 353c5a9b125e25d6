/**
 * An operation that several pools carry out at once, and the answer when all of them are done.
 */
import type { Fork, Operation } from '@holdfast/client'
import { disguiseCas, poolFailed, succeeded } from './attempts.ts'

/**
 * Answers when all children have an outcome: as the first that did what was asked, else as the
 * first that did not fail, else as the first.
 */
export function answerWithBest(_child: Operation, fork: Fork): void {
  if (fork.unsettled === 0) answerBest(fork)
}

/** Answers when all children have an outcome: with the first failure, else as `answerWithBest`. */
export function answerWithBestOfAll(_child: Operation, fork: Fork): void {
  if (fork.unsettled > 0) return
  const failed = fork.children.find(poolFailed)
  if (failed === undefined) answerBest(fork)
  else fork.answerWith(failed)
}

function answerBest(fork: Fork): void {
  const { children } = fork
  const best =
    children.find(succeeded) ?? children.find((child) => !poolFailed(child)) ?? children[0]
  if (best === undefined) return
  disguiseCas(best, children.indexOf(best))
  fork.answerWith(best)
}
