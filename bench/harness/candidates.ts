// Who is measured: one entry per candidate. A candidate that cannot start (not installed, an option
// it does not know) is left out of the tables with its own words as the reason.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { freeEnginePort } from '@holdfast/client/testing'
import type { Backend } from './backends.ts'
import type { BackendKind } from './cells.ts'
import { processTree, type Stage, type StageProcess, untilListening, untilReady } from './stage.ts'

const HOLDFAST = join(dirname(dirname(import.meta.dirname)), 'packages/holdfast/bin/holdfast.js')

/** The candidate that all others are compared with, where it runs. */
export const PEER = 'nutcracker'

/** A candidate at work in front of a backend. */
export interface Target {
  readonly port: number
  /** The proxy's processes at this moment; none when the load goes straight to the backend. */
  pids(): number[]
  readonly process: StageProcess | undefined
}

/** One entry of the table. */
export interface Candidate {
  readonly name: string
  readonly about: string
  readonly backends: readonly BackendKind[]
  /** Measured unless --candidates says otherwise. */
  readonly byDefault: boolean
  start(stage: Stage, backend: Backend): Promise<Target>
}

export const CANDIDATES: readonly Candidate[] = [
  {
    name: PEER,
    about: 'twemproxy as Debian ships it, one server connection, its defaults otherwise',
    backends: ['memcached'],
    byDefault: true,
    start: startNutcracker,
  },
  {
    name: 'holdfast',
    about: 'holdfast proxy with its defaults',
    backends: ['memcached', 'engine', 'engine-replicated'],
    byDefault: true,
    start: (stage, backend) => startHoldfast(stage, backend, {}),
  },
  {
    name: 'holdfast-uring',
    about: 'holdfast proxy --sockets uring',
    backends: ['memcached', 'engine', 'engine-replicated'],
    byDefault: true,
    start: (stage, backend) => startHoldfast(stage, backend, { HOLDFAST_PROXY_SOCKETS: 'uring' }),
  },
  {
    name: 'direct',
    about: 'no proxy: the load straight at memcached',
    backends: ['memcached'],
    byDefault: true,
    start: async (_stage, backend) => ({
      port: Number(backend.address.split(':')[1]),
      pids: () => [],
      process: undefined,
    }),
  },
]

/** The candidates that are wanted in front of a kind of backend; throws for an unknown name. */
export function chooseCandidates(
  names: readonly string[] | undefined,
  kind: BackendKind,
): Candidate[] {
  for (const name of names ?? []) {
    if (!CANDIDATES.some((candidate) => candidate.name === name)) {
      const known = CANDIDATES.map((candidate) => candidate.name).join(', ')
      throw new Error(`${name} is none of ${known}`)
    }
  }
  return CANDIDATES.filter(({ name, backends, byDefault }) => {
    return backends.includes(kind) && (names?.includes(name) ?? byDefault)
  })
}

async function startNutcracker(stage: Stage, backend: Backend): Promise<Target> {
  const port = await freeEnginePort()
  const path = join(stage.folder, `nutcracker-${port}.yml`)
  const lines = [
    'bench:',
    `  listen: 127.0.0.1:${port}`,
    '  hash: fnv1a_64',
    '  distribution: ketama',
    '  preconnect: true',
    '  auto_eject_hosts: false',
    '  server_connections: 1',
    '  servers:',
    `   - ${backend.address}:1`,
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  const args = ['-c', path, '-a', '127.0.0.1', '-s', String(await freeEnginePort())]
  const proxy = stage.start('nutcracker', args, { core: stage.cores.proxyCore })
  await untilListening(proxy, port)
  return { port, pids: () => processTree(proxy.pid), process: proxy }
}

/** Starts the proxy in front of a backend; `undurable`: as if no write waited for a replica. */
export async function startHoldfast(
  stage: Stage,
  backend: Backend,
  env: Readonly<Record<string, string>>,
  undurable = false,
): Promise<Target> {
  const port = await freeEnginePort()
  const url = undurable ? backend.urls.undurable : backend.urls.durable
  const cluster = backend.kind === 'memcached' ? `${port}=${backend.address}` : url
  const args = [HOLDFAST, 'proxy', '-z', cluster, '--http-port', '0']
  if (backend.kind !== 'memcached') args.push('-Z', `port_listen=${port}`)
  const proxy = stage.start(process.execPath, args, { core: stage.cores.proxyCore, env })
  let output = ''
  proxy.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await untilReady(proxy, 'ready line', () => output.includes('holdfast proxy ready'))
  return { port, pids: () => processTree(proxy.pid), process: proxy }
}
