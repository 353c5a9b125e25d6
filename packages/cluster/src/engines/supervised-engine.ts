/**
 * What the supervisor keeps of each engine, and what follows from it. No decisions on more than one
 * engine, and nothing that starts or ends a process.
 */
import type { EngineStatus, EngineTrouble } from '../membership/messages.ts'
import { hasSnapshot } from './engine-files.ts'
import type { EngineProcess } from './engine-process.ts'
import type { EngineWatch } from './engine-watch.ts'
import type { WantedEngine } from './wanted-engines.ts'

/** One engine of this member: what the document wants of it, and how far that is done. */
export interface SupervisedEngine {
  wanted: WantedEngine
  process: EngineProcess
  watch: EngineWatch
  granted: boolean
  /** What is being done for it; null when nothing is. */
  tending: Promise<void> | null
  failedStarts: number
  notBeforeMs: number
  lookAtMs: number
  /** Started from its snapshot; until its append-only file is made anew it counts as loading. */
  resuming: boolean
  /** It was seen to run, and why it does not any more is not known yet. */
  undiagnosed: boolean
  /** Settings that the process has; null when an earlier manager has started it. */
  applied: string | null
  applyAtMs: number
  /** Why it does not start or take its settings. */
  trouble: EngineTrouble | null
  /** What the log was last told. */
  toldTrouble: EngineTrouble | null
}

/** Its state as others are told it. */
export function stateOf({ resuming, watch }: SupervisedEngine): EngineStatus['state'] {
  const { state } = watch.status
  return resuming && state === 'running' ? 'loading' : state
}

/** A copy that is not counted on, and was ended in order, goes on where it was. */
export async function mayResume({ wanted, process }: SupervisedEngine): Promise<boolean> {
  if (wanted.duty !== 'replica' || wanted.trusted) return false
  return wanted.settings.persistence !== 'none' && (await hasSnapshot(process.settings.folder))
}

/** It takes over its primary's items, and no acknowledged write is counted on it yet. */
export function isBeingFilled({ wanted, watch }: SupervisedEngine): boolean {
  if (wanted.duty !== 'replica' || wanted.trusted || watch.hasPlace) return false
  const { state, role } = watch.status
  return state === 'loading' || (state === 'running' && role === 'replica')
}

/** What keeps it from its work. */
export function troubleOf(engine: SupervisedEngine): EngineTrouble | null {
  return engine.trouble ?? engine.watch.status.trouble
}

/** What names it in the log. */
export function aboutOf({ wanted }: SupervisedEngine): {
  bucket: string
  shard: number
  port: number
} {
  return { bucket: wanted.bucket.name, shard: wanted.shard, port: wanted.port }
}
