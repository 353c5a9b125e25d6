/** All routes of the mock. */
import type { MockRoute } from './answer.ts'
import { bucketRoutes } from './answers/buckets.ts'
import { nodeRoutes } from './answers/nodes.ts'
import { observeRoutes } from './answers/observe.ts'
import { poolRoutes } from './answers/pool.ts'
import { settingsRoutes } from './answers/settings.ts'

export const mockRoutes: readonly MockRoute[] = [
  ...poolRoutes,
  ...nodeRoutes,
  ...bucketRoutes,
  ...observeRoutes,
  ...settingsRoutes,
]
