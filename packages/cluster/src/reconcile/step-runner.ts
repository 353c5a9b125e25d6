/**
 * Carries out the reconcile loop's steps on engines, members and the document. One step per shard
 * at a time; the outcome is seen by the next turn's picture, so a step that fails is simply planned
 * again.
 */

import { shardRanges, slotOfVbucket } from '@holdfast/topology'
import type { Logger } from 'pino'
import {
  type ClusterDocument,
  freeEnginePort,
  memberById,
  type Shard,
} from '../document/cluster-document.ts'
import type { DocumentWriter } from '../document/document-writer.ts'
import { ENGINE_NODE_TIMEOUT_MS } from '../engines/engine-config.ts'
import { type EngineControl, EngineError } from '../engines/engine-control.ts'
import { clusterPicture } from '../engines/engine-picture.ts'
import { inTime } from '../in-time.ts'
import type { EngineControls } from './engine-controls.ts'
import { firstEpoch } from './meet.ts'
import {
  type BucketPicture,
  type EnginePicture,
  engineAt,
  hasEngineMajority,
  hasSettled,
  type ShardPicture,
} from './picture.ts'
import type { Step } from './plan.ts'
import {
  type Candidate,
  catchesUp,
  failoverTo,
  handoverTo,
  mostAdvanced,
  wouldServe,
} from './promote.ts'
import { answersAtOnce } from './second-opinion.ts'

const SLOTS_PER_VBUCKET = 16
/** A replica that needs longer to have what its primary has is looked at again in the next turn. */
const CATCH_UP_MS = 300
/** A step that takes longer has failed: the shard is not to wait for it. */
const STEP_TIMEOUT_MS = 20_000
/** The same step of a shard is not repeated sooner: its effect must have time to be reported. */
const REPEAT_MS = 100
/** After a change of primary its report is awaited this long before the shard is judged again. */
const SETTLE_MS = 1500
/** A step that failed longer ago says nothing about what happens at present. */
const FAILURE_RECENT_MS = 3000
/** Voters refuse a second vote for one shard within twice the engine's node timeout. */
const ELECTIONS_APART_MS = 2 * ENGINE_NODE_TIMEOUT_MS
/** Pause between two handovers of a bucket, for the engines' epochs to get round. */
const HANDOVER_PAUSE_MS = 150

type NoteStep = Extract<Step, { kind: 'note' | 'noteLoss' }>

export class StepRunner {
  readonly #writer: DocumentWriter
  readonly #log: Logger
  readonly #grantStart: (member: number, bucketUuid: string, shard: number) => Promise<void>
  readonly #onDone: () => void
  readonly #busy = new Map<string, Promise<void>>()
  readonly #controls: EngineControls
  readonly #failoverAtMs = new Map<string, number>()
  readonly #lastStep = new Map<string, { text: string; atMs: number }>()
  readonly #settling = new Map<string, { member: number; untilMs: number }>()
  readonly #electionAtMs = new Map<string, number>()
  readonly #handoverAtMs = new Map<string, number>()
  #failure: { text: string; atMs: number } | null = null
  #stopped = false
  #sinceMs = performance.now()

  constructor(options: {
    writer: DocumentWriter
    controls: EngineControls
    log: Logger
    grantStart: (member: number, bucketUuid: string, shard: number) => Promise<void>
    onDone: () => void
  }) {
    this.#writer = options.writer
    this.#controls = options.controls
    this.#log = options.log
    this.#grantStart = options.grantStart
    this.#onDone = options.onDone
  }

  /** A new term: what an earlier leader did to the shards is not known. */
  reset(): void {
    this.#failoverAtMs.clear()
    this.#sinceMs = performance.now()
  }

  sinceFailoverMs(bucketUuid: string, shard: number): number {
    return performance.now() - (this.#failoverAtMs.get(`${bucketUuid}/${shard}`) ?? this.#sinceMs)
  }

  /** A handover of the bucket runs or has just ended. */
  handingOver(bucketUuid: string): boolean {
    const atMs = this.#handoverAtMs.get(bucketUuid) ?? Number.NEGATIVE_INFINITY
    return performance.now() - atMs < HANDOVER_PAUSE_MS
  }

  /** Error of the last step that failed, when that is not long ago. */
  get recentFailure(): string | null {
    if (this.#failure === null) return null
    return performance.now() - this.#failure.atMs < FAILURE_RECENT_MS ? this.#failure.text : null
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.allSettled(this.#busy.values())
  }

  run(picture: BucketPicture, step: Step): void {
    const key = `${picture.bucket.uuid}/${step.shard}`
    if (this.#stopped || this.#busy.has(key) || this.#isRepeat(key, step)) return
    if (this.#isSettling(picture, key, step.shard)) return
    const about = { bucket: picture.bucket.name, ...step }
    const done = inTime(this.#perform(picture, step), STEP_TIMEOUT_MS)
      .catch((error: unknown) => this.#failed(about, error))
      .finally(() => {
        this.#busy.delete(key)
        this.#onDone()
      })
    this.#busy.set(key, done)
    this.#log.info(about, 'step')
  }

  #failed(about: { bucket: string } & Step, error: unknown): void {
    this.#log.warn({ ...about, err: error }, 'step failed')
    const why = error instanceof Error ? error.message : String(error)
    const text = `${about.kind} of shard ${about.shard} of bucket ${about.bucket}: ${why}`
    this.#failure = { text, atMs: performance.now() }
  }

  /** Reports lag behind: until the new primary says that it is one, the old word does not count. */
  #isSettling(picture: BucketPicture, key: string, shard: number): boolean {
    const settling = this.#settling.get(key)
    if (!settling) return false
    const engine = picture.shards[shard]?.engines.find((e) => e.member === settling.member)
    if (!hasSettled(engine) && performance.now() < settling.untilMs) return true
    this.#settling.delete(key)
    return false
  }

  #isRepeat(key: string, step: Step): boolean {
    const text = JSON.stringify(step)
    const atMs = performance.now()
    const last = this.#lastStep.get(key)
    if (last?.text === text && atMs - last.atMs < REPEAT_MS) return true
    this.#lastStep.set(key, { text, atMs })
    return false
  }

  #control(picture: BucketPicture, engine: EnginePicture): EngineControl {
    return this.#controls.of(picture.bucket, engine)
  }

  async #perform(picture: BucketPicture, step: Step): Promise<void> {
    const shard = picture.shards[step.shard]
    if (!shard) return
    switch (step.kind) {
      case 'grantStart':
        return this.#grantStart(step.member, picture.bucket.uuid, step.shard)
      case 'failover':
        return this.#failover(picture, step)
      case 'handover':
        return this.#handover(picture, step)
      case 'addSlots':
        return this.#addSlots(picture, step.shard, step.member)
      case 'replicate':
        return this.#replicate(picture, step)
      case 'noteLoss':
      case 'note':
        return this.#take(picture, shard, step)
      case 'addInstance':
        return this.#addInstance(picture, step.shard, step.member)
      case 'removeInstance':
        return this.#note(picture, step.shard, (draft) => {
          draft.instances = draft.instances.filter((i) => i.member !== step.member)
          draft.replicas = draft.replicas.filter((m) => m !== step.member)
        })
    }
  }

  /**
   * Takes note of who is primary and who is in sync. Before a replica is lost the primary itself
   * must answer; before one joins it must have caught up: a link is up before that.
   */
  async #take(picture: BucketPicture, shard: ShardPicture, step: NoteStep): Promise<void> {
    const primary = engineAt(shard, step.primary)
    if (!primary) return
    if (step.kind === 'noteLoss' && !(await this.#leads(picture, primary))) return
    const listed = step.replicas.filter((m) => shard.replicas.includes(m))
    const joined = await Promise.all(
      step.replicas
        .filter((m) => !listed.includes(m))
        .map(async (m) => ((await this.#hasCaughtUp(picture, shard, primary, m)) ? [m] : [])),
    )
    const replicas = [...listed, ...joined.flat()]
    const same = step.primary === shard.primary && replicas.length === shard.replicas.length
    if (same && replicas.every((m) => shard.replicas.includes(m))) return
    await this.#note(picture, shard.index, (draft) => {
      if (draft.primary !== step.primary) this.#markFailover(picture, shard.index)
      draft.primary = step.primary
      draft.replicas = replicas
      draft.created = true
    })
  }

  async #hasCaughtUp(
    picture: BucketPicture,
    shard: ShardPicture,
    primary: EnginePicture,
    member: number,
  ): Promise<boolean> {
    const engine = engineAt(shard, member)
    if (!engine) return false
    const control = this.#control(picture, engine)
    return catchesUp(control, this.#control(picture, primary), CATCH_UP_MS)
  }

  #note(
    picture: BucketPicture,
    shard: number,
    change: (draft: Shard, document: ClusterDocument) => void,
  ): Promise<void> {
    return this.#writer.propose((draft) => {
      const target = draft.buckets.find((b) => b.uuid === picture.bucket.uuid)?.shards[shard]
      if (target) change(target, draft)
    })
  }

  #markFailover(picture: BucketPicture, shard: number): void {
    this.#failoverAtMs.set(`${picture.bucket.uuid}/${shard}`, performance.now())
  }

  /** So lately that the voters refuse another one. */
  #hadElection(key: string): boolean {
    const atMs = this.#electionAtMs.get(key) ?? Number.NEGATIVE_INFINITY
    return performance.now() - atMs < ELECTIONS_APART_MS
  }

  #settle(picture: BucketPicture, shard: number, member: number): void {
    this.#markFailover(picture, shard)
    const untilMs = performance.now() + SETTLE_MS
    this.#settling.set(`${picture.bucket.uuid}/${shard}`, { member, untilMs })
  }

  #candidates(picture: BucketPicture, shard: number, members: readonly number[]): Candidate[] {
    return members.flatMap((member) => {
      const engine = picture.shards[shard]?.engines.find((e) => e.member === member)
      return engine ? [{ member, control: this.#control(picture, engine) }] : []
    })
  }

  async #failover(
    picture: BucketPicture,
    step: Extract<Step, { kind: 'failover' }>,
  ): Promise<void> {
    const shard = picture.shards[step.shard]
    const old = shard && engineAt(shard, step.from)
    if (step.silent && old && (await answersAtOnce(old, picture.bucket))) return
    const best = await mostAdvanced(this.#candidates(picture, step.shard, step.candidates))
    if (!best) throw new Error('no candidate answers')
    const startedMs = performance.now()
    const key = `${picture.bucket.uuid}/${step.shard}`
    const mayElect = hasEngineMajority(picture) && !this.#hadElection(key)
    if (mayElect) this.#electionAtMs.set(key, startedMs)
    const won = await failoverTo(best, { mayElect, log: this.#log })
    if (!won) throw new Error(`member ${best.member} did not become primary`)
    this.#settle(picture, step.shard, best.member)
    const counts = old !== undefined && !old.managed && !old.failed ? old.member : null
    await this.#note(picture, step.shard, (draft, { autoFailover }) => {
      draft.primary = best.member
      draft.replicas = draft.replicas.filter((m) => m !== best.member && m !== step.from)
      const still = step.candidates
      draft.replicas = draft.replicas.filter((m) => still.includes(m))
      if (counts === null || autoFailover.failedOver.includes(counts)) return
      autoFailover.failedOver.push(counts)
    })
    const tookMs = Math.round(performance.now() - startedMs)
    this.#log.warn(
      { bucket: picture.bucket.name, shard: step.shard, from: step.from, to: best.member, tookMs },
      'failed over',
    )
  }

  /** The engine answers, now, that it is a primary. */
  async #leads(picture: BucketPicture, engine: EnginePicture): Promise<boolean> {
    const role = await this.#control(picture, engine).call('ROLE')
    return Array.isArray(role) && String(role[0]) === 'master'
  }

  async #handover(
    picture: BucketPicture,
    step: Extract<Step, { kind: 'handover' }>,
  ): Promise<void> {
    const [candidate] = this.#candidates(picture, step.shard, [step.to])
    const shard = picture.shards[step.shard]
    const primary = shard && engineAt(shard, shard.primary)
    if (!candidate || !primary) return
    const control = this.#control(picture, primary)
    if (!(await wouldServe(candidate.control, control))) return
    this.#markFailover(picture, step.shard)
    const uuid = picture.bucket.uuid
    this.#handoverAtMs.set(uuid, Number.POSITIVE_INFINITY)
    const won = await handoverTo(candidate, control, this.#log).finally(() => {
      this.#handoverAtMs.set(uuid, performance.now())
    })
    if (!won) throw new Error(`member ${step.to} did not become primary`)
    this.#settle(picture, step.shard, step.to)
    await this.#note(picture, step.shard, (draft) => {
      const old = draft.primary
      draft.primary = step.to
      draft.replicas = draft.replicas.filter((m) => m !== step.to)
      if (old !== null && old !== step.to) draft.replicas.push(old)
    })
  }

  /** First life of a shard (or its life after the loss of every copy): its primary gets slots. */
  async #addSlots(picture: BucketPicture, index: number, member: number): Promise<void> {
    const shard = picture.shards[index]
    const engine = shard && engineAt(shard, member)
    const range = shardRanges(picture.shards.length)[index]
    if (!shard || !engine || !range) return
    const control = this.#control(picture, engine)
    const itself = clusterPicture(await control.text('CLUSTER', 'NODES'))
    if (!itself) return
    if (itself.slots.length === 0) await this.#claimSlots(picture, shard, engine, range)
    else if (shard.created) return
    await this.#note(picture, index, (draft) => {
      draft.created = true
    })
  }

  async #claimSlots(
    picture: BucketPicture,
    shard: ShardPicture,
    engine: EnginePicture,
    range: readonly [from: number, to: number],
  ): Promise<void> {
    const control = this.#control(picture, engine)
    const { created, index } = shard
    if (created) {
      this.#log.error({ bucket: picture.bucket.name, shard: index }, 'shard has lost its data')
    } else if (engine.configEpoch === 0 && engine.known.length === 0) {
      await control.call('CLUSTER', 'SET-CONFIG-EPOCH', firstEpoch(index)).catch(() => {
        // it has one, or has met another meanwhile: then the engines settle that themselves
      })
    }
    const from = slotOfVbucket(range[0])
    const to = slotOfVbucket(range[1]) + SLOTS_PER_VBUCKET - 1
    await control.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    // A primary of an earlier life may come back with its old claim: this one must be newer.
    if (created) await control.call('CLUSTER', 'BUMPEPOCH')
  }

  async #replicate(
    picture: BucketPicture,
    step: Extract<Step, { kind: 'replicate' }>,
  ): Promise<void> {
    const shard = picture.shards[step.shard]
    const engine = shard && engineAt(shard, step.member)
    const primary = shard && engineAt(shard, step.primary)
    if (!engine || !primary) return
    const control = this.#control(picture, engine)
    // Its report may lag behind, and told once more it would begin its copy anew.
    const itself = clusterPicture(await control.text('CLUSTER', 'NODES'))
    if (itself?.primaryId === primary.engineId) return
    try {
      await control.call('CLUSTER', 'REPLICATE', primary.engineId)
    } catch (error) {
      const holdsOldData = error instanceof EngineError && error.message.includes('must be empty')
      if (!holdsOldData || engine.slots.length > 0) throw error
      await control.call('FLUSHALL')
      await control.call('CLUSTER', 'REPLICATE', primary.engineId)
    }
  }

  #addInstance(picture: BucketPicture, shard: number, member: number): Promise<void> {
    return this.#writer.propose((draft) => {
      const target = draft.buckets.find((b) => b.uuid === picture.bucket.uuid)?.shards[shard]
      const of = memberById(draft, member)
      if (!target || !of || target.instances.some((i) => i.member === member)) return
      const port = freeEnginePort(draft, of)
      if (port === null) {
        const [from, to] = of.enginePorts
        throw new Error(`no free engine port on member ${member} (${from}-${to})`)
      }
      target.instances.push({ member, port })
    })
  }
}
