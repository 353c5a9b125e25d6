// `npm run bench`: the set-up, then bench/run.ts on the pinned Node. Signals are handed on: the run
// ends what it started and leaves no process behind. When npm itself is ended, the shell between
// npm and this process may die without a word, so a change of the parent ends the run, too.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setUpOrExit } from '../scripts/setup.mjs'

const PARENT_POLL_MS = 500

const node = setUpOrExit('bench')
const run = join(import.meta.dirname, 'run.ts')
const child = spawn(
  node,
  ['--disable-warning=ExperimentalWarning', run, ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal))
}
const parent = process.ppid
const watch = setInterval(() => {
  if (process.ppid !== parent) child.kill('SIGTERM')
}, PARENT_POLL_MS)
child.on('exit', (code, signal) => {
  clearInterval(watch)
  process.exitCode = signal === null ? (code ?? 1) : 1
})
