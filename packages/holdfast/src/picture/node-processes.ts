// The processes of one store node, found through the pid files that it keeps in its data folder:
// the manager first, then the gateway and the engines. Engines outlive their manager by design, so
// whoever wants a whole node dead has to name each of them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** The pids of a node's living processes, the manager's first. */
export function nodePids(dataFolder: string): number[] {
  const folder = join(dataFolder, 'run')
  return pidFiles(folder)
    .sort((a, b) => Number(b === 'manager.pid') - Number(a === 'manager.pid'))
    .map((file) => readPid(join(folder, file)))
    .filter((pid) => isProcessOf(pid, dataFolder))
}

/** `kill -9` of every process of the node in one turn; returns how many there were. */
export function killNode(dataFolder: string): number {
  return signalNode(dataFolder, 'SIGKILL')
}

/** Sends a signal to every process of the node; returns how many there were. */
export function signalNode(dataFolder: string, name: NodeJS.Signals): number {
  const pids = nodePids(dataFolder)
  for (const pid of pids) signal(pid, name)
  return pids.length
}

/** Whether the process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  const state = procFile(pid, 'stat')?.match(/\) (\S)/)?.[1]
  return state === undefined ? signal(pid, 0) : state !== 'Z' && state !== 'X'
}

/**
 * Whether a recorded pid is still the process that was recorded. Its number may have gone to a
 * stranger since, to another node's process even: the command line or the working folder must lead
 * into `folder`. Where there is no /proc the record is believed.
 */
export function isProcessOf(pid: number, folder: string): boolean {
  if (pid <= 1 || !isAlive(pid)) return false
  const commandLine = procFile(pid, 'cmdline')
  if (commandLine === undefined) return true
  return [commandLine, workingFolder(pid) ?? ''].some((text) => leadsInto(text, folder))
}

/** `/data/node1` does not lead into `/data/node10`. */
function leadsInto(text: string, folder: string): boolean {
  return `${text}\0`.replaceAll('\0', '/').includes(`${folder}/`)
}

function pidFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith('.pid'))
  } catch {
    return []
  }
}

function readPid(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || 0
  } catch {
    return 0
  }
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return undefined
  }
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
