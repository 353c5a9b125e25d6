/** All routing policies, by what `type` says in the configuration. */
import { FAILOVER } from './failover-route.ts'
import { KEY_PREFIX } from './key-prefix-route.ts'
import { PREFIX } from './prefix-route.ts'
import type { RouteType } from './route-type.ts'
import { SHADOW } from './shadow-route.ts'
import { WARM_UP } from './warm-up-route.ts'
import { WRITE_ALL } from './write-all-route.ts'

/** The policies, in the order of their reference. */
export const ROUTE_TYPES: readonly RouteType[] = [
  FAILOVER,
  WRITE_ALL,
  WARM_UP,
  SHADOW,
  PREFIX,
  KEY_PREFIX,
]

/** The policy of this type. */
export function findRouteType(type: string): RouteType | undefined {
  return ROUTE_TYPES.find((entry) => entry.type === type)
}
