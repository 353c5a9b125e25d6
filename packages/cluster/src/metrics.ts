/** Prometheus metrics of a node. Values are read when they are asked for. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { wantedReplicas } from './document/cluster-document.ts'
import type { StoreNode } from './node.ts'

export class NodeMetrics {
  readonly #registry = new Registry()

  constructor(node: StoreNode) {
    const registers = [this.#registry]
    // The default precision wakes an idle process a hundred times a second.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 })
    const gauge = (name: string, help: string, read: () => number): void => {
      const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) })
    }
    gauge('holdfast_node_leader', '1 while this node leads the cluster', () =>
      node.heartbeats.leading ? 1 : 0,
    )
    gauge('holdfast_node_has_leader', '1 while this node has a leader', () =>
      node.heartbeats.leader === null ? 0 : 1,
    )
    gauge('holdfast_document_revision', 'Revision of the cluster document', () => node.document.rev)
    gauge(
      'holdfast_members_live',
      'Members that this node hears',
      () => node.document.members.filter((m) => node.heartbeats.isLive(m.id)).length,
    )
    const labelNames = ['bucket', 'state'] as const
    const shards: Gauge<'bucket' | 'state'> = new Gauge({
      name: 'holdfast_shards',
      help: 'Shards by state: whole, degraded (fewer copies than wanted), down (no primary)',
      labelNames,
      registers,
      collect: () => {
        shards.reset()
        for (const bucket of node.document.buckets) {
          const wanted = wantedReplicas(node.document, bucket)
          const count = { whole: 0, degraded: 0, down: 0 }
          for (const shard of bucket.shards) {
            if (shard.primary === null || !shard.created) count.down++
            else if (shard.replicas.length < wanted) count.degraded++
            else count.whole++
          }
          for (const [state, value] of Object.entries(count)) {
            shards.set({ bucket: bucket.name, state }, value)
          }
        }
      },
    })
    const reasons = ['disabled', 'quota', 'too-many', 'no-copy', 'no-majority'] as const
    const refusals: Gauge<'reason'> = new Gauge({
      name: 'holdfast_failovers_refused',
      help: 'Failovers that do not happen at present, by reason',
      labelNames: ['reason'],
      registers,
      collect: () => {
        const all = node.reconciler.refusals()
        for (const reason of reasons) {
          refusals.set({ reason }, all.filter((refusal) => refusal.reason === reason).length)
        }
      },
    })
    const refused: Counter<'reason'> = new Counter({
      name: 'holdfast_failovers_refused_total',
      help: 'Failovers that were refused since this node started, by reason',
      labelNames: ['reason'],
      registers,
      collect: () => {
        refused.reset()
        const counts = node.reconciler.refusalCounts()
        for (const reason of reasons) refused.inc({ reason }, counts.get(reason) ?? 0)
      },
    })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
