// The engines of a local store as processes: the pids of those that are primaries.
import { readFileSync } from 'node:fs'
import type { LocalStore } from '../../packages/holdfast/src/picture/local-store.ts'
import { nodePids } from '../../packages/holdfast/src/picture/node-processes.ts'
import { StoreAdmin } from './store-admin.ts'

/** One pid for each shard whose primary runs. */
export function primaryPids(store: LocalStore): number[] {
  const admin = new StoreAdmin(store)
  const nodes = store.nodes.filter(({ number }) => store.isUp(number))
  return nodes.flatMap((node) => {
    const { primaries } = admin.enginesOn(node)
    return nodePids(node.dataFolder).filter((pid) => primaries.includes(portOf(pid)))
  })
}

/** The port of an engine, from its process title; NaN of any other process. */
function portOf(pid: number): number {
  try {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return Number(/:(\d+) \[cluster\]/.exec(title)?.[1])
  } catch {
    return Number.NaN
  }
}
