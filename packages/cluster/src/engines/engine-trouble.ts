/**
 * What an engine's log and figures say about why it cannot work, and what may be done about it
 * without a person. Pure. What a person can do: docs/guides/engine-troubles.md.
 */
import type { EngineTrouble } from '../membership/messages.ts'
import type { InstanceDuty } from './start-policy.ts'

/** First match wins: a full disk is the cause where a damaged file is the effect. */
const LOG_SIGNS: readonly [RegExp, EngineTrouble][] = [
  [/No space left on device|unable to write command to disk/i, 'diskFull'],
  [/corrupted cluster config file/i, 'nodesDamaged'],
  [/Address already in use|cluster configuration file .* is already used/i, 'portTaken'],
  [
    /Bad file format reading the append only file|Unexpected end of file reading the append only/i,
    'dataDamaged',
  ],
  [/Unrecoverable error reading the append only file|AOF manifest/i, 'dataDamaged'],
  [
    /Short read or OOM loading DB|Internal error in RDB reading|Wrong RDB|Bad signature/i,
    'dataDamaged',
  ],
  [/Unable to obtain the AOF file|The AOF file .* doesn't exist/i, 'dataDamaged'],
]

/** Why an engine has ended, by what it wrote since it was started. */
export function troubleInLog(text: string): EngineTrouble | null {
  return LOG_SIGNS.find(([sign]) => sign.test(text))?.[1] ?? null
}

/** Whether a file could not be written for want of room. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC'
}

/** Refusing items begins a little before the last byte is used. */
const MEMORY_FULL_SHARE = 0.99

/** Trouble of an engine that serves, by its INFO; `outOfMemoryBefore` is the count last seen. */
export function troubleInInfo(
  info: ReadonlyMap<string, string>,
  outOfMemoryBefore: number,
): EngineTrouble | null {
  if (info.get('aof_last_write_status') === 'err') return 'diskFull'
  const memoryBytesMax = Number(info.get('maxmemory') ?? 0)
  const isFull = Number(info.get('used_memory') ?? 0) >= memoryBytesMax * MEMORY_FULL_SHARE
  const refuses = info.get('maxmemory_policy') === 'noeviction'
  if (memoryBytesMax > 0 && refuses && isFull) return 'memoryFull'
  return outOfMemoryErrors(info) > outOfMemoryBefore ? 'memoryFull' : null
}

/** Commands refused for want of memory since the engine's start. */
export function outOfMemoryErrors(info: ReadonlyMap<string, string>): number {
  return Number(/count=(\d+)/.exec(info.get('errorstat_OOM') ?? '')?.[1] ?? 0)
}

/** What an engine's folder needs before the engine can be started. */
export type Repair =
  /** Remove everything: it comes back as a stranger and is filled by the primary. */
  | 'removeAll'
  /** Remove the append-only file: it comes back as itself and is filled by the primary. */
  | 'removeItems'
  /** Write `nodes.conf` anew and keep the items. */
  | 'rebuildNodes'

export interface RepairInput {
  trouble: EngineTrouble | null
  duty: InstanceDuty
  created: boolean
  /** The document lists it among the copies that an acknowledged write is on. */
  trusted: boolean
}

/**
 * What is done without a person. Nothing is removed that could be the last copy: only of a replica
 * that the leader does not count on (another copy has then been seen to serve), of an arbiter, and
 * of a shard that never held anything.
 *
 * A primary whose start the leader allows is the best copy there is: only what can be made again
 * without its items is.
 */
export function repairOf({ trouble, duty, created, trusted }: RepairInput): Repair | null {
  if (trouble !== 'dataDamaged' && trouble !== 'nodesDamaged') return null
  if (duty === 'arbiter' || !created) return 'removeAll'
  if (duty === 'replica') {
    if (trusted) return null
    return trouble === 'nodesDamaged' ? 'removeAll' : 'removeItems'
  }
  return trouble === 'nodesDamaged' ? 'rebuildNodes' : null
}

/**
 * A `nodes.conf` of an engine that knows nobody and owns its shard's slots. Its epoch is newer than
 * any that the engines have counted up to, so that its claim is believed when it meets the others.
 */
export function nodesConfText(options: {
  engineId: string
  host: string
  port: number
  slots: readonly [from: number, to: number]
  epoch: number
}): string {
  const { engineId, host, port, slots, epoch } = options
  const bus = port + 10_000
  return (
    `${engineId} ${host}:${port}@${bus} myself,master - 0 0 ${epoch} connected ${slots.join('-')}\n` +
    `vars currentEpoch ${epoch} lastVoteEpoch 0\n`
  )
}

/** The engine's id in what is left of its `nodes.conf`; null when it cannot be told. */
export function engineIdIn(nodesConf: string): string | null {
  const line = nodesConf.split('\n').find((text) => /^[0-9a-f]{40} .*\bmyself\b/.test(text))
  return line?.slice(0, 40) ?? null
}
