// The processor time of processes.
import { readdirSync, readFileSync } from 'node:fs'

const NANOSECONDS_PER_US = 1000

/** Time on CPU of all threads of the processes together, kernel included. */
export function cpuMicroseconds(...pids: readonly number[]): number {
  let nanoseconds = 0
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const [spent = '0'] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')
      nanoseconds += Number(spent)
    }
  }
  return nanoseconds / NANOSECONDS_PER_US
}
