/** A child takes over its manager's raised priority; the data path runs at the ordinary one. */
import { constants, setPriority } from 'node:os'

export function ownPriority(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    setPriority(pid, constants.priority.PRIORITY_NORMAL)
  } catch {
    // gone already, or not raised in the first place
  }
}
