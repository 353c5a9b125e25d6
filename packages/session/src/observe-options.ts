/*
 * Options of one area: metrics, statistics and traces.
 */

import { SessionObserver } from './observe/session-observer.ts'
import type { SessionTracer } from './observe/tracing.ts'
import { booleanOption, type GivenOptions, type OptionRows } from './option-readers.ts'

export const OBSERVE_OPTIONS: OptionRows = [
  {
    name: 'enableStatistics',
    byDefault: '`true`',
    type: 'boolean',
    meaning:
      '`false`: what only `statistics()` shows is not timed (encoding, held responses, releases of locks). Events, metrics and counters stay.',
  },
  {
    name: 'tracing',
    byDefault: '`true`',
    type: 'boolean or Tracer',
    meaning:
      'Spans of OpenTelemetry for loading, saving and locking, where the store is asked. `true`: by the global provider if `@opentelemetry/api` is installed, else none. A tracer: by this one. A session id is never part of a span, only a hash of it.',
  },
]

/** As the application writes them. */
export interface ObserveOptions {
  enableStatistics?: boolean | undefined
  tracing?: boolean | SessionTracer | undefined
}

/** After checking. */
export interface ObserveSettings {
  /** Where everything worth knowing is reported. */
  observer: SessionObserver
}

/** Throws TypeError naming the option that is wrong. */
export function parseObserveOptions(given: GivenOptions): ObserveSettings {
  const statistics = booleanOption(given, 'enableStatistics', true)
  const tracing = tracingOption(given.get('tracing'))
  return { observer: new SessionObserver({ statistics, tracing }) }
}

function tracingOption(value: unknown): boolean | SessionTracer {
  if (value === undefined) return true
  if (typeof value === 'boolean' || isTracer(value)) return value
  throw new TypeError('option tracing must be true, false or a tracer of OpenTelemetry')
}

function isTracer(value: unknown): value is SessionTracer {
  if (typeof value !== 'object' || value === null) return false
  return typeof Reflect.get(value, 'startSpan') === 'function'
}
