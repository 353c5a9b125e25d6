// The backends of the benchmarks, each pinned to the backend's core: one memcached, or engines in
// cluster mode with a config stream that describes them as a bucket (as a store node would).
import { freeEnginePort, startEngines, type TestEngines } from '@holdfast/client/testing'
import type { HoldfastExtension } from '@holdfast/topology'
import { ConfigServer } from '../../packages/proxy/src/testing/config-server.ts'
import type { BackendKind } from './cells.ts'
import { pin, type Stage, untilListening } from './stage.ts'

const MEMCACHED_MEGABYTES = 1024

/** A running backend. */
export interface Backend {
  readonly kind: BackendKind
  readonly pids: readonly number[]
  /** `host:port` of a memcached server. */
  readonly address: string
  /** The config streams of the bucket: as it is, and as if writes waited for no replica. */
  readonly urls: { readonly durable: string; readonly undurable: string }
}

export async function startBackend(
  stage: Stage,
  kind: BackendKind,
  shards: number,
): Promise<Backend> {
  switch (kind) {
    case 'memcached':
      return await startMemcached(stage)
    case 'engine':
      return await startBucket(stage, kind, await startEngines(shards, 0))
    case 'engine-replicated':
      return await startBucket(stage, kind, await startEngines(shards, 1))
  }
}

async function startMemcached(stage: Stage): Promise<Backend> {
  const port = await freeEnginePort()
  const args = ['-l', '127.0.0.1', '-p', port, '-U', 0, '-t', 1, '-c', 8192]
  args.push('-m', MEMCACHED_MEGABYTES, '-u', 'nobody')
  const server = stage.start('memcached', args.map(String), { core: stage.cores.backendCore })
  await untilListening(server, port)
  const urls = { durable: '', undurable: '' }
  return { kind: 'memcached', pids: [server.pid], address: `127.0.0.1:${port}`, urls }
}

async function startBucket(
  stage: Stage,
  kind: BackendKind,
  engines: TestEngines,
): Promise<Backend> {
  stage.atEnd(() => engines.stop())
  const pids = engines.shards.flat().map((engine) => engine.process.pid ?? 0)
  for (const pid of pids) pin(pid, stage.cores.backendCore)
  const durable = await startConfigStream(stage, engines.config)
  const undurable = await startConfigStream(stage, { ...engines.config, durability: 'none' })
  return { kind, pids, address: '', urls: { durable, undurable } }
}

async function startConfigStream(stage: Stage, config: HoldfastExtension): Promise<string> {
  const server = await new ConfigServer(config).start()
  stage.atEnd(() => server.stop())
  return server.url
}
