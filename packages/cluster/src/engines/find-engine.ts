/** Finds the engine's program: valkey-server when there is one, else redis-server, 7.0 or later. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CANDIDATES = ['valkey-server', 'redis-server']
const FOLDERS = ['', '/usr/bin/', '/usr/local/bin/', '/usr/sbin/', '/opt/bin/']
const VERSION_MAJOR_MIN = 7

/** Raised when no usable engine is on this machine. */
export class EngineNotFoundError extends Error {
  readonly code = 'HOLDFAST_ENGINE_NOT_FOUND'
}

export interface EngineProgram {
  path: string
  version: string
}

/** `HOLDFAST_ENGINE` names a program of one's own. */
export async function findEngine(environment: NodeJS.ProcessEnv): Promise<EngineProgram> {
  const own = environment.HOLDFAST_ENGINE
  const names = own ? [own] : CANDIDATES.flatMap((name) => FOLDERS.map((folder) => folder + name))
  const seen: string[] = []
  for (const path of names) {
    const version = await versionOf(path)
    if (version === null) continue
    if (Number(version.split('.')[0]) >= VERSION_MAJOR_MIN) return { path, version }
    seen.push(`${path} is ${version}`)
  }
  const why = seen.length > 0 ? `${seen.join(', ')}; ` : ''
  throw new EngineNotFoundError(
    `${why}no valkey-server or redis-server >= ${VERSION_MAJOR_MIN}.0 found` +
      ' (set HOLDFAST_ENGINE to its path, or install one: apt-get install redis-server)',
  )
}

async function versionOf(path: string): Promise<string | null> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 5000 })
    return /v=(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null
  } catch {
    return null
  }
}
