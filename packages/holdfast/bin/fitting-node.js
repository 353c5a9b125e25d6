// Runs the compiled command on a Node that is new enough: this one, or the one of the npm package
// `node` (a pinned development runtime), as a child that shares the terminal and gets every signal.
//
// A store node's manager lives long and does little: it runs with a small young generation and
// collects garbage on its own thread, which halves its memory and takes a third of its processor
// time. The engine of JavaScript takes these settings at its start alone, so the process begins
// anew with them, in place: the same pid.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MIN = [22, 18]
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']
const SIGNAL_EXIT_BASE = 128
const SIGTERM_NUMBER = 15
const MANAGER_FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc']

/** Runs main() of ../dist/main.js with `[...before, ...args]` as the command line. */
export function runOnFittingNode(binUrl, args, before = []) {
  const script = [fileURLToPath(binUrl), ...args]
  const flags = args[0] === 'node' && before.length === 0 ? MANAGER_FLAGS : []
  if (isNewEnough(process.versions.node)) {
    if (lacks(flags)) beginAnew([...process.execArgv, ...flags, ...script])
    const main = new URL('../dist/main.js', import.meta.url)
    import(main.href).then((module) => module.main([...before, ...args])).catch(fail)
    return
  }
  const node = packagedNode()
  if (node === undefined) {
    fail(new Error(`Node >= ${NODE_MIN.join('.')} is needed, this is ${process.version}`))
    return
  }
  runAsChild(node, [...flags, ...script])
}

function lacks(flags) {
  return flags.some((flag) => !process.execArgv.includes(flag))
}

/** Where a process cannot do that (Windows) it goes on without the flags. */
function beginAnew(args) {
  if (typeof process.execve !== 'function') return
  process.removeAllListeners('warning')
  try {
    process.execve(process.execPath, [process.execPath, ...args], process.env)
  } catch {
    // Goes on as it is: it costs memory, nothing else.
  }
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
}

function packagedNode() {
  try {
    const require = createRequire(import.meta.url)
    const manifest = require.resolve('node/package.json')
    if (!isNewEnough(require('node/package.json').version)) return undefined
    return join(dirname(manifest), 'bin', 'node')
  } catch {
    return undefined
  }
}

function runAsChild(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' })
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal))
  child.on('error', fail)
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : SIGNAL_EXIT_BASE + SIGTERM_NUMBER)
  })
}

function fail(error) {
  process.stderr.write(`holdfast: ${error.message}\n`)
  process.exitCode = 1
}
