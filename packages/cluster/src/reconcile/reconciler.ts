/**
 * The leader's loop: each turn it builds the picture, lets plan.ts decide, and has the steps
 * carried out, several shards side by side, never two steps of one shard at a time. It only runs
 * while this member leads with a majority's lease.
 *
 * Turns follow each other quickly while anything is to be done or to be waited for. When a turn has
 * found nothing they are seldom; whatever changes then begins one at once.
 */
import type { ShardPlacement } from '@holdfast/topology'
import type { Logger } from 'pino'
import {
  type ClusterDocument,
  hostnameOf,
  isHolding,
  otpNodeOf,
  voters,
} from '../document/cluster-document.ts'
import type { DocumentKeeper } from '../document/document-keeper.ts'
import type { DocumentWriter } from '../document/document-writer.ts'
import type { Heartbeats } from '../membership/heartbeats.ts'
import { Acquaintance } from './acquaintance.ts'
import { EngineControls } from './engine-controls.ts'
import { goneMembers, judgeFailovers, type QuotaVerdict } from './failover-quota.ts'
import {
  type FailoverRefusal,
  FailoverRefusals,
  findRefusals,
  type RefusalReason,
  type Refused,
} from './failover-refusals.ts'
import { type BucketPicture, isInSync, picturesOf } from './picture.ts'
import { type PlanMemory, planBucket } from './plan.ts'
import { planMembers } from './plan-members.ts'
import { RebalanceWatch } from './rebalance-watch.ts'
import { type RemoteEngine, RemoteLooks } from './remote-looks.ts'
import { isSettled } from './settled.ts'
import { StepRunner } from './step-runner.ts'
import { allMovesLeft, progressByMember, wantedOf } from './wanted.ts'

const TURN_MS = 100
/** The same after a turn that has found all as it should be. */
const REST_TURN_MS = 1000
/** A member may be away this long before its copies are made again elsewhere. */
export const HEAL_DELAY_MS = 1500

/** An observation that was not renewed for this long counts from anew. */
const OUT_OF_SYNC_FORGOTTEN_MS = 400

const NO_MAJORITY: Refused = { reason: 'no-majority', member: null, bucket: null, shard: null }

export class Reconciler {
  readonly #keeper: DocumentKeeper
  readonly #heartbeats: Heartbeats
  readonly #writer: DocumentWriter
  readonly #log: Logger
  readonly #looks = new RemoteLooks()
  readonly #controls = new EngineControls()
  readonly #acquaintance: Acquaintance
  readonly #steps: StepRunner
  readonly #refusals: FailoverRefusals
  readonly #rebalance = new RebalanceWatch()
  /** Members whose failover this leader has allowed and that are still gone. */
  #failingOver: ReadonlySet<number> = new Set()
  readonly #awaySinceMs = new Map<number, number>()
  readonly #outOfSync = new Map<string, { sinceMs: number; checkedMs: number }>()
  #timer: NodeJS.Timeout | null = null
  #turning = false
  #woken = false
  /** Something was not as it should be in the turn that runs, or in the last one. */
  #unsettled = true
  #turnedAtMs = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(options: {
    keeper: DocumentKeeper
    heartbeats: Heartbeats
    writer: DocumentWriter
    log: Logger
    grantStart: (member: number, bucketUuid: string, shard: number) => Promise<void>
  }) {
    this.#keeper = options.keeper
    this.#heartbeats = options.heartbeats
    this.#writer = options.writer
    this.#log = options.log
    this.#refusals = new FailoverRefusals(options.log)
    const controls = this.#controls
    this.#acquaintance = new Acquaintance({ controls, log: options.log })
    this.#steps = new StepRunner({ ...options, controls, onDone: () => this.wake() })
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#isDue()) this.wake()
    }, TURN_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearInterval(this.#timer)
    this.#looks.close()
    await this.#steps.stop()
    this.#controls.close()
  }

  /** Runs a turn soon; called when a report has changed. */
  wake(): void {
    if (this.#woken || this.#stopped) return
    this.#woken = true
    setImmediate(() => void this.#turn())
  }

  #isDue(): boolean {
    if (this.#unsettled || this.#heartbeats.isUneasy) return true
    return performance.now() - this.#turnedAtMs >= REST_TURN_MS
  }

  /** The picture as last seen, for the REST side. Built afresh: works on every member. */
  pictures(): BucketPicture[] {
    return picturesOf(this.#keeper.current, {
      isLive: (member) => this.#heartbeats.isLive(member),
      isGone: (member) => this.#heartbeats.isGone(member),
      isRefused: (member) => this.#heartbeats.isRefused(member),
      isStopping: (member) => this.#heartbeats.statusOf(member)?.stopping ?? false,
      status: (member, bucket, shard) =>
        this.#heartbeats
          .statusOf(member)
          ?.engines.find((e) => e.bucket === bucket && e.shard === shard) ?? null,
      look: (member, port) => this.#looks.get(member, port),
    })
  }

  /** Where the copies of a bucket should be, by the members that can hold data now. */
  wanted(picture: BucketPicture): ShardPlacement[] {
    const document = this.#keeper.current
    const usable = this.#usableNodes(document)
    const stopping = usable.filter((id) => this.#heartbeats.statusOf(id)?.stopping)
    return wantedOf(document, picture.bucket, usable, stopping)
  }

  /** Progress of the running rebalance by member, 0 to 1. Works on every member. */
  progress(): Map<number, number> {
    return progressByMember(this.#keeper.current, this.#usableNodes(this.#keeper.current))
  }

  /** Failovers that do not happen at present, with the reason. Only the leader knows of shards. */
  refusals(): FailoverRefusal[] {
    return this.#refusals.all
  }

  /** How often a failover was refused here, by reason, since this node started. */
  refusalCounts(): ReadonlyMap<RefusalReason, number> {
    return this.#refusals.counts
  }

  async #turn(): Promise<void> {
    if (this.#turning || this.#stopped) return
    this.#turning = true
    this.#woken = false
    this.#unsettled = true
    this.#turnedAtMs = performance.now()
    try {
      await this.#once()
    } catch (error) {
      this.#log.error({ err: error }, 'reconcile turn failed')
    } finally {
      this.#turning = false
      if (this.#woken && !this.#stopped) setImmediate(() => void this.#turn())
    }
  }

  async #once(): Promise<void> {
    const { leading } = this.#heartbeats
    this.#looks.watch(this.#enginesToLookAt(leading))
    if (!leading) {
      this.#awaySinceMs.clear()
      this.#failingOver = new Set()
      const refused = this.#missesMajority() ? [NO_MAJORITY] : []
      this.#refusals.see(refused)
      this.#unsettled = refused.length > 0
      return
    }
    this.#noteAway()
    if (!this.#writer.leads) {
      await this.#writer.beginTerm()
      this.#steps.reset()
    }
    const document = this.#keeper.current
    const pictures = this.pictures()
    for (const change of planMembers(document, pictures, (p) => this.wanted(p))) {
      this.#log.info({ why: change.why }, 'member change')
      await this.#writer.propose(change.change)
      return
    }
    const verdicts = this.#judge(document, pictures)
    const settled = pictures.map((picture) => this.#reconcile(picture, verdicts))
    await this.#watchRebalance(document)
    const isQuiet = !document.rebalancing && this.#awaySinceMs.size === 0
    this.#unsettled = !isQuiet || settled.includes(false)
  }

  #judge(document: ClusterDocument, pictures: BucketPicture[]): Map<number, QuotaVerdict> {
    const gone = goneMembers(pictures)
    const begun = new Set(gone.filter((member) => this.#failingOver.has(member)))
    const verdicts = judgeFailovers(document, gone, begun)
    this.#failingOver = new Set(gone.filter((member) => verdicts.get(member) === 'allowed'))
    this.#refusals.see(findRefusals(pictures, verdicts))
    return verdicts
  }

  /** Nobody leads and somebody is not heard: failovers wait for a majority. */
  #missesMajority(): boolean {
    if (this.#heartbeats.leader !== null) return false
    return voters(this.#keeper.current).some((m) => !this.#heartbeats.isLive(m.id))
  }

  /** What holds the rebalance up is in the document: every member can say it. */
  async #watchRebalance(document: ClusterDocument): Promise<void> {
    const { rebalancing, rebalance, members } = document
    let movesLeft = 0
    if (rebalancing) {
      for (const n of allMovesLeft(document, this.#usableNodes(document)).values()) movesLeft += n
    }
    const trouble = this.#rebalance.look({
      running: rebalancing,
      movesLeft,
      away: members.filter((m) => this.#awaySinceMs.has(m.id)).map(otpNodeOf),
      failure: this.#steps.recentFailure,
      nowMs: performance.now(),
    })
    if (!rebalancing || trouble === rebalance.trouble) return
    if (trouble) this.#log.warn({ trouble }, 'rebalance stands still')
    await this.#writer.propose((draft) => {
      if (draft.rebalancing) draft.rebalance.trouble = trouble
    })
  }

  /** True when nothing is to be done, and nothing will be before something changes. */
  #reconcile(picture: BucketPicture, verdicts: ReadonlyMap<number, QuotaVerdict>): boolean {
    const memory = this.#memoryFor(picture, verdicts)
    const wanted = this.wanted(picture)
    const steps = planBucket(picture, wanted, memory)
    for (const step of steps) this.#steps.run(picture, step)
    const isAcquainted = this.#acquaintance.run(picture)
    return isAcquainted && steps.length === 0 && isSettled(picture, wanted)
  }

  #memoryFor(picture: BucketPicture, verdicts: ReadonlyMap<number, QuotaVerdict>): PlanMemory {
    const bucket = picture.bucket
    return {
      mayFailOver: (member) => verdicts.get(member) === 'allowed',
      handingOver: this.#steps.handingOver(bucket.uuid),
      unsettled: this.#keeper.current.members.some((m) => this.#isAwayForNow(m.id)),
      sinceFailoverMs: (shard) => this.#steps.sinceFailoverMs(bucket.uuid, shard),
      fillingOn: (member) =>
        picture.shards.filter(
          (s) =>
            s.primary !== member &&
            !s.replicas.includes(member) &&
            s.engines.some((e) => e.member === member && e.reach !== 'down'),
        ).length,
      outOfSyncMs: (shard, member) => this.#outOfSyncMs(picture, shard, member),
    }
  }

  #outOfSyncMs(picture: BucketPicture, shard: number, member: number): number {
    const shardPicture = picture.shards[shard]
    const engine = shardPicture?.engines.find((e) => e.member === member)
    const primary = shardPicture?.engines.find((e) => e.member === shardPicture.primary)
    const key = `${picture.bucket.uuid}/${shard}/${member}`
    if (engine && primary && isInSync(engine, primary)) {
      this.#outOfSync.delete(key)
      return 0
    }
    const nowMs = performance.now()
    const seen = this.#outOfSync.get(key)
    const isOld = seen === undefined || nowMs - seen.checkedMs > OUT_OF_SYNC_FORGOTTEN_MS
    const sinceMs = isOld ? nowMs : seen.sinceMs
    this.#outOfSync.set(key, { sinceMs, checkedMs: nowMs })
    return nowMs - sinceMs
  }

  #noteAway(): void {
    const nowMs = performance.now()
    for (const member of this.#keeper.current.members) {
      if (this.#heartbeats.isLive(member.id)) {
        if (this.#awaySinceMs.delete(member.id)) {
          this.#log.info({ member: member.id, host: hostnameOf(member) }, 'member is back')
        }
      } else if (!this.#awaySinceMs.has(member.id)) {
        this.#awaySinceMs.set(member.id, nowMs)
        this.#log.warn({ member: member.id, host: hostnameOf(member) }, 'member is not heard')
      }
    }
  }

  #usableNodes(document: ClusterDocument): number[] {
    return document.members
      .filter((m) => isHolding(m))
      .filter((m) => !this.#awaySinceMs.has(m.id) || this.#isAwayForNow(m.id))
      .map((m) => m.id)
  }

  /** Away, and not yet given up on: just now, or only its manager while all its engines serve. */
  #isAwayForNow(member: number): boolean {
    const sinceMs = this.#awaySinceMs.get(member)
    if (sinceMs === undefined) return false
    return performance.now() - sinceMs < HEAL_DELAY_MS || this.#looks.allAnswer(member)
  }

  #enginesToLookAt(leading: boolean): RemoteEngine[] {
    const document = this.#keeper.current
    const away = document.members.filter(
      ({ id, membership }) =>
        membership === 'active' &&
        (leading || id === this.#heartbeats.following) &&
        this.#heartbeats.isWorrying(id),
    )
    return away.flatMap((member) =>
      document.buckets.flatMap((bucket) =>
        bucket.shards.flatMap((shard, index) =>
          shard.instances
            .filter((i) => i.member === member.id)
            .map((i) => ({
              member: member.id,
              host: member.host,
              port: i.port,
              password: bucket.engineAdminPassword,
              bucketUuid: bucket.uuid,
              shard: index,
            })),
        ),
      ),
    )
  }
}
