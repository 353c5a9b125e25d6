/** Log, alerts, proxies and sessions, as the mock answers them. */
import type { Session, Sessions } from '../../rest/session-types.ts'
import type { Alerts, Logs, Proxies } from '../../rest/types.ts'
import { MockRefusal, type MockRequest, type MockRoute } from '../answer.ts'
import type { MockSession } from '../model.ts'
import type { MockCluster } from '../simulation.ts'
import { wave } from '../wave.ts'
import { VERSION } from './pool.ts'

const PAGE_MAX = 200

export const observeRoutes: MockRoute[] = [
  { method: 'GET', path: '/logs', handle: logs },
  { method: 'GET', path: '/alerts', handle: alerts },
  { method: 'GET', path: '/proxies', handle: (_, cluster) => proxies(cluster) },
  { method: 'GET', path: '/sessions', handle: sessions },
  { method: 'GET', path: '/sessions/:bucket/:id', handle: oneSession },
  { method: 'DELETE', path: '/sessions/:bucket/:id', handle: revokeOne },
  { method: 'DELETE', path: '/sessions/:bucket', handle: revokeUser },
]

function logs({ query }: MockRequest, cluster: MockCluster): Logs {
  const limit = Number(query.limit ?? 250)
  const since = Number(query.sinceTime ?? 0)
  const list = cluster.state.log.filter((e) => e.tstamp >= since).slice(-limit)
  const dead = cluster.state.nodes.filter((n) => !n.isAlive)
  return { list, ...(dead.length > 0 ? { nodesMissing: dead.map((n) => n.otpNode) } : {}) }
}

function alerts(request: MockRequest, cluster: MockCluster): Alerts {
  return { ...logs(request, cluster), list: cluster.state.alertsTold, current: cluster.alerts() }
}

function proxies(cluster: MockCluster): Proxies {
  const { nowMs, state } = cluster
  const alive = state.nodes.filter((n) => n.isAlive)
  const names = state.buckets.map((b) => b.name)
  const apps = ['web-1', 'web-2', 'web-3', 'web-4']
  const list = [
    ...alive.map((node) => ({
      kind: 'gateway' as const,
      host: node.hostname,
      node,
      seed: node.id,
    })),
    ...apps.map((host, index) => ({
      kind: 'proxy' as const,
      host: `${host}.example:11311`,
      node: alive[index % Math.max(alive.length, 1)],
      seed: 20 + index,
    })),
  ]
  return {
    proxies: list.map(({ kind, host, node, seed }) => ({
      id: `${kind}-${seed}`,
      hostname: host,
      pid: 4000 + seed,
      version: seed === 23 ? '0.0.9' : VERSION,
      kind,
      node: node?.otpNode ?? '',
      buckets: names,
      rev: seed === 23 ? state.rev - 3 : state.rev,
      upToDate: seed !== 23,
      upstreamConnections: kind === 'proxy' ? 120 + seed : 4,
      clients:
        kind === 'proxy'
          ? [{ address: '127.0.0.1', connections: 120 + seed }]
          : [{ address: '10.0.0.99', connections: 4 }],
      operationsPerSecond: Math.round(wave(nowMs, { base: kind === 'proxy' ? 6400 : 210, seed })),
      errorsPerSecond: seed === 23 ? 1.4 : 0,
      errors: seed === 23 ? 312 : seed % 3,
      getP99Ms: wave(nowMs, { base: 0.9, seed }),
      setP99Ms: wave(nowMs, { base: 1.6, seed }),
      uptimeSeconds: 86_400 * 3 + seed * 977,
      lastSeenSeconds: seed === 23 ? 6 : 1,
    })),
    missing: state.nodes.filter((n) => !n.isAlive).map((n) => n.otpNode),
  }
}

function sessions({ query }: MockRequest, cluster: MockCluster): Sessions {
  const { bucket = '', id, user } = query
  if (!cluster.bucket(bucket)) throw new MockRefusal(404, 'Requested resource not found.\r\n')
  const start = Number(query.start ?? 0)
  const limit = Math.min(Number(query.limit ?? 50), PAGE_MAX)
  const found = cluster.state.sessions.filter(
    (s) =>
      s.bucket === bucket &&
      (id === undefined || s.id === id) &&
      (user === undefined || s.user === user),
  )
  const next = start + limit < found.length ? String(start + limit) : null
  return { sessions: found.slice(start, start + limit).map((s) => shown(s, cluster.nowMs)), next }
}

function shown(session: MockSession, nowMs: number): Session {
  const { values, createdMs, lastAccessedMs, ttlSeconds, ...rest } = session
  const idleSeconds = Math.round((nowMs - lastAccessedMs) / 1000) % ttlSeconds
  const attributes = Object.entries(values).map(([name, value]) => ({
    name,
    type: Array.isArray(value) ? 'array' : typeof value,
    sizeBytes: JSON.stringify(value).length,
  }))
  const { encrypted } = session
  return {
    ...rest,
    prefix: '',
    createdAt: encrypted ? null : createdMs,
    lastAccessedAt: encrypted ? null : lastAccessedMs,
    idleSeconds: encrypted ? null : idleSeconds,
    ageSeconds: encrypted ? null : Math.round((nowMs - createdMs) / 1000),
    expiresInSeconds: ttlSeconds - idleSeconds,
    sizeBytes: JSON.stringify(values).length + 60,
    attributes: encrypted ? [] : attributes,
  }
}

function oneSession({ params, query, role }: MockRequest, cluster: MockCluster): Session {
  const session = cluster.state.sessions.find(
    (s) => s.bucket === params.bucket && s.id === params.id,
  )
  if (!session) throw new MockRefusal(404, 'Requested resource not found.\r\n')
  if (query.values !== '1') return shown(session, cluster.nowMs)
  if (role !== 'admin') {
    throw new MockRefusal(403, { message: 'Values of sessions are for the admin only.' })
  }
  return { ...shown(session, cluster.nowMs), values: session.encrypted ? {} : session.values }
}

function revokeOne({ params }: MockRequest, cluster: MockCluster): object {
  const { sessions: all } = cluster.state
  cluster.state.sessions = all.filter((s) => s.bucket !== params.bucket || s.id !== params.id)
  return { revoked: all.length - cluster.state.sessions.length }
}

function revokeUser({ params, query }: MockRequest, cluster: MockCluster): object {
  const { sessions: all } = cluster.state
  if (!query.user) throw new MockRefusal(400, { errors: { user: 'user is required' } })
  cluster.state.sessions = all.filter((s) => s.bucket !== params.bucket || s.user !== query.user)
  return { revoked: all.length - cluster.state.sessions.length }
}
