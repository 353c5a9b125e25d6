// `npm start`: the set-up, then the demo, `holdfast demo`, on the pinned Node. One process stands
// between npm and the demo at most, and it hands every signal on.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUpOrExit } from './setup.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = setUpOrExit('start')
const holdfast = join(root, 'packages', 'holdfast', 'bin', 'holdfast.js')
const child = spawn(node, [holdfast, 'demo', ...process.argv.slice(2)], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal))
}
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1
})
