// `npm run fuzz -- [--seconds N] [TARGET...]`: fuzzes each target, or the named ones, for N seconds
// of its own (60 unless said). `npm test` does the same for a second each. What a target is and how
// a failure is played again: docs/internals/fuzzing.md.
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setUpOrExit } from './setup.mjs'

const FILES = ['packages/*/src/**/*-fuzz.test.ts', 'packages/proxy/src/fuzz.test.ts']

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values, positionals: targets } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' } },
})
const seconds = Number(values.seconds)
if (!(seconds > 0) || targets.some((target) => !/^[a-z-]+$/.test(target))) {
  process.stderr.write('usage: npm run fuzz -- [--seconds N] [TARGET...]\n')
  process.exit(2)
}
const node = setUpOrExit('check')
const named = targets.map((target) => `--test-name-pattern=/^fuzz ${target}$/`)
const { status } = spawnSync(node, ['--test', '--test-concurrency=1', ...named, ...FILES], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, HOLDFAST_FUZZ_SECONDS: String(seconds) },
})
process.exitCode = status ?? 1
