// What a test run leaves behind, found by the run's own folder for temporary files: a process that
// works in it, names it, or was given it. Engines overwrite their environment, but work in it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** A process that has been asked to end has this long. */
const ENDING_TIMEOUT_MS = 5000
const POLL_MS = 50

/** Ends the processes that stay; returns the command line of each. None where there is no /proc. */
export async function endProcessesIn(folder, timeoutMs = ENDING_TIMEOUT_MS) {
  const deadlineMs = performance.now() + timeoutMs
  let pids = processesIn(folder)
  while (pids.length > 0 && performance.now() < deadlineMs) {
    await delay(POLL_MS)
    pids = processesIn(folder)
  }
  const commands = pids.map((pid) => read(pid, 'cmdline').replaceAll('\0', ' ').trim())
  for (const pid of pids) kill(pid)
  return commands
}

function processesIn(folder) {
  return pidsOfAll().filter((pid) => {
    if (pid === process.pid) return false
    return (
      workingFolder(pid).startsWith(folder) ||
      read(pid, 'cmdline').includes(folder) ||
      read(pid, 'environ').includes(`TMPDIR=${folder}\0`)
    )
  })
}

function pidsOfAll() {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function workingFolder(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

function read(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // gone in between
  }
}
