/**
 * What a process says of itself to Prometheus: CPU, memory, event loop. It measures from when it is
 * first asked: what nobody reads costs an idle process neither time nor memory.
 */
import type { Registry } from 'prom-client'

/** The metrics of one process, as plain objects that can be sent to another one. */
export type ProcessMetrics = readonly object[]

/** Measures this process. One for each process, for its lifetime. */
export class ProcessMeter {
  #registry: Promise<Registry> | undefined = undefined

  async collect(): Promise<ProcessMetrics> {
    this.#registry ??= measure()
    return await (await this.#registry).getMetricsAsJSON()
  }
}

async function measure(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client')
  const register = new Registry()
  // A finer look at the loop's delay would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 })
  return register
}
