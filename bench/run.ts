// The benchmarks: reads the command line, runs the suites one after another, writes
// results/DATE-NAME.md. Exit code: 0 done, 1 a candidate failed under load or the run broke, 2
// wrong use. Progress is on standard error, the tables on standard output as well.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommit } from './harness/commit-suite.ts'
import { runGrid } from './harness/grid-suite.ts'
import { runIdle } from './harness/idle-suite.ts'
import { buildLoadGenerator } from './harness/load-generator.ts'
import { describeMachine } from './harness/machine.ts'
import { runMemory } from './harness/memory-suite.ts'
import { type BenchOptions, parseBenchOptions, type Suite, USAGE } from './harness/options.ts'
import { runRaces } from './harness/races-suite.ts'
import { runSessions } from './harness/sessions-suite.ts'
import { runSoak } from './harness/soak-suite.ts'
import { Stage } from './harness/stage.ts'
import { runStore } from './harness/store-suite.ts'
import type { SuiteReport, SuiteSurroundings } from './harness/suite.ts'

const RAW_BYTES_MAX = 128 * 1024

const SUITE_RUNS: Record<Suite, (surroundings: SuiteSurroundings) => Promise<SuiteReport>> = {
  grid: runGrid,
  commit: runCommit,
  idle: runIdle,
  soak: runSoak,
  sessions: runSessions,
  races: runRaces,
  memory: runMemory,
  store: runStore,
}

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  let options: BenchOptions | 'help'
  try {
    options = parseBenchOptions(argv)
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n${USAGE}`)
    return 2
  }
  if (options === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  return await runOnStage(options)
}

async function runOnStage(options: BenchOptions): Promise<number> {
  const stage = new Stage(options)
  const killAll = (): void => stage.killAll()
  process.once('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stage.end(`ended by ${signal}`))
  }
  try {
    buildLoadGenerator()
    const sound = await runSuites(stage, options)
    return sound ? 0 : 1
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n`)
    return 1
  } finally {
    await stage.stop()
    process.off('exit', killAll)
  }
}

async function runSuites(stage: Stage, options: BenchOptions): Promise<boolean> {
  const date = new Date().toISOString().slice(0, 10)
  const lines = [`# ${options.name}, ${date}`, '', ...describeMachine(stage.cores)]
  const { rounds, seconds, warmUpSeconds } = options
  lines.push(`- ${rounds} rounds of ${seconds} s after ${warmUpSeconds} s of warm-up`, '')
  const raw: Record<string, unknown> = {}
  let sound = true
  for (const suite of options.suites) {
    const say = (text: string): void => {
      process.stderr.write(`${suite}: ${text}\n`)
    }
    const report = await SUITE_RUNS[suite]({ stage, options, say })
    lines.push(...report.markdown)
    raw[suite] = report.raw
    sound &&= report.sound
  }
  const text = `${lines.join('\n').trimEnd()}\n`
  process.stdout.write(text)
  writeResults(`${date}-${options.name}`, text, JSON.stringify(raw))
  return sound
}

function writeResults(name: string, text: string, raw: string): void {
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.md`), text)
  if (raw.length <= RAW_BYTES_MAX) writeFileSync(join(folder, `${name}.json`), `${raw}\n`)
  process.stderr.write(`bench: results/${name}.md\n`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
