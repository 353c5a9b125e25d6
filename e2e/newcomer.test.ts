import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { figure } from './harness/figures.ts'
import { missing, projectRoot } from './harness/stage.ts'
import { until } from './harness/until.ts'
import { Visitors } from './harness/visitors.ts'

const UP_TIMEOUT_MS = 240_000
const STOP_TIMEOUT_MS = 30_000

const skip = existsSync(join(projectRoot, '.git'))
  ? missing('engine', 'balancer')
  : 'this is not a git clone'

test('a newcomer clones, runs npm start, visits twice, stops, and no process is left', {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-newcomer-'))
  const clone = join(folder, 'holdfast')
  execFileSync('git', ['clone', '--quiet', projectRoot, clone])
  const startedAtMs = performance.now()
  const demo = spawn('npm', ['start'], {
    cwd: clone,
    env: { ...process.env, PATH: pathWithoutLocalBins(), HOLDFAST_NO_APT: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const said: string[] = []
  for (const stream of [demo.stdout, demo.stderr]) {
    createInterface(stream).on('line', (line) => said.push(line))
  }
  try {
    await until('the demo is up', UP_TIMEOUT_MS, () => {
      assert.equal(demo.exitCode, null, said.join('\n'))
      return addressIn(said) !== undefined && said.some((line) => line.includes('demo kill'))
    })
    figure(t, 'ms from npm start in a bare clone', Math.round(performance.now() - startedAtMs))
    const visitors = new Visitors(Number(addressIn(said)), 1)
    const [visitor] = visitors.all
    await visitor?.count(Number(addressIn(said)))
    await visitor?.count(Number(addressIn(said)))
    visitors.close()
    assert.deepEqual(visitors.failed, [])
    assert.equal(visitor?.acknowledged, 2)

    const exited = once(demo, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    // As Ctrl-C in a terminal does it: to npm and all that it has started in its group.
    process.kill(-(demo.pid ?? 0), 'SIGINT')
    await exited
    await until('no process of the clone is left', STOP_TIMEOUT_MS, () => {
      return processesIn(clone).length === 0
    })
  } catch (error) {
    t.diagnostic(said.slice(-40).join('\n'))
    throw error
  } finally {
    demo.kill('SIGKILL')
    for (const pid of processesIn(clone)) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The balancer's port in what the demo has said. */
function addressIn(said: readonly string[]): string | undefined {
  return said.join('\n').match(/the app +http:\/\/127\.0\.0\.1:(\d+)/)?.[1]
}

function pathWithoutLocalBins(): string {
  const local = join('node_modules', '.bin')
  const path = process.env.PATH ?? ''
  return path
    .split(delimiter)
    .filter((folder) => !folder.endsWith(local))
    .join(delimiter)
}

/** Every process that was started with a path in the folder or works in it. */
function processesIn(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return commandLine.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      } catch {
        return false
      }
    })
    .map(Number)
}
