// The demo's record on disk: who runs, where its control port is, which processes it has started.
// A second terminal finds the running demo through it, and the next start finds what a killed demo
// left behind.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isProcessOf, killNode } from '../picture/node-processes.ts'

const OWNER_ONLY = 0o600

export interface DemoState {
  readonly pid: number
  readonly controlPort: number
  /** Whoever sends a command must know it: a web page open in a browser does not. */
  readonly token: string
  readonly pids: readonly number[]
  readonly nodeFolders: readonly string[]
}

/** The folder of the demo's state, configuration, logs and data. */
export function demoFolder(root: string): string {
  return join(root, '.holdfast', 'demo')
}

export function readState(root: string): DemoState | undefined {
  try {
    return JSON.parse(readFileSync(statePath(root), 'utf8')) as DemoState
  } catch {
    return undefined
  }
}

export function writeState(root: string, state: DemoState): void {
  mkdirSync(demoFolder(root), { recursive: true })
  writeFileSync(statePath(root), `${JSON.stringify(state, null, 2)}\n`, { mode: OWNER_ONLY })
}

export function removeState(root: string): void {
  rmSync(statePath(root), { force: true })
}

/** Kills what an earlier demo of this checkout left running; returns how many processes. */
export function killLeftovers(root: string, state: DemoState): number {
  const pids = state.pids.filter((pid) => isProcessOf(pid, root))
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  const ofNodes = state.nodeFolders.map((folder) => killNode(folder))
  return ofNodes.reduce((sum, count) => sum + count, pids.length)
}

function statePath(root: string): string {
  return join(demoFolder(root), 'state.json')
}
