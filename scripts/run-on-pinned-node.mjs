// Runs the main program of a command on the pinned Node. Every signal is handed on, so that it ends
// what it started. When npm itself is ended, the shell between npm and this process may die without
// a word, so a change of the parent ends the program, too.
import { spawn } from 'node:child_process'

const PARENT_POLL_MS = 500

/** Starts `node` with `args`; this process ends when it does, with its exit code. */
export function runOnPinnedNode(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' })
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
}
