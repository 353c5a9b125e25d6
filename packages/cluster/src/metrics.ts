/**
 * Prometheus metrics of a node: those of the table, read when asked for, and those of the process,
 * which is measured from when it is first asked: what nobody reads costs an idle node nothing.
 */
import type { Registry } from 'prom-client'
import { STORE_METRICS } from './metrics-table.ts'
import type { StoreNode } from './node.ts'

export class NodeMetrics {
  readonly contentType: string = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #node: StoreNode
  #process: Promise<Registry> | null = null

  constructor(node: StoreNode) {
    this.#node = node
  }

  async text(): Promise<string> {
    const { AggregatorRegistry } = await import('prom-client')
    const own = STORE_METRICS.map(({ name, help, type, read }) => {
      return { name, help, type, aggregator: 'sum', values: read(this.#node) }
    })
    this.#process ??= measure()
    const process = await (await this.#process).getMetricsAsJSON()
    return AggregatorRegistry.aggregate([process, own]).metrics()
  }
}

async function measure(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client')
  const register = new Registry()
  // The default precision wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 })
  return register
}
