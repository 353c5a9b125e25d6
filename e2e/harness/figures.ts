// Prints the figures of a test into the report: what was measured, and against which bound.
import type { TestContext } from 'node:test'

/** One line, for example `figure: failed requests 0 (of 4211)`. */
export function figure(t: TestContext, name: string, value: number | string, note = ''): void {
  t.diagnostic(`figure: ${name} ${value}${note === '' ? '' : ` (${note})`}`)
}
