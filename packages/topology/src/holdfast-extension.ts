// Reads the "holdfast" member that the store adds to a bucket config for its own proxies: which
// engines serve which vBuckets. Shards must be in order and cover every vBucket exactly once.

import type {
  BucketLoginKey,
  BucketLoginKeys,
  HoldfastExtension,
  ShardRoute,
} from './bucket-config.ts'
import { ConfigError } from './config-error.ts'
import { arrayOf, integerOf, objectOf, stringOf } from './json-check.ts'
import { VBUCKETS } from './vbucket.ts'

const REPLICAS_MAX = 4
/** More would keep whoever checks a password against them busy for seconds. */
const ITERATIONS_MAX = 1_000_000

/** Checks the member; throws `ConfigError`. */
export function parseHoldfastExtension(value: unknown): HoldfastExtension {
  const member = objectOf(value, 'Expected object for holdfast')
  const auth = objectOf(member.auth, 'Expected object for holdfast auth')
  return {
    rev: integerOf(member.rev, 0, Number.MAX_SAFE_INTEGER, 'Expected number >= 0 for rev'),
    durability: oneOf(member.durability, ['replicated', 'none'], 'durability'),
    degradedWrites: oneOf(member.degradedWrites ?? 'allow', ['allow', 'refuse'], 'degradedWrites'),
    ...(member.replicaReads === undefined
      ? {}
      : { replicaReads: flagOf(member.replicaReads, 'replicaReads') }),
    shards: parseShards(arrayOf(member.shards, 'Expected array for shards')),
    auth: {
      username: stringOf(auth.username, 'Expected string for holdfast auth username'),
      password: stringOf(auth.password, 'Expected string for holdfast auth password'),
    },
    ...(member.login === undefined ? {} : { login: parseLoginOrNone(member.login) }),
    ...(member.admin === undefined ? {} : { admin: parseAdmin(member.admin) }),
  }
}

function parseAdmin(value: unknown): HoldfastExtension['admin'] & object {
  const admin = objectOf(value, 'Expected object for holdfast admin')
  return {
    username: stringOf(admin.username, 'Expected string for holdfast admin username'),
    login: parseLogin(admin.login),
  }
}

function parseLoginOrNone(value: unknown): BucketLoginKeys | null {
  return value === null ? null : parseLogin(value)
}

function parseLogin(value: unknown): BucketLoginKeys {
  const login = objectOf(value, 'Expected object for holdfast login')
  return {
    sha512: parseLoginKey(login.sha512),
    sha256: parseLoginKey(login.sha256),
    sha1: parseLoginKey(login.sha1),
  }
}

function parseLoginKey(value: unknown): BucketLoginKey {
  const why = 'Expected salt, iterations and keys for holdfast login'
  const key = objectOf(value, why)
  return {
    salt: stringOf(key.salt, why),
    iterations: integerOf(key.iterations, 1, ITERATIONS_MAX, why),
    storedKey: stringOf(key.storedKey, why),
    serverKey: stringOf(key.serverKey, why),
  }
}

function parseShards(shards: readonly unknown[]): ShardRoute[] {
  if (shards.length === 0) {
    throw new ConfigError('No shards available; service maybe still initializing')
  }
  let expectedFrom = 0
  const routes = shards.map((entry) => {
    const route = parseShard(entry, expectedFrom)
    expectedFrom = route.vBuckets[1] + 1
    return route
  })
  if (expectedFrom !== VBUCKETS) throw new ConfigError('Shards do not cover every vBucket')
  return routes
}

function parseShard(entry: unknown, expectedFrom: number): ShardRoute {
  const shard = objectOf(entry, 'Expected object for shard')
  const why = `Expected shard range from ${expectedFrom}, contiguous within 0..${VBUCKETS - 1}`
  const range = arrayOf(shard.vBuckets, why)
  if (range.length !== 2) throw new ConfigError(why)
  const from = integerOf(range[0], expectedFrom, expectedFrom, why)
  const to = integerOf(range[1], from, VBUCKETS - 1, why)
  const replicas = arrayOf(shard.replicas, 'Expected array for shard replicas')
  if (replicas.length > REPLICAS_MAX) throw new ConfigError('Too many shard replicas')
  return {
    vBuckets: [from, to],
    primary: shard.primary === null ? null : address(shard.primary, 'primary'),
    replicas: replicas.map((replica) => address(replica, 'replica')),
  }
}

function address(value: unknown, role: string): string {
  const why = `Expected host:port for shard ${role}`
  const text = stringOf(value, why)
  if (!/^.+:[0-9]{1,5}$/.test(text)) throw new ConfigError(why)
  return text
}

function flagOf(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw new ConfigError(`Expected true or false for ${name}`)
  return value
}

function oneOf<T extends string>(value: unknown, choices: readonly T[], name: string): T {
  const found = choices.find((choice) => choice === value)
  if (found === undefined) throw new ConfigError(`Expected ${choices.join(' or ')} for ${name}`)
  return found
}
