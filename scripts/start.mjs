// `npm start`: the set-up, then the demo, `holdfast demo`, on the pinned Node. Every signal is
// handed on. When npm itself is ended, the shell between npm and this process may die without a
// word, so a change of the parent ends the demo, too.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUpOrExit } from './setup.mjs'

const PARENT_POLL_MS = 500

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = setUpOrExit('start')
const holdfast = join(root, 'packages', 'holdfast', 'bin', 'holdfast.js')
const child = spawn(node, [holdfast, 'demo', ...process.argv.slice(2)], { stdio: 'inherit' })
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
