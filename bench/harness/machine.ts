// What a result depends on besides the code: machine and versions, as lines for the head of a
// result file.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { engineProgram } from '@holdfast/client/testing'
import type { Cores } from './stage.ts'

/** One line per fact. */
export function describeMachine({ proxyCore, loadCore, backendCore }: Cores): string[] {
  const models = new Set(cpus().map(({ model }) => model))
  const gigabytes = (totalmem() / 2 ** 30).toFixed(1)
  const engine = engineProgram()
  return [
    `- machine: ${cpus().length} cores ${[...models].join(', ')}, ${gigabytes} GB, kernel ${release()}`,
    `- TCP congestion control: ${read('/proc/sys/net/ipv4/tcp_congestion_control')}`,
    `- cores: proxy ${proxyCore}, load ${loadCore}, backend ${backendCore}`,
    `- load average at the start: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
    `- Node ${process.version}`,
    `- ${firstLine('memcached', ['-V'])}`,
    `- ${firstLine('nutcracker', ['-V'])}`,
    `- ${engine === undefined ? 'no engine' : firstLine(engine, ['--version'])}`,
    `- commit ${commit()}`,
  ]
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return 'unknown'
  }
}

function firstLine(program: string, args: readonly string[]): string {
  const { stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (error !== undefined) return `${program}: not installed`
  return (stdout.trim() || stderr.trim()).split('\n')[0] ?? ''
}

// Without git, or outside of a checkout, there is none to name.
function commit(): string {
  const git = (...args: string[]): string =>
    spawnSync('git', args, {
      cwd: dirname(import.meta.dirname),
      encoding: 'utf8',
    }).stdout?.trim() ?? ''
  const dirty = git('status', '--porcelain', '--untracked-files=no', ':/packages') !== ''
  const name = git('rev-parse', '--short', 'HEAD') || 'unknown'
  return `${name}${dirty ? ' with changes in packages/' : ''}`
}
