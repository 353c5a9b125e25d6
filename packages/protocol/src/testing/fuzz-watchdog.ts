/**
 * Ends a process whose thread is caught in one fuzz input for too long. It runs in a thread of its
 * own, because the thread that it watches may never come back to its event loop.
 */
import { Worker } from 'node:worker_threads'

const INPUT_MS_MAX = 60_000

/** Watches until it is stopped. */
export interface Watchdog {
  /** Input number `run` begins. */
  alive(run: number): void
  stop(): Promise<void>
}

const WATCH = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { beat, name, seed, timeoutMs, pid } = workerData
let seen = -1
setInterval(() => {
  if (Atomics.load(beat, 0) !== seen) {
    seen = Atomics.load(beat, 0)
    return
  }
  writeSync(2, 'fuzz ' + name + ': one input takes more than ' + timeoutMs + ' ms\\n' +
    'again with HOLDFAST_FUZZ_SEED=' + seed + ' HOLDFAST_FUZZ_PATH=' + (seen - 1) + '\\n')
  process.kill(pid, 'SIGKILL')
}, timeoutMs)
`

/** Starts watching the calling thread. */
export function startWatchdog(name: string, seed: number): Watchdog {
  const beat = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(WATCH, {
    eval: true,
    workerData: { beat, name, seed, timeoutMs: INPUT_MS_MAX, pid: process.pid },
  })
  worker.unref()
  return {
    alive: (run) => Atomics.store(beat, 0, run + 1),
    stop: async () => {
      await worker.terminate()
    },
  }
}
