/** Version of this package: that of the whole set. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const packageSchema = z.object({ version: z.string() })

export function holdfastVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return packageSchema.parse(JSON.parse(text)).version
}
