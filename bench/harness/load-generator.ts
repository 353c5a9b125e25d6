// The load generator as the harness sees it: compiled with gcc at first use (and again when its
// sources change), started on the load's core, answering with one line of JSON.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Target } from './candidates.ts'
import type { Cell } from './cells.ts'
import type { LoadResult } from './figures.ts'
import type { Stage, StageProcess } from './stage.ts'

const SOURCES = join(dirname(import.meta.dirname), 'load')
const CACHE = join(dirname(dirname(import.meta.dirname)), 'node_modules/.cache/bench')
const FLAGS = ['-std=gnu17', '-O2', '-flto', '-Wall', '-Wextra', '-Werror']

/** A run that did not end well: a wrong reply, a connection closed, a reply that never came. */
export class LoadError extends Error {}

/** How long a load runs, and whose CPU time is counted. */
export interface LoadOptions {
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly backendPids: readonly number[]
}

/** Compiles the load generator if need be; returns its path. Throws with gcc's words. */
export function buildLoadGenerator(): string {
  const names = readdirSync(SOURCES).sort()
  const digest = createHash('sha256').update(FLAGS.join(' '))
  for (const name of names) digest.update(readFileSync(join(SOURCES, name)))
  const program = join(CACHE, `load-${digest.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  const files = names.filter((name) => name.endsWith('.c')).map((name) => join(SOURCES, name))
  const { status, stderr, error } = spawnSync('gcc', [...FLAGS, '-o', program, ...files], {
    encoding: 'utf8',
  })
  if (error !== undefined) throw new Error(`the load generator needs gcc: ${error.message}`)
  if (status !== 0) throw new Error(`gcc: ${stderr}`)
  return program
}

/** Puts one cell's load on a target. Throws LoadError when the target fails it. */
export async function runLoad(
  stage: Stage,
  cell: Cell,
  target: Target,
  options: LoadOptions,
): Promise<LoadResult> {
  const settings: Record<string, string | number> = {
    port: target.port,
    connections: cell.connections,
    depth: cell.depth,
    'value-bytes': cell.valueBytes,
    'get-share': cell.getShare,
    rate: cell.opsPerSecond,
    seconds: options.seconds,
    'warm-up-seconds': options.warmUpSeconds,
    'proxy-pids': target.pids().join(','),
    'backend-pids': options.backendPids.join(','),
    'proxy-core': stage.cores.proxyCore,
  }
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
  const load = stage.start(buildLoadGenerator(), args, { core: stage.cores.loadCore })
  let output = ''
  load.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const [code] = await once(load.child, 'close')
  stage.ending.throwIfAborted()
  if (code !== 0) throw new LoadError(readFileSync(load.logPath, 'utf8').trim())
  return JSON.parse(output) as LoadResult
}

/** Starts connections that only wait: see bench/load/idle.c for how it is spoken to. */
export function startIdleConnections(
  stage: Stage,
  target: Target,
  connections: number,
): StageProcess {
  const args = ['--idle', `--port=${target.port}`, `--connections=${connections}`]
  return stage.start(buildLoadGenerator(), args, { core: stage.cores.loadCore, stdin: 'pipe' })
}
