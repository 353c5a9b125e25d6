/**
 * The client side of the proxy alone, for tests: a listener in this process over any backend or
 * directory, without configuration, HTTP or workers.
 */
import { type Backend, DelayedFlushes, type Turn } from '@holdfast/client'
import { ByteWriter } from '@holdfast/protocol'
import type { Bucket, BucketDirectory } from '../bucket.ts'
import {
  type Listener,
  type ListenerHost,
  type ListenerOptions,
  type ListenerPlace,
  openListener,
} from '../listener.ts'
import { LISTENER_DEFAULTS, type ListenerSettings } from '../listener-settings.ts'
import { LoginGuard } from '../login-guard.ts'
import type { LoginSecret } from '../login-secret.ts'
import { ScramKeys } from '../scram-keys.ts'
import { Statistics } from '../statistics.ts'

const DRAIN_MS = 500
const DAY_MS = 86_400_000

/** What a front is opened with; the backend's `turn` has to be the front's. */
export interface FrontOptions {
  turn: Turn
  directory: BucketDirectory
  settings?: Partial<ListenerSettings>
  place?: ListenerPlace
  tls?: ListenerOptions['tls']
  connectionsMax?: number
  /** Without one no address is remembered for wrong logins. */
  loginGuard?: LoginGuard
}

export interface Front {
  readonly listener: Listener
  readonly address: string
  /** Counters of what has no bucket. */
  readonly unbound: Statistics
  stop(): Promise<void>
}

/** Opens a listener; on a free port of the loopback unless a place is given. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { turn, directory, settings, tls } = options
  const place = options.place ?? { host: '127.0.0.1', port: 0 }
  const delayedFlushes = new DelayedFlushes(LISTENER_DEFAULTS.operationTimeoutMs)
  const unbound = new Statistics()
  const host: ListenerHost = {
    turn,
    writer: new ByteWriter(),
    unbound,
    connections: { open: 0, max: options.connectionsMax ?? 1000 },
    scramKeys: new ScramKeys(),
    loginGuard: options.loginGuard ?? forgetfulGuard(),
    delayedFlushes,
    slowLog: { thresholdMs: Number.POSITIVE_INFINITY, see: () => {} },
    stats: (args, bucket) => {
      if (args === 'reset') return { kind: 'reset', line: 'RESET' }
      if (args !== '') return { kind: 'error', line: 'ERROR' }
      return { kind: 'list', stats: [['bucket', bucket.name]] }
    },
  }
  const listener = await openListener(
    { place, tls, settings: { ...LISTENER_DEFAULTS, ...settings }, directory },
    host,
  )
  return {
    listener,
    address: listener.address,
    unbound,
    stop: async () => {
      await listener.stop(DRAIN_MS)
      delayedFlushes.stop()
    },
  }
}

/** To it, every login comes a day after the one before. */
export function forgetfulGuard(): LoginGuard {
  let nowMs = 0
  return new LoginGuard({
    report: () => {},
    nowMs: () => {
      nowMs += DAY_MS
      return nowMs
    },
  })
}

/** A bucket before this backend. */
export function bucketOf(name: string, backend: Backend): Bucket {
  return {
    name,
    backend,
    statistics: new Statistics(),
    source: () => ({ configRev: 0, configsReceived: 0, configsRefused: 0 }),
  }
}

/** The directory of a listener with one bucket and no logins. */
export function onlyBucket(bucket: Bucket): BucketDirectory {
  return { anonymous: bucket, login: () => undefined, buckets: () => [bucket] }
}

/** The directory of a listener whose buckets are opened by logins, one of them by none. */
export function bucketsWithPasswords(
  secrets: ReadonlyMap<Bucket, LoginSecret>,
  anonymous?: Bucket,
): BucketDirectory {
  return {
    anonymous,
    login: (username) => {
      for (const [bucket, secret] of secrets) {
        if (bucket.name === username) return { bucket, secret }
      }
      return undefined
    },
    buckets: () => [...secrets.keys(), ...(anonymous === undefined ? [] : [anonymous])],
  }
}
