/**
 * What a schema cannot say about a configuration: that names lead somewhere, that policies do not
 * go in circles, that every connection can reach a bucket at all.
 */
import { parseValkeyUrl } from '@holdfast/client'
import { type PoolServer, parseBucketConfig, parseStaticPools } from '@holdfast/topology'
import type { ConfigIssue, ProxyConfig, SecretConfig } from './proxy-config.ts'
import { routeIssues } from './route-builder.ts'

/** All broken references of a configuration that has the right form. */
export function referenceIssues(config: ProxyConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const report = (path: (string | number)[], message: string): void => {
    issues.push({ path, message })
  }
  checkListeners(config, report)
  checkNames(config, report)
  checkFolders(config, report)
  checkServers(config, report)
  issues.push(...routeIssues(config))
  for (const [path, secret] of secretsOf(config)) {
    const places = [secret.password, secret.passwordFile, secret.passwordEnvironment]
    if (places.filter((place) => place !== undefined).length > 1) {
      report(path, 'expected only one of password, passwordFile and passwordEnvironment')
    }
  }
  return issues
}

/** Every member that may hold a password, with its path. */
export function secretsOf(config: ProxyConfig): [path: (string | number)[], SecretConfig][] {
  const found: [(string | number)[], SecretConfig][] = []
  for (const [name, backend] of Object.entries(config.backends)) {
    if (backend.type !== 'embedded') found.push([['backends', name], backend])
  }
  for (const [name, bucket] of Object.entries(config.buckets)) {
    found.push([['buckets', name], bucket])
  }
  for (const [name, user] of Object.entries(config.users)) found.push([['users', name], user])
  config.gateways.forEach((gateway, index) => {
    found.push([['gateways', index], gateway])
  })
  return found
}

type Report = (path: (string | number)[], message: string) => void

function checkListeners(config: ProxyConfig, report: Report): void {
  const seen = new Set<string>()
  config.listeners.forEach((listener, index) => {
    const path = ['listeners', index]
    const places = [listener.port, listener.socket].filter((place) => place !== undefined)
    if (places.length !== 1) report(path, 'expected either port or socket')
    const place = listener.socket ?? `${listener.host}:${listener.port}`
    if (listener.port !== 0 && seen.has(place)) report(path, `${place} is listed twice`)
    seen.add(place)
    const { bucket } = listener
    const isFixed = config.gateways.length === 0
    if (typeof bucket === 'string' && isFixed && config.buckets[bucket] === undefined) {
      report([...path, 'bucket'], `there is no bucket ${bucket}`)
    }
  })
}

function checkNames(config: ProxyConfig, report: Report): void {
  const { backends, routes, buckets, users, gateways } = config
  if (Object.keys(buckets).length === 0 && gateways.length === 0) {
    report(['buckets'], 'expected at least one bucket or gateway')
  }
  for (const name of Object.keys(routes)) {
    if (backends[name] !== undefined) {
      report(['routes', name], `${name} is also the name of a backend`)
    }
  }
  for (const [name, { use }] of Object.entries(buckets)) {
    if (backends[use] === undefined && routes[use] === undefined) {
      report(['buckets', name, 'use'], `there is no backend or route ${use}`)
    }
  }
  for (const [name, user] of Object.entries(users)) {
    if (buckets[user.bucket] === undefined && gateways.length === 0) {
      report(['users', name, 'bucket'], `there is no bucket ${user.bucket}`)
    }
    const { password, passwordFile, passwordEnvironment } = user
    if ((password ?? passwordFile ?? passwordEnvironment) === undefined) {
      report(['users', name], 'expected a password')
    }
  }
}

/** A folder has one owner: two stores, or two processes, would give out the same CAS twice. */
function checkFolders({ backends, workers }: ProxyConfig, report: Report): void {
  const folders = new Set<string>()
  for (const [name, backend] of Object.entries(backends)) {
    if (backend.type !== 'embedded') continue
    if (folders.has(backend.folder)) {
      report(['backends', name, 'folder'], `${backend.folder} is used twice`)
    }
    if (workers > 1) report(['workers'], 'expected 1, as there is an embedded store')
    folders.add(backend.folder)
  }
}

/** Where each kind of backend says what its servers are. */
const MEMBERS: Readonly<Record<string, string>> = {
  map: 'config',
  memcached: 'servers',
  valkey: 'url',
}

/** Server lists are moxi's, and so are the words for what is wrong with them. */
function checkServers({ backends }: ProxyConfig, report: Report): void {
  for (const [name, backend] of Object.entries(backends)) {
    try {
      if (backend.type === 'map') parseBucketConfig(JSON.stringify(backend.config))
      else if (backend.type === 'memcached') poolServers(backend.servers)
      else if (backend.type === 'valkey') parseValkeyUrl(backend.url)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      report(['backends', name, MEMBERS[backend.type] ?? 'type'], error.message)
    }
  }
}

/** The servers of a pool. Throws `ConfigError`. */
export function poolServers(servers: readonly string[]): PoolServer[] {
  return parseStaticPools(`1=${servers.join(',')}`)[0]?.servers ?? []
}
