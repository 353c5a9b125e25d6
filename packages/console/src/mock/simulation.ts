/**
 * A small simulated cluster: nodes that die and come back, failover, healing and rebalance, one
 * step per tick. It is only as true as a console needs: what a person would see, in the right
 * order.
 */
import type { AlertSettings, Health, LogEntry } from '../rest/types.ts'
import type { MockCopy, MockShard, MockState } from './model.ts'
import { initialState, type MockBucket, type MockNode, type MockOptions } from './model.ts'
import { makeSessions } from './sessions.ts'
import { type WantedShard, wantedPlacement } from './wanted.ts'

const SYNC_PER_TICK = 0.25
const COPIES_AT_ONCE = 4
const LOG_MAX = 500

export class MockCluster {
  readonly state: MockState
  readonly #now: () => number

  constructor(options: Omit<MockOptions, 'nowMs'>, now: () => number = Date.now) {
    this.#now = now
    this.state = initialState({ ...options, nowMs: now() })
    for (const bucket of this.state.buckets) this.place(bucket)
    if (this.state.buckets.length > 0) this.state.sessions = makeSessions(now())
    this.#firstEvents()
  }

  get nowMs(): number {
    return this.#now()
  }

  /** Null without a majority of the members that vote. */
  get leader(): MockNode | null {
    const voters = this.state.nodes.filter((n) => n.membership === 'active')
    const alive = voters.filter((n) => n.isAlive)
    return alive.length * 2 > voters.length ? (alive[0] ?? null) : null
  }

  node(id: number): MockNode | undefined {
    return this.state.nodes.find((n) => n.id === id)
  }

  named(otpNode: string | undefined): MockNode | undefined {
    return this.state.nodes.find((n) => n.otpNode === otpNode)
  }

  bucket(name: string | undefined): MockBucket | undefined {
    return this.state.buckets.find((b) => b.name === name)
  }

  /** Nodes that hold data, or could. */
  dataNodes(): MockNode[] {
    return this.state.nodes.filter((n) => n.membership === 'active' && !n.arbiter)
  }

  /** Gives every shard of a bucket its copies at once, as a new bucket gets them. */
  place(bucket: MockBucket): void {
    const wanted = this.wanted(bucket)
    bucket.shards.forEach((shard, index) => {
      const { primary = null, nodes = [] } = wanted[index] ?? {}
      shard.primary = primary
      shard.copies = nodes.map((node) => ({ node, synced: 1 }))
    })
    this.changed()
  }

  wanted(bucket: MockBucket): WantedShard[] {
    const nodes = this.dataNodes().filter((n) => !n.ejecting && n.isAlive)
    return wantedPlacement(
      bucket,
      nodes.map((n) => n.id),
    )
  }

  wantedReplicas(bucket: MockBucket): number {
    const nodes = this.dataNodes().filter((n) => !n.ejecting)
    return Math.max(0, Math.min(bucket.replicaCount, nodes.length - 1))
  }

  kill(node: MockNode): void {
    if (!node.isAlive) return
    node.isAlive = false
    node.diedMs = this.nowMs
    this.log('warning', 'node', `node ${node.otpNode} is not heard any more`, node)
    this.changed()
  }

  heal(node: MockNode): void {
    if (node.isAlive) return
    node.isAlive = true
    node.startedMs = this.nowMs
    this.log('info', 'node', `node ${node.otpNode} is heard again`, node)
    this.changed()
  }

  /** Takes a node's data away from it: by itself, or by a person's word. */
  failOver(node: MockNode, isAutomatic: boolean): void {
    node.membership = 'inactiveFailed'
    for (const bucket of this.state.buckets) {
      for (const shard of bucket.shards) this.#dropCopy(shard, node.id)
      this.#remakeLost(bucket)
    }
    if (isAutomatic) this.state.autoFailover.count++
    const how = isAutomatic ? 'automatically' : "by a person's word"
    const text = `node ${node.otpNode} was failed over ${how}`
    this.log('warning', 'failover', text, node)
    if (isAutomatic) this.tell('auto_failover_node', text)
    this.changed()
  }

  startRebalance(leaving: readonly MockNode[]): void {
    for (const node of this.state.nodes) {
      if (node.membership === 'inactiveAdded') node.membership = 'active'
      node.ejecting = leaving.includes(node) || node.membership === 'inactiveFailed'
    }
    this.state.isRebalancing = true
    this.state.wasStopped = false
    this.state.rebalanceMovesAtStart = Math.max(this.movesLeft(), 1)
    this.log('info', 'rebalance', 'rebalance started')
    this.changed()
  }

  stopRebalance(): void {
    if (!this.state.isRebalancing) return
    this.state.isRebalancing = false
    this.state.wasStopped = true
    this.log('info', 'rebalance', 'rebalance stopped')
    this.changed()
  }

  /** Copies that are to be made, in shares of one. */
  movesLeft(): number {
    let left = 0
    for (const bucket of this.state.buckets) {
      const wanted = this.wanted(bucket)
      bucket.shards.forEach((shard, index) => {
        for (const id of wanted[index]?.nodes ?? []) {
          left += 1 - (shard.copies.find((c) => c.node === id)?.synced ?? 0)
        }
      })
    }
    return left
  }

  /** One step of everything that happens by itself. */
  tick(): void {
    if (!this.state.isProvisioned) return
    this.#failOverTheDead()
    this.#sync()
    this.#addCopies()
    if (this.state.isRebalancing) this.#finishMoves()
    this.#work()
  }

  log(type: LogEntry['type'], module: string, text: string, node = this.leader): void {
    const entry: LogEntry = {
      node: node?.otpNode ?? this.state.nodes[0]?.otpNode ?? '',
      type,
      code: 0,
      module,
      tstamp: this.nowMs,
      shortText: text,
      text,
    }
    this.state.log = [...this.state.log, entry].slice(-LOG_MAX)
  }

  /** An alert: in the list of those that were told, and in the log. */
  tell(key: AlertSettings['alerts'][number], text: string): void {
    this.log('critical', 'alert', `${key}: ${text}`)
    const last = this.state.log.at(-1)
    if (last) this.state.alertsTold = [...this.state.alertsTold, last].slice(-LOG_MAX)
  }

  /** The alerts that last. */
  alerts(): { key: string; text: string }[] {
    const health = this.health()
    const list = health.reasons.map((text) => ({
      key: health.word === 'unavailable' ? 'unavailable' : 'degraded',
      text,
    }))
    const { count, maxCount } = this.state.autoFailover
    const dead = this.dataNodes().find((n) => !n.isAlive)
    if (dead && count >= maxCount) {
      list.unshift({
        key: 'auto_failover_maximum_reached',
        text: `${dead.otpNode} is not failed over: ${count} of ${maxCount} failovers have happened`,
      })
    }
    return health.word === 'degraded' || health.word === 'unavailable' ? list : []
  }

  health(): Health {
    const { nodes, buckets } = this.state
    const reasons: string[] = []
    for (const node of nodes) {
      if (node.isAlive) continue
      const isOut = node.membership === 'inactiveFailed'
      reasons.push(`Node ${node.hostname} ${isOut ? 'was failed over' : 'does not answer'}.`)
    }
    let without = 0
    let short = 0
    for (const bucket of buckets) {
      const lost = bucket.shards.filter((s) => !this.#serves(s)).length
      const few = bucket.shards.filter((s) => this.#isShort(bucket, s)).length
      without += lost
      short += few
      const of = `of ${bucket.shards.length} shards of bucket ${bucket.name}`
      if (lost > 0) reasons.push(`${lost} ${of} have no copy that serves.`)
      else if (few > 0) reasons.push(`${few} ${of} have fewer copies than wanted.`)
    }
    const isAlone = this.dataNodes().length < 2
    const wantsCopies = buckets.some((b) => b.replicaCount > 0)
    if (isAlone && wantsCopies) reasons.push('There is one node only: no second copy of anything.')
    if (buckets.length === 0) return { word: 'noBuckets', reasons }
    if (without > 0) return { word: 'unavailable', reasons }
    if (this.state.isRebalancing) return { word: 'rebalancing', reasons }
    const isDegraded = short > 0 || (isAlone && wantsCopies)
    return isDegraded ? { word: 'degraded', reasons } : { word: 'healthy', reasons }
  }

  changed(): void {
    this.state.rev++
  }

  #serves(shard: MockShard): boolean {
    return shard.primary !== null && this.node(shard.primary)?.isAlive === true
  }

  #isShort(bucket: MockBucket, shard: MockShard): boolean {
    const whole = shard.copies.filter((c) => c.synced === 1 && this.node(c.node)?.isAlive)
    return whole.length < 1 + this.wantedReplicas(bucket)
  }

  #failOverTheDead(): void {
    const { autoFailover } = this.state
    const dead = this.dataNodes().filter((n) => !n.isAlive)
    if (dead.length !== 1 || !autoFailover.enabled || this.dataNodes().length < 3) return
    const [node] = dead
    if (!node || autoFailover.count >= autoFailover.maxCount) return
    if (this.nowMs - node.diedMs >= autoFailover.timeout * 1000) this.failOver(node, true)
  }

  #dropCopy(shard: MockShard, node: number): void {
    shard.copies = shard.copies.filter((c) => c.node !== node)
    if (shard.primary !== node) return
    shard.primary = shard.copies.find((c) => c.synced === 1)?.node ?? null
  }

  /** What has no copy left is made again, empty. */
  #remakeLost(bucket: MockBucket): void {
    const wanted = this.wanted(bucket)
    for (const [index, shard] of bucket.shards.entries()) {
      const primary = wanted[index]?.primary ?? null
      if (shard.copies.length > 0 || primary === null) continue
      Object.assign(shard, { primary, copies: [{ node: primary, synced: 1 }], items: 0, bytes: 0 })
    }
  }

  #sync(): void {
    const served = this.state.buckets.flatMap((b) => b.shards).filter((s) => this.#serves(s))
    for (const copy of served.flatMap((s) => s.copies)) {
      if (copy.synced === 1 || !this.node(copy.node)?.isAlive) continue
      copy.synced = Math.min(1, copy.synced + SYNC_PER_TICK)
      if (copy.synced === 1) this.changed()
    }
  }

  #allCopies(): MockCopy[] {
    return this.state.buckets.flatMap((b) => b.shards.flatMap((s) => s.copies))
  }

  #addCopies(): void {
    let underWay = this.#allCopies().filter((c) => c.synced < 1).length
    for (const bucket of this.state.buckets) {
      const wanted = this.wanted(bucket)
      for (const [index, shard] of bucket.shards.entries()) {
        if (!this.state.isRebalancing && !this.#isShort(bucket, shard)) continue
        for (const node of wanted[index]?.nodes ?? []) {
          if (underWay >= COPIES_AT_ONCE) return
          if (shard.copies.some((c) => c.node === node) || !this.#serves(shard)) continue
          shard.copies.push({ node, synced: 0 })
          underWay++
          this.changed()
        }
      }
    }
  }

  #finishMoves(): void {
    for (const bucket of this.state.buckets) {
      const wanted = this.wanted(bucket)
      for (const [index, shard] of bucket.shards.entries()) {
        const goal = wanted[index]
        if (!goal) continue
        const isWhole = goal.nodes.every((id) =>
          shard.copies.some((c) => c.node === id && c.synced === 1),
        )
        if (!isWhole) continue
        shard.primary = goal.primary
        shard.copies = shard.copies.filter((c) => goal.nodes.includes(c.node))
      }
    }
    if (this.movesLeft() > 0) return
    this.state.isRebalancing = false
    this.state.nodes = this.state.nodes.filter((n) => !n.ejecting)
    this.state.autoFailover.count = 0
    this.log('info', 'rebalance', 'rebalance completed')
    this.changed()
  }

  /** Items come and go, so that figures live. */
  #work(): void {
    for (const bucket of this.state.buckets) {
      for (const [index, shard] of bucket.shards.entries()) {
        if (!this.#serves(shard) || shard.items === 0) continue
        shard.items += Math.round(Math.sin(this.nowMs / 7000 + index) * 6)
        shard.bytes = shard.items * 1900
      }
    }
  }

  #firstEvents(): void {
    const { nodes } = this.state
    for (const node of nodes) this.log('info', 'node', `node ${node.otpNode} has started`, node)
    for (const { name } of this.state.buckets) this.log('info', 'bucket', `bucket ${name} created`)
  }
}
