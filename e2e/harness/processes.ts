// What the system knows of other processes, from /proc: children, memory, who owns a connection.
// Linux only; `noProc` says so elsewhere.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Why tests that look at processes cannot run here; false when they can. */
export const noProc: string | false = existsSync('/proc/self/task') ? false : 'no /proc here'

/** The pids of the processes that this one has started. */
export function childPids(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  })
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** Which of the processes has the other end of a loopback connection from `clientPort`. */
export function ownerOf(
  serverPort: number,
  clientPort: number,
  pids: readonly number[],
): number | undefined {
  const ends = [serverPort, clientPort].map((port) => port.toString(16).toUpperCase())
  const [local, remote] = ends.map((port) => `:${port.padStart(4, '0')}`)
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (!fields[1]?.endsWith(local ?? '') || !fields[2]?.endsWith(remote ?? '')) continue
    const link = `socket:[${fields[9]}]`
    return pids.find((pid) => openFiles(pid).includes(link))
  }
  return undefined
}

function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((file) => {
    try {
      return [readlinkSync(`${folder}/${file}`)]
    } catch {
      // Closed since it was listed.
      return []
    }
  })
}
