/**
 * Looks at this node and its cluster every two seconds: figures of the machine, figures of the
 * other members, conditions that people should know of, events for the log. It decides nothing
 * about the cluster; a node without it would serve just the same.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type ClusterDocument, type Member, otpNodeOf } from '../document/cluster-document.ts'
import type { StoreNode } from '../node.ts'
import type { MemberAlert } from '../rest/views.ts'
import {
  type Condition,
  clusterConditions,
  nodeConditions,
  refusalConditions,
} from './alert-rules.ts'
import { AlertSender } from './alert-sender.ts'
import { readAlertSettings } from './alert-settings.ts'
import { Alerts } from './alerts.ts'
import { documentEvents } from './event-kinds.ts'
import { EventLog, type LogEntry, logEntrySchema, mergeEntries } from './event-log.ts'
import { hasAddress, Machine } from './machine-figures.ts'
import { MemberCalls } from './member-calls.ts'
import { type Alert, type MemberFigures, memberFiguresSchema } from './member-figures.ts'
import { type SeenReport, seenReportsSchema } from './proxy-figures.ts'
import { ProxyRegistry } from './proxy-registry.ts'

const TURN_MS = 2000
const FIGURES_TIMEOUT_MS = 1000
const LOGS_TIMEOUT_MS = 2000
const PROXIES_TIMEOUT_MS = 1000

export class Observer {
  readonly events: EventLog
  readonly calls: MemberCalls
  /** Proxies that report to this node. */
  readonly proxies: ProxyRegistry = new ProxyRegistry()
  readonly #node: StoreNode
  readonly #log: Logger
  readonly #machine: Machine
  readonly #alerts = new Alerts()
  readonly #sender: AlertSender
  readonly #figures = new Map<number, MemberFigures>()
  readonly #clockAheadMs = new Map<number, number>()
  readonly #live = new Set<number>()
  #document: ClusterDocument
  #own: MemberFigures | null = null
  #timer: NodeJS.Timeout | null = null
  #turning: Promise<void> | null = null

  constructor(node: StoreNode, log: Logger) {
    this.#node = node
    this.#log = log
    this.#document = node.document
    this.#machine = new Machine(node.folder)
    this.calls = new MemberCalls(() => node.document)
    const path = join(node.folder, 'events.jsonl')
    this.events = new EventLog({ path, node: () => otpNodeOf(node.selfMember), log })
    this.#sender = new AlertSender({
      settings: () => readAlertSettings(node.document.settings),
      log,
    })
    node.onDocument(() => this.#noteDocument())
  }

  async start(): Promise<void> {
    await this.events.open()
    const { restPort } = this.#node.selfMember
    const name = otpNodeOf(this.#node.selfMember)
    this.events.add('started', `Holdfast has started on web port ${restPort} on node '${name}'.`)
    this.#timer = setInterval(() => this.#turn(), TURN_MS)
    this.#turn()
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    this.calls.close()
    await this.#turning
    await this.#sender.close()
    await this.events.close()
  }

  /** What a member last said of its machine. */
  figures(member: number): MemberFigures | null {
    return member === this.#node.keeper.self ? this.#own : (this.#figures.get(member) ?? null)
  }

  /** What this node says of itself, with the time of the question. */
  ownFigures(): MemberFigures | null {
    return this.#own && { ...this.#own, clockMs: Date.now(), alerts: this.#alerts.current }
  }

  /** Alerts of all members that are heard. */
  alerts(): MemberAlert[] {
    const { self } = this.#node.keeper
    const own = this.#alerts.current.map((alert) => ({ ...alert, member: self }))
    const others = [...this.#figures].flatMap(([member, figures]) =>
      this.#node.heartbeats.isLive(member)
        ? figures.alerts.map((alert) => ({ ...alert, member }))
        : [],
    )
    return [...own, ...others].sort((a, b) => a.sinceMs - b.sinceMs)
  }

  /** Events of all members, oldest first; those that do not answer are named. */
  async logs(options: {
    sinceMs: number
    limit: number
  }): Promise<{ list: LogEntry[]; missing: string[] }> {
    const { answers, missing } = await this.calls.askAll(this.#others(), '/internal/events', {
      schema: logEntrySchema.array(),
      timeoutMs: LOGS_TIMEOUT_MS,
    })
    const list = mergeEntries([this.events.entries, ...answers.values()], options)
    return { list, missing: missing.map((id) => this.#nameOf(id)) }
  }

  /** Proxies of all members, by the name of the member; those that do not answer are named. */
  async clusterProxies(): Promise<{ byNode: Map<string, SeenReport[]>; missing: string[] }> {
    const { answers, missing } = await this.calls.askAll(this.#others(), '/internal/proxies', {
      schema: seenReportsSchema,
      timeoutMs: PROXIES_TIMEOUT_MS,
    })
    const byNode = new Map([[otpNodeOf(this.#node.selfMember), this.proxies.list()]])
    for (const [id, list] of answers) byNode.set(this.#nameOf(id), list)
    return { byNode, missing: missing.map((id) => this.#nameOf(id)) }
  }

  #turn(): void {
    if (this.#turning) return
    this.#turning = this.#once()
      .catch((error: unknown) => this.#log.error({ err: error }, 'observing failed'))
      .finally(() => {
        this.#turning = null
      })
  }

  async #once(): Promise<void> {
    const machine = await this.#machine.figures()
    const status = this.#node.supervisor.status()
    const diskBytes = (bytes: number, e: (typeof status.engines)[number]): number =>
      bytes + (e.usage?.diskBytes ?? 0)
    this.#own = {
      ...machine,
      clockMs: Date.now(),
      uptimeSeconds: Math.floor(process.uptime()),
      dataBytes: status.engines.reduce(diskBytes, 0),
      tlsPort: this.#node.tlsPort,
      alerts: [],
    }
    this.#noteMembers()
    await this.#askMembers()
    const changes = this.#alerts.update(this.#conditions(this.#own), Date.now())
    for (const alert of changes.told) this.#tell(alert)
    for (const alert of changes.over) this.events.add('alertOver', `Over: ${alert.text}`)
  }

  #conditions(own: MemberFigures): Condition[] {
    const { document, selfMember, supervisor, reconciler, heartbeats } = this.#node
    const { engines } = supervisor.status()
    const cluster = { refusals: reconciler.refusals(), clockAheadMs: this.#clockAheadMs }
    return [
      ...nodeConditions(document, {
        name: otpNodeOf(selfMember),
        machine: own,
        engines,
        engineMemory: this.#engineMemory(),
        address: { host: selfMember.host, present: hasAddress(selfMember.host) },
      }),
      ...refusalConditions(document, cluster),
      ...(heartbeats.leading ? clusterConditions(document, cluster) : []),
    ]
  }

  #engineMemory(): { residentBytes: number; usedBytes: number } {
    const memory = { residentBytes: 0, usedBytes: 0 }
    for (const { figures } of this.#node.statistics.sampler.samples) {
      memory.residentBytes += figures.gauges.residentBytes
      memory.usedBytes += figures.gauges.usedBytes
    }
    return memory
  }

  async #askMembers(): Promise<void> {
    const others = this.#others().filter((m) => this.#node.heartbeats.isLive(m.id))
    await Promise.all(others.map((member) => this.#askMember(member)))
    const known = new Set(this.#node.document.members.map((m) => m.id))
    for (const id of this.#figures.keys()) {
      if (known.has(id)) continue
      this.#figures.delete(id)
      this.#clockAheadMs.delete(id)
    }
  }

  async #askMember(member: Member): Promise<void> {
    const askedAtMs = Date.now()
    const askedMs = performance.now()
    try {
      const figures = await this.calls.ask(member, '/internal/figures', {
        schema: memberFiguresSchema,
        timeoutMs: FIGURES_TIMEOUT_MS,
      })
      const halfwayMs = (performance.now() - askedMs) / 2
      const aheadMs = figures.clockMs - (askedAtMs + halfwayMs)
      const certainMs = Math.sign(aheadMs) * Math.max(0, Math.abs(aheadMs) - halfwayMs)
      this.#clockAheadMs.set(member.id, certainMs)
      this.#figures.set(member.id, figures)
    } catch {
      // Heartbeats say whether it is gone; its last figures stay.
    }
  }

  /** Members that come and go, by the word of the leader, or of everybody while there is none. */
  #noteMembers(): void {
    for (const member of this.#others()) {
      const isLive = this.#node.heartbeats.isLive(member.id)
      if (isLive === this.#live.has(member.id)) continue
      if (isLive) this.#live.add(member.id)
      else this.#live.delete(member.id)
      if (!this.#isReporter()) continue
      const self = otpNodeOf(this.#node.selfMember)
      const text = `Node '${self}' saw that node '${otpNodeOf(member)}' ${isLive ? 'came up' : 'went down'}.`
      this.events.add(isLive ? 'memberUp' : 'memberDown', text)
    }
  }

  #noteDocument(): void {
    const before = this.#document
    const after = this.#node.document
    this.#document = after
    this.proxies.noteMap()
    if (before.uuid !== after.uuid || !this.#isReporter()) return
    for (const { name, text } of documentEvents(before, after)) {
      this.events.add(name, text)
      if (name !== 'failedOverByItself') continue
      const alert = this.#alerts.happened(
        { key: 'auto_failover_node', about: text, text },
        Date.now(),
      )
      if (alert) this.#tell(alert)
    }
  }

  /** One member writes down what all see: the leader, or everybody while there is none. */
  #isReporter(): boolean {
    const { leading, leader } = this.#node.heartbeats
    return leading || leader === null
  }

  #tell(alert: Alert): void {
    this.#log.warn({ key: alert.key, about: alert.about }, alert.text)
    this.events.add('alert', alert.text)
    const node = otpNodeOf(this.#node.selfMember)
    this.#sender.send({ ...alert, node, cluster: this.#node.document.uuid })
  }

  #others(): Member[] {
    return this.#node.document.members.filter((m) => m.id !== this.#node.keeper.self)
  }

  #nameOf(id: number): string {
    const member = this.#node.document.members.find((m) => m.id === id)
    return member ? otpNodeOf(member) : String(id)
  }
}
