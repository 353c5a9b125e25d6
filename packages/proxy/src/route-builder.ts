/**
 * From a route's configuration to its policy. The policies themselves, and what each may be given,
 * are in routes/.
 */
import type { Backend } from '@holdfast/client'
import { issuesOf } from './config-issues.ts'
import type { ConfigIssue, ProxyConfig, RouteConfig } from './proxy-config.ts'
import { findRouteType, ROUTE_TYPES } from './routes/route-types.ts'

/** Names of the backends and routes that a route hands operations to. */
export function childrenOf(config: RouteConfig): readonly string[] {
  return findRouteType(config.type)?.plan(config).children ?? []
}

/** Makes the policy over its children. */
export function buildRoute(config: RouteConfig, children: ReadonlyMap<string, Backend>): Backend {
  const type = findRouteType(config.type)
  if (type === undefined) throw new Error(`bug: no route type ${config.type}`)
  return type.plan(config).build((name) => {
    const child = children.get(name)
    if (child === undefined) throw new Error(`bug: nothing is called ${name}`)
    return child
  })
}

/** All that is wrong with the routes of a configuration. */
export function routeIssues({ routes, backends }: ProxyConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const sound = new Map<string, readonly string[]>()
  for (const [name, route] of Object.entries(routes)) {
    const type = findRouteType(route.type)
    const checked = type?.schema.safeParse(route)
    if (type === undefined) {
      const types = ROUTE_TYPES.map((known) => known.type).join(', ')
      issues.push({ path: ['routes', name, 'type'], message: `expected one of ${types}` })
    } else if (checked?.success === false) {
      issues.push(...issuesOf(checked.error, ['routes', name]))
    } else {
      sound.set(name, childrenOf(route))
    }
  }
  for (const [name, children] of sound) {
    for (const child of children) {
      if (!Object.hasOwn(backends, child) && !Object.hasOwn(routes, child)) {
        const message = `there is no backend or route ${child}`
        issues.push({ path: ['routes', name], message })
      }
    }
    if (reaches(name, name, sound, new Set())) {
      issues.push({ path: ['routes', name], message: 'the route leads back to itself' })
    }
  }
  return issues
}

function reaches(
  from: string,
  to: string,
  children: ReadonlyMap<string, readonly string[]>,
  seen: Set<string>,
): boolean {
  for (const child of children.get(from) ?? []) {
    if (child === to) return true
    if (seen.has(child)) continue
    seen.add(child)
    if (reaches(child, to, children, seen)) return true
  }
  return false
}
