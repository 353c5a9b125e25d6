// The engines of a local store as processes: which one is the primary of a shard, and its pid.
import { readFileSync } from 'node:fs'
import type { LocalStore } from '../../packages/holdfast/src/picture/local-store.ts'
import { nodePids } from '../../packages/holdfast/src/picture/node-processes.ts'

const REQUEST_TIMEOUT_MS = 2000

interface ProxyConfig {
  readonly holdfast: { readonly shards: readonly { readonly primary: string | null }[] }
}

/** The pids of the engines that are primaries now, one for each shard that has one. */
export async function primaryPids(store: LocalStore, authorization: string): Promise<number[]> {
  const pids = new Map<number, number>()
  for (const node of store.nodes.filter(({ number }) => store.isUp(number))) {
    for (const pid of nodePids(node.dataFolder)) {
      const port = Number(/:(\d+) \[cluster\]/.exec(commandLine(pid))?.[1])
      if (Number.isInteger(port)) pids.set(port, pid)
    }
  }
  const { holdfast } = await configOf(store, authorization)
  return holdfast.shards.flatMap(({ primary }) => {
    const pid = pids.get(Number(primary?.split(':')[1]))
    return pid === undefined ? [] : [pid]
  })
}

/** The bucket as proxies are told it, from the first node that answers. */
async function configOf(store: LocalStore, authorization: string): Promise<ProxyConfig> {
  for (const { host, ports, isArbiter } of store.nodes) {
    if (isArbiter) continue
    try {
      const response = await fetch(`http://${host}:${ports.rest}/pools/default/buckets/default`, {
        headers: { authorization, 'x-holdfast-proxy': 'test' },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      if (response.ok) return (await response.json()) as ProxyConfig
    } catch {
      // A node that is down is passed over.
    }
  }
  throw new Error('no node tells the bucket')
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
