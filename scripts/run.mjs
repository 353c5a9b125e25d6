// `npm run check` and `npm test`: set-up, then one step after another, each timed. The tests run on
// the pinned Node. `npm test` adds the system tests (`*.system.test.ts`: packages with real servers
// and real waits), gives the fuzz targets more time, and adds the end-to-end tests when all else is
// well, one file at a time because each starts a dozen processes. It ends with the totals of all
// test runs in the words of Node's test runner.
//
// `node scripts/run.mjs check|test [NAME...]`: only the end-to-end files of these names.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUpOrExit } from './setup.mjs'

const FILES_AT_ONCE = 2
/** For each fuzz target, unless the environment says otherwise. */
const FUZZ_SECONDS = { check: '0.1', test: '1' }
const STEP_TIMEOUT_MS = 30 * 60_000
const UNIT_TEST_TIMEOUT_MS = 120_000
const E2E_TEST_TIMEOUT_MS = 300_000

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [purpose = 'check', ...e2eNames] = process.argv.slice(2)
const startedAtMs = Date.now()
const node = setUpOrExit(purpose)
const countsFolder = mkdtempSync(join(tmpdir(), 'holdfast-counts-'))
const totals = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 }
let failed = false

step('biome check', join(root, 'node_modules', '.bin', 'biome'), [
  'check',
  '--error-on-warnings',
  '.',
])
process.env.HOLDFAST_FUZZ_SECONDS ??= FUZZ_SECONDS[purpose]
testStep('unit tests and project checks', FILES_AT_ONCE, UNIT_TEST_TIMEOUT_MS, [
  'scripts/*.test.ts',
  'packages/*/src/**/!(*.system).test.ts',
  'examples/**/!(*.system).test.ts',
  'bench/**/!(*.system).test.ts',
])
if (purpose === 'test' && !failed) {
  testStep('system tests', FILES_AT_ONCE, UNIT_TEST_TIMEOUT_MS, [
    'packages/*/src/**/*.system.test.ts',
    'bench/**/*.system.test.ts',
    'examples/**/*.system.test.ts',
  ])
}
if (purpose === 'test' && !failed) {
  const files =
    e2eNames.length === 0 ? ['e2e/*.test.ts'] : e2eNames.map((name) => `e2e/${name}.test.ts`)
  testStep('end-to-end tests', 1, E2E_TEST_TIMEOUT_MS, files)
}
rmSync(countsFolder, { recursive: true })
printTotals()
process.exitCode = failed ? 1 : 0

function step(title, command, args) {
  const stepStartedAtMs = Date.now()
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: STEP_TIMEOUT_MS,
  })
  const seconds = ((Date.now() - stepStartedAtMs) / 1000).toFixed(1)
  process.stdout.write(`${status === 0 ? 'ok' : 'FAILED'}: ${title} (${seconds} s)\n\n`)
  failed ||= status !== 0
}

function testStep(title, filesAtOnce, testTimeoutMs, files) {
  const counts = join(countsFolder, `${title.replaceAll(' ', '-')}.json`)
  step(title, node, [
    '--test',
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
