/**
 * A model of one bucket on several nodes, to run the reconcile loop's decisions against: engines
 * are records, a step is applied as the real engines would take it, time passes in turns of
 * 100 ms. Processes die and return, links break, managers die alone; writes go on all the while.
 *
 * It judges one thing itself: a write that was acknowledged must at all times be on a copy that the
 * document trusts (the primary or a listed replica), whatever the steps do.
 */
import type { ShardPlacement } from '@holdfast/topology'
import {
  type ClusterDocument,
  isHolding,
  memberById,
  type Shard,
  voters,
} from '../document/cluster-document.ts'
import { addBucket, newMember } from '../document/new-document.ts'
import { mayStart } from '../engines/start-policy.ts'
import type { EngineStatus } from '../membership/messages.ts'
import { goneMembers, judgeFailovers } from '../reconcile/failover-quota.ts'
import { type BucketPicture, picturesOf, type Reports } from '../reconcile/picture.ts'
import { planBucket, type Step } from '../reconcile/plan.ts'
import { placementProgress, planMembers } from '../reconcile/plan-members.ts'
import { wantedOf } from '../reconcile/wanted.ts'
import { BUCKET_WISH, documentOf, memberAddress } from './fixtures.ts'
import { claims, isAnswering, type ModelEngine, ModelEngines } from './model-engines.ts'
import { OutOfSync } from './out-of-sync.ts'
import { rebalanceAll } from './person-acts.ts'

const TURN_MS = 100
/** As the reconciler: a node is given up on, and its copies are made again, after 1.5 s. */
const HEAL_TURNS = 15

interface Host {
  up: boolean
  manager: boolean
  stopping: boolean
  awayTurns: number
}

export class BucketWorld {
  readonly document: ClusterDocument
  /** Copies that were begun from nothing. */
  copiesMade = 0
  readonly #engines = new ModelEngines()
  readonly #hosts = new Map<number, Host>()
  readonly #acknowledged: number[]
  readonly #sinceFailover: number[]
  readonly #outOfSync = new OutOfSync()
  #turnCount = 0
  #portCount = 0
  #lastHandover = Number.NEGATIVE_INFINITY

  constructor(options: { nodes: number; shards: number; replicas: number }) {
    this.document = documentOf(options.nodes)
    for (const member of this.document.members) this.#addHost(member.id)
    const { shards: shardCount, replicas: replicaCount } = options
    addBucket(this.document, { ...BUCKET_WISH, shardCount, replicaCount })
    this.#acknowledged = this.#bucket.shards.map(() => 0)
    this.#sinceFailover = this.#bucket.shards.map(() => 1000)
  }

  /** One turn: processes start, links move on, every shard takes a write, the leader acts. */
  turn(): void {
    this.#turnCount++
    this.#superviseAll()
    for (const index of this.#bucket.shards.keys()) this.#engines.live(index)
    for (const index of this.#bucket.shards.keys()) this.#write(index)
    const steps = this.plan()
    for (const step of steps) {
      this.#apply(step)
      this.#judge(`after ${JSON.stringify(step)}`)
    }
    for (const host of this.#hosts.values()) host.awayTurns = host.manager ? 0 : host.awayTurns + 1
    for (const index of this.#sinceFailover.keys()) {
      this.#sinceFailover[index] = (this.#sinceFailover[index] ?? 0) + 1
    }
  }

  /** What the leader decides now; nothing while no majority of the members is up. */
  plan(): Step[] {
    if (!this.#hasMajority) return []
    for (const { change } of planMembers(this.document, this.#pictures, (p) => this.#wanted(p))) {
      change(this.document)
    }
    const verdicts = judgeFailovers(this.document, goneMembers(this.#pictures), new Set())
    return this.#pictures.flatMap((picture) =>
      planBucket(picture, this.#wanted(picture), {
        mayFailOver: (member) => verdicts.get(member) === 'allowed',
        handingOver: this.#turnCount - this.#lastHandover < 2,
        unsettled: [...this.#hosts.values()].some((h) => !h.manager && h.awayTurns < HEAL_TURNS),
        sinceFailoverMs: (shard) => (this.#sinceFailover[shard] ?? 0) * TURN_MS,
        fillingOn: () => 0,
        outOfSyncMs: (shard, member) =>
          this.#outOfSync.turns(picture, { shard, member, turn: this.#turnCount }) * TURN_MS,
      }),
    )
  }

  /** Share of copies and roles that are where they should be, 0 to 1. */
  get progress(): number {
    const [picture] = this.#pictures
    return picture ? placementProgress(picture, this.#wanted(picture)) : 0
  }

  /** Every shard's primary takes writes and has every acknowledged one. */
  get whole(): boolean {
    return this.#bucket.shards.every((shard, index) => {
      const primary = this.#primaryOf(index)
      const copies = new Set([shard.primary, ...shard.replicas]).size
      const isServing = primary !== undefined && isAnswering(primary) && claims(primary)
      const wanted = Math.min(this.#bucket.replicaCount + 1, this.#usable.length)
      const hasAll = (primary?.written ?? 0) >= (this.#acknowledged[index] ?? 0)
      return isServing && hasAll && copies === wanted
    })
  }

  get memberIds(): number[] {
    return [...this.#hosts.keys()]
  }

  /** The whole node dies: manager and engines. */
  killNode(id: number): void {
    const host = this.#hosts.get(id)
    if (!host) return
    host.up = false
    host.manager = false
    for (const engine of this.#engines.on(id)) this.#engines.stop(engine)
  }

  /** Only the manager dies; its engines serve on. */
  killManager(id: number): void {
    const host = this.#hosts.get(id)
    if (host) host.manager = false
  }

  /** The node is asked to stop: it says so, and goes on for now. */
  announceStop(id: number): void {
    const host = this.#hosts.get(id)
    if (host?.manager) host.stopping = true
  }

  reviveNode(id: number): void {
    const host = this.#hosts.get(id)
    if (!host || !this.document.members.some((m) => m.id === id)) return
    host.up = true
    host.manager = true
    host.stopping = false
  }

  killEngine(shard: number, id: number): void {
    const engine = this.#engines.at(shard, id)
    if (engine) this.#engines.stop(engine)
  }

  hangEngine(shard: number, id: number): void {
    const engine = this.#engines.at(shard, id)
    if (engine?.alive) engine.silent = true
  }

  cutLink(shard: number, id: number): void {
    const engine = this.#engines.at(shard, id)
    if (engine) engine.linkCut = true
  }

  /** The folder of a copy is lost with its process. What was only there counts as lost by that. */
  loseFolder(shard: number, id: number): void {
    if (!this.#engines.destroy(shard, id)) return
    this.#acknowledged[shard] = Math.min(this.#acknowledged[shard] ?? 0, this.#bestTrusted(shard))
  }

  addNode(): void {
    const id = this.document.nextMemberId++
    this.document.members.push(newMember(id, `uuid-${id}`, memberAddress(id)))
    rebalanceAll(this.document)
    this.#addHost(id)
  }

  /** Engines that a member should run. */
  copiesOn(id: number): number {
    return this.#bucket.shards.filter((s) => s.instances.some((i) => i.member === id)).length
  }

  /** Every shard has a primary that takes writes. */
  get serving(): boolean {
    return this.#bucket.shards.every((_shard, index) => {
      const primary = this.#primaryOf(index)
      return primary !== undefined && isAnswering(primary) && claims(primary)
    })
  }

  /** All nodes up and in use, all processes answering, all links whole. */
  heal(): void {
    for (const member of this.document.members) {
      member.membership = 'active'
      member.failingOver = false
    }
    for (const id of this.memberIds) this.reviveNode(id)
    for (const [, engine] of this.#engines.all()) {
      engine.linkCut = false
      engine.silent = false
    }
  }

  get #bucket() {
    const [bucket] = this.document.buckets
    if (!bucket) throw new Error('the model has one bucket')
    return bucket
  }

  get #hasMajority(): boolean {
    const all = voters(this.document)
    return all.filter((m) => this.#hosts.get(m.id)?.manager).length * 2 > all.length
  }

  get #usable(): number[] {
    const isUsable = (id: number): boolean => {
      const host = this.#hosts.get(id)
      return host !== undefined && (host.up || host.awayTurns < HEAL_TURNS)
    }
    return this.document.members.filter((m) => isHolding(m) && isUsable(m.id)).map((m) => m.id)
  }

  get #pictures(): BucketPicture[] {
    const reports: Reports = {
      isLive: (member) => this.#hosts.get(member)?.manager ?? false,
      isGone: (member) => !this.#hosts.get(member)?.manager && this.#hasMajority,
      isRefused: (member) => !this.#hosts.get(member)?.manager,
      isStopping: (member) => this.#hosts.get(member)?.stopping ?? false,
      status: (member, _bucket, shard) => this.#statusOf(shard, member),
      look: (member, port) => {
        const shard = this.#bucket.shards.findIndex((s) =>
          s.instances.some((i) => i.member === member && i.port === port),
        )
        const engine = this.#engines.at(shard, member)
        if (!engine?.alive) return { kind: 'refused' }
        const status = this.#statusOf(shard, member)
        return engine.silent ? { kind: 'silent' } : { kind: 'answers', status }
      },
    }
    return picturesOf(this.document, reports)
  }

  #statusOf(shard: number, member: number): EngineStatus {
    const port = this.#bucket.shards[shard]?.instances.find((i) => i.member === member)?.port ?? 0
    const isManaged = this.#hosts.get(member)?.manager ?? false
    return this.#engines.status({ bucket: this.#bucket.uuid, shard, port }, member, isManaged)
  }

  #wanted(picture: BucketPicture): ShardPlacement[] {
    const stopping = this.memberIds.filter((id) => this.#hosts.get(id)?.stopping)
    return wantedOf(this.document, picture.bucket, this.#usable, stopping)
  }

  #addHost(id: number): void {
    this.#hosts.set(id, { up: true, manager: true, stopping: false, awayTurns: 0 })
  }

  /** Managers start what the document puts on their node, and end what it does not. */
  #superviseAll(): void {
    for (const [id, host] of this.#hosts) {
      if (!host.manager) continue
      for (const [index, shard] of this.#bucket.shards.entries()) this.#supervise(id, index, shard)
    }
  }

  #supervise(id: number, index: number, shard: Shard): void {
    if (!shard.instances.some((i) => i.member === id)) {
      this.#engines.destroy(index, id)
      return
    }
    const engine = this.#engines.made(index, id)
    if (memberById(this.document, id)?.membership !== 'active') {
      this.#engines.stop(engine)
      return
    }
    if (engine.alive) return
    const duty = shard.primary === id ? 'primary' : 'replica'
    const synced = this.#hasMajority
    if (!mayStart({ duty, synced, created: shard.created, granted: engine.granted })) return
    this.#engines.start(engine)
  }

  #primaryOf(shard: number): ModelEngine | undefined {
    return this.#engines.at(shard, this.#bucket.shards[shard]?.primary ?? null)
  }

  /** A proxy's write: acknowledged when every listed replica has it. */
  #write(index: number): void {
    const primary = this.#primaryOf(index)
    const written = primary ? this.#engines.write(index, primary) : null
    if (written === null) return
    const listed = this.#bucket.shards[index]?.replicas ?? []
    const isSafe = listed.every((id) => this.#engines.at(index, id)?.written === written)
    if (isSafe) this.#acknowledged[index] = written
  }

  #bestTrusted(index: number): number {
    const shard = this.#bucket.shards[index]
    if (!shard) return 0
    const trusted = [shard.primary, ...shard.replicas]
    return Math.max(
      0,
      ...trusted.map((id) => (id === null ? 0 : (this.#engines.at(index, id)?.written ?? 0))),
    )
  }

  #judge(when: string): void {
    for (const [index, acknowledged] of this.#acknowledged.entries()) {
      const best = this.#bestTrusted(index)
      if (best >= acknowledged) continue
      throw new Error(`shard ${index} lost write ${acknowledged} (has ${best}) ${when}`)
    }
  }

  #apply(step: Step): void {
    const shard = this.#bucket.shards[step.shard]
    if (!shard) return
    const at = (id: number): ModelEngine | undefined => this.#engines.at(step.shard, id)
    switch (step.kind) {
      case 'grantStart': {
        const engine = at(step.member)
        if (engine && !engine.alive && this.#hosts.get(step.member)?.manager) engine.granted = true
        return
      }
      case 'failover':
        this.#failOver(shard, step)
        return
      case 'handover':
        this.#handOver(shard, step)
        return
      case 'addSlots': {
        const engine = at(step.member)
        if (!engine?.alive) return
        if (shard.created) this.#engines.promote(step.shard, engine)
        engine.hasSlots = true
        shard.created = true
        return
      }
      case 'replicate': {
        const [engine, primary] = [at(step.member), at(step.primary)]
        if (engine?.alive && primary && !engine.hasSlots) this.#engines.follow(engine, primary)
        return
      }
      case 'note':
      case 'noteLoss': {
        const primary = at(step.primary)
        if (step.kind === 'noteLoss' && (!primary?.alive || primary.role !== 'primary')) return
        if (shard.primary !== step.primary) this.#sinceFailover[step.shard] = 0
        shard.primary = step.primary
        shard.replicas = step.replicas
        return
      }
      case 'addInstance':
        this.copiesMade++
        shard.instances.push({ member: step.member, port: 20_000 + ++this.#portCount })
        return
      case 'removeInstance':
        shard.instances = shard.instances.filter((i) => i.member !== step.member)
        shard.replicas = shard.replicas.filter((id) => id !== step.member)
    }
  }

  #failOver(shard: Shard, step: Extract<Step, { kind: 'failover' }>): void {
    let best: { id: number; engine: ModelEngine } | null = null
    for (const id of step.candidates) {
      const engine = this.#engines.at(step.shard, id)
      if (!engine || !isAnswering(engine) || engine.role !== 'replica') continue
      if (!best || engine.written > best.engine.written) best = { id, engine }
    }
    if (!best) return
    if (step.from !== null && !this.#hosts.get(step.from)?.manager) {
      const { failedOver } = this.document.autoFailover
      if (!failedOver.includes(step.from)) failedOver.push(step.from)
    }
    this.#engines.promote(step.shard, best.engine)
    this.#sinceFailover[step.shard] = 0
    shard.primary = best.id
    shard.replicas = shard.replicas.filter(
      (id) => id !== best.id && id !== step.from && step.candidates.includes(id),
    )
  }

  #handOver(shard: Shard, step: Extract<Step, { kind: 'handover' }>): void {
    const target = this.#engines.at(step.shard, step.to)
    const old = this.#primaryOf(step.shard)
    if (!target || !old || !this.#engines.isLinked(step.shard, target)) return
    this.#lastHandover = this.#turnCount
    target.written = old.written
    const from = shard.primary
    this.#engines.promote(step.shard, target)
    this.#sinceFailover[step.shard] = 0
    this.#engines.follow(old, target)
    old.copying = 0
    shard.primary = step.to
    shard.replicas = shard.replicas.filter((id) => id !== step.to)
    if (from !== null) shard.replicas.push(from)
  }
}
