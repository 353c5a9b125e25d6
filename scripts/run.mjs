// `npm run check` and `npm test`: set-up, then one step after another, each timed. The tests run on
// the pinned Node. `npm test` adds the system tests (`*.system.test.ts`: packages with real servers
// and real waits), gives the fuzz targets more time, and adds the end-to-end tests when all else is
// well, one file at a time because each starts a dozen processes. It ends with the totals of all
// test runs in the words of Node's test runner.
//
// Nothing hangs it: a test, a file and a step are each bounded, and what is ended for its time
// limit is named. A file that leaves a process behind fails its step.
//
// `node scripts/run.mjs check|test [NAME...]`: only the end-to-end files of these names.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { endProcessesIn } from './left-processes.mjs'
import { setUpOrExit } from './setup.mjs'

const FILES_AT_ONCE = 2
/** For each fuzz target, unless the environment says otherwise. */
const FUZZ_SECONDS = { check: '0.1', test: '1' }
const STEP_TIMEOUT_MS = 45 * 60_000
const UNIT_TEST_TIMEOUT_MS = 120_000
const E2E_TEST_TIMEOUT_MS = 10 * 60_000
/** Of one test file, with its hooks; and what is left of it after its last test. */
const FILE_TIMEOUT_MS = 15 * 60_000
const FILE_ENDING_MS = 60_000
/** What is asked to end, at its time limit or by a signal, is killed after this long. */
const ENDING_TIMEOUT_MS = 10_000

const FILE_LIMITS = {
  HOLDFAST_FILE_TIMEOUT_MS: String(FILE_TIMEOUT_MS),
  HOLDFAST_FILE_ENDING_MS: String(FILE_ENDING_MS),
}
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM']

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [purpose = 'check', ...e2eNames] = process.argv.slice(2)
const startedAtMs = Date.now()
const node = setUpOrExit(purpose)
const countsFolder = mkdtempSync(join(tmpdir(), 'holdfast-counts-'))
const totals = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 }
let failed = false
let interrupted = false

await step('biome check', join(root, 'node_modules', '.bin', 'biome'), [
  'check',
  '--error-on-warnings',
  '.',
])
process.env.HOLDFAST_FUZZ_SECONDS ??= FUZZ_SECONDS[purpose]
await testStep('unit tests and project checks', FILES_AT_ONCE, UNIT_TEST_TIMEOUT_MS, [
  'scripts/*.test.ts',
  'packages/*/src/**/!(*.system).test.ts',
  'examples/**/!(*.system).test.ts',
  'bench/**/!(*.system).test.ts',
])
if (purpose === 'test' && !failed) {
  await testStep('system tests', FILES_AT_ONCE, UNIT_TEST_TIMEOUT_MS, [
    'packages/*/src/**/*.system.test.ts',
    'packages/*/tests/*.system.test.ts',
    'bench/**/*.system.test.ts',
    'examples/**/*.system.test.ts',
  ])
}
if (purpose === 'test' && !failed) {
  const files =
    e2eNames.length === 0 ? ['e2e/*.test.ts'] : e2eNames.map((name) => `e2e/${name}.test.ts`)
  await testStep('end-to-end tests', 1, E2E_TEST_TIMEOUT_MS, files)
}
rmSync(countsFolder, { recursive: true })
printTotals()
process.exitCode = failed ? 1 : 0

async function step(title, command, args) {
  if (interrupted) return
  const stepStartedAtMs = Date.now()
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
  // Servers that give up root go through it to their files.
  chmodSync(folder, 0o755)
  const child = spawn(command, args, {
    cwd: root,
    detached: true,
    env: { ...process.env, ...FILE_LIMITS, TMPDIR: folder },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const isWell = await endsWell(title, child)
  const left = [...(await endProcessesIn(folder)), ...removeFolder(folder)]
  for (const what of left) process.stdout.write(`left behind by ${title}: ${what}\n`)
  const isOk = isWell && left.length === 0
  const seconds = ((Date.now() - stepStartedAtMs) / 1000).toFixed(1)
  process.stdout.write(`${isOk ? 'ok' : 'FAILED'}: ${title} (${seconds} s)\n\n`)
  failed ||= !isOk
}

/** What cannot be removed is told: a disk that is still mounted there. */
function removeFolder(folder) {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    return []
  } catch (error) {
    return [error.message]
  }
}

/** Ends the step's whole process group at the time limit, and when this process is to end. */
async function endsWell(title, child) {
  const isOver = new AbortController()
  const end = (signal) => void endGroup(child, signal, isOver.signal)
  const interrupt = (signal) => {
    interrupted = true
    end(signal)
  }
  for (const signal of SIGNALS) process.on(signal, interrupt)
  const timer = setTimeout(() => {
    process.stdout.write(`${title}: not done within ${STEP_TIMEOUT_MS / 1000} s; what runs:\n`)
    end('SIGTERM')
  }, STEP_TIMEOUT_MS)
  try {
    const [status] = await once(child, 'exit')
    return status === 0 && !interrupted
  } finally {
    clearTimeout(timer)
    isOver.abort()
    for (const signal of SIGNALS) process.off(signal, interrupt)
    signalGroup(child, 'SIGKILL')
  }
}

/** Asked to end, Node's test runner names the files and tests that run. */
async function endGroup(child, signal, isOver) {
  signalGroup(child, signal)
  await delay(ENDING_TIMEOUT_MS, undefined, { signal: isOver }).catch(() => {})
  signalGroup(child, 'SIGKILL')
}

function signalGroup({ pid }, signal) {
  try {
    process.kill(-pid, signal)
  } catch {
    // nobody is left
  }
}

async function testStep(title, filesAtOnce, testTimeoutMs, files) {
  const counts = join(countsFolder, `${title.replaceAll(' ', '-')}.json`)
  await step(title, node, [
    '--test',
    `--import=${pathToFileURL(join(root, 'scripts', 'file-deadline.mjs'))}`,
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${testTimeoutMs}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts', 'test-counts.mjs')}`,
    `--test-reporter-destination=${counts}`,
    ...files,
  ])
  if (!existsSync(counts)) return
  const counted = JSON.parse(readFileSync(counts, 'utf8') || '{}')
  for (const [name, count] of Object.entries(counted)) totals[name] += count
}

function printTotals() {
  process.stdout.write(`${failed ? 'FAILED' : 'ok'}: all of npm ${purpose}\n`)
  for (const [name, count] of Object.entries(totals)) process.stdout.write(`ℹ ${name} ${count}\n`)
  process.stdout.write(`ℹ duration_ms ${Date.now() - startedAtMs}\n`)
}
