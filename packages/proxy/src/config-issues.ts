// What the schema library finds wrong, as issues of a configuration.

import type { z } from 'zod'
import type { ConfigIssue } from './proxy-config.ts'

/** All that is wrong, below `path`; an unknown member is reported at its own place. */
export function issuesOf(error: z.ZodError, path: readonly (string | number)[]): ConfigIssue[] {
  return error.issues.flatMap((issue) => {
    const steps = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
    const place = [...path, ...steps]
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [...place, key], message: 'no such setting' }))
    }
    return [{ path: place, message: issue.message.replace(/^Invalid input: /, '') }]
  })
}
