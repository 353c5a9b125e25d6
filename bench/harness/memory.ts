// The resident memory of processes, and the moment at which it has settled.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const SAMPLE_INTERVAL_MS = 250
const SAMPLES_ALIKE = 4
const ALIKE_SHARE = 0.005
const SETTLE_MS_MAX = 15_000

/** Resident bytes of all the processes together. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return sum + Number(kilobytes?.[1] ?? 0) * 1024
  }, 0)
}

/** Resident bytes once they have not changed for a second, or after 15 seconds of changing. */
export async function settledBytes(
  pids: () => readonly number[],
  signal: AbortSignal,
): Promise<number> {
  let recent: number[] = []
  for (let waitedMs = 0; waitedMs < SETTLE_MS_MAX; waitedMs += SAMPLE_INTERVAL_MS) {
    recent = [...recent.slice(1 - SAMPLES_ALIKE), residentBytes(pids())]
    const most = Math.max(...recent)
    if (recent.length === SAMPLES_ALIKE && most - Math.min(...recent) < most * ALIKE_SHARE) break
    await delay(SAMPLE_INTERVAL_MS, undefined, { signal })
  }
  return recent.at(-1) ?? 0
}
