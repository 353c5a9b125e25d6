/**
 * The servers that the conformance suite talks to: memcached itself, and proxies over each backend,
 * with the real servers behind them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Backend,
  BucketClient,
  EmbeddedStore,
  MemcachedPool,
  Turn,
  ValkeyBackend,
} from '@holdfast/client'
import { MemcachedProcess, startEngines, until, ValkeyServer } from '@holdfast/client/testing'
import type { ConformanceBackend } from './conformance-case.ts'
import { bucketOf, type Front, onlyBucket, openFront } from './front.ts'

/** A proxy, and how to end it with all that is behind it. */
export interface ConformanceProxy {
  readonly address: string
  stop(): Promise<void>
}

/** A backend of each kind, with what has to be cleaned up after it. */
interface Opened {
  backend: Backend
  close(): Promise<void>
}

const OPENERS: Partial<Record<ConformanceBackend, (turn: Turn) => Promise<Opened>>> = {
  engines: async (turn) => {
    const engines = await startEngines(2, 1)
    const backend = new BucketClient({ turn })
    backend.applyConfig(engines.config)
    return { backend, close: () => engines.stop() }
  },
  embedded: async (turn) => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-conformance-'))
    const backend = new EmbeddedStore({ folder, turn })
    return { backend, close: () => rm(folder, { recursive: true, force: true }) }
  },
  valkey: async (turn) => {
    const server = await ValkeyServer.start()
    const backend = new ValkeyBackend({ turn, url: `valkey://${server.address}?flush=1` })
    return { backend, close: () => server.stop() }
  },
  'memcached by text': openPool('text'),
  'memcached by meta': openPool('meta'),
  'memcached by binary': openPool('binary'),
}

/** The backends that there is an opener for. */
export const OPEN_BACKENDS: readonly ConformanceBackend[] = Object.keys(
  OPENERS,
) as ConformanceBackend[]

/** Opens a proxy over a backend of this kind. */
export async function openConformanceProxy(kind: ConformanceBackend): Promise<ConformanceProxy> {
  const opener = OPENERS[kind]
  if (opener === undefined) throw new Error(`no backend ${kind}`)
  const turn = new Turn()
  const { backend, close } = await opener(turn)
  await until('the backend can route', () => backend.report().usable)
  const front: Front = await openFront({
    turn,
    directory: onlyBucket(bucketOf('default', backend)),
  })
  return {
    address: front.address,
    stop: async () => {
      await front.stop()
      await backend.stop()
      await close()
    },
  }
}

/** A pool of two servers, so that keys have to be told apart. */
function openPool(protocol: 'text' | 'meta' | 'binary'): (turn: Turn) => Promise<Opened> {
  return async (turn) => {
    const servers = await Promise.all([1, 2].map(() => MemcachedProcess.start('-I', '20m')))
    const backend = new MemcachedPool({
      turn,
      protocol,
      servers: servers.map(({ member }) => member),
    })
    const close = async (): Promise<void> => {
      await Promise.all(servers.map((server) => server.kill()))
    }
    return { backend, close }
  }
}
