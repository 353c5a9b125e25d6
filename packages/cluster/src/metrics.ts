/** Prometheus metrics of a node: those of the table and of the process, read when asked for. */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client'
import { STORE_METRICS } from './metrics-table.ts'
import type { StoreNode } from './node.ts'

export class NodeMetrics {
  readonly #process = new Registry()
  readonly #node: StoreNode

  constructor(node: StoreNode) {
    this.#node = node
    // The default precision wakes an idle process a hundred times a second.
    collectDefaultMetrics({ register: this.#process, eventLoopMonitoringPrecision: 100 })
  }

  get contentType(): string {
    return this.#process.contentType
  }

  async text(): Promise<string> {
    const own = STORE_METRICS.map(({ name, help, type, read }) => {
      return { name, help, type, aggregator: 'sum', values: read(this.#node) }
    })
    const process = await this.#process.getMetricsAsJSON()
    return AggregatorRegistry.aggregate([process, own]).metrics()
  }
}
