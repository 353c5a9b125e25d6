/** Whether a process is there, by the kernel's word. Acts on nothing. */
import { readFileSync } from 'node:fs'

/** Place of the number of threads in `/proc/PID/stat`, counted from the state on. */
const THREADS_FIELD = 17

/** Whether anything of the process still runs; a dead one that nobody has reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !hasEnded(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return true
  }
}

/**
 * Reads `/proc/PID/stat`. The state is that of the first thread alone: while another thread is on
 * its way out, the process still holds its files, ports and working folder.
 */
export function hasEnded(stat: string): boolean {
  // The name before the last parenthesis may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' && Number(fields[THREADS_FIELD]) <= 1
}
