// `npm run bench`: the set-up, then bench/run.ts on the pinned Node. Signals are handed on: the run
// ends what it started and leaves no process behind.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setUpOrExit } from '../scripts/setup.mjs'

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
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1
})
