/**
 * Priorities of the processes that a manager starts. A child takes over its manager's raised one;
 * the data path runs at the ordinary one, and a copy that is being filled below it, so that clients
 * of the others do not wait for it. Where the system has no such thing, or forbids it, nothing
 * happens.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'

const { PRIORITY_BELOW_NORMAL, PRIORITY_NORMAL } = constants.priority

export function ownPriority(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    setPriority(pid, PRIORITY_NORMAL)
  } catch {
    // gone already, or not raised in the first place
  }
}

/**
 * Lowers the priority of a process that leads a session of its own. False when that was not done,
 * because it could not be undone.
 */
export function lowerPriority(pid: number): boolean {
  if (!mayRaise()) return false
  prioritize(pid, PRIORITY_BELOW_NORMAL)
  return true
}

/** Undoes {@link lowerPriority}; false when it has to be tried again. */
export function restorePriority(pid: number): boolean {
  return prioritize(pid, PRIORITY_NORMAL)
}

/** Who could raise its own priority may raise those of others. */
function mayRaise(): boolean {
  try {
    return getPriority() < PRIORITY_NORMAL
  } catch {
    return false
  }
}

function prioritize(pid: number, priority: number): boolean {
  try {
    for (const thread of threadsOf(pid)) setPriority(thread, priority)
    // Where sessions share the processor among each other, this is what counts between them.
    writeFileSync(`/proc/${pid}/autogroup`, String(priority))
    return true
  } catch (error) {
    // The system wants a pause between two such changes.
    return !(error instanceof Error && 'code' in error && error.code === 'EAGAIN')
  }
}

/** On Linux each thread has a priority of its own. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return [pid]
  }
}
