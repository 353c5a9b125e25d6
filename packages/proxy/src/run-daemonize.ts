/**
 * moxi's -d: the command starts itself again, detached from the terminal, waits until that one
 * listens, and returns; what goes wrong until then is printed here.
 */
import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/** Set for the process in the background. */
const BACKGROUND = 'HOLDFAST_PROXY_BACKGROUND'
/** Longest start of the background process. */
const START_TIMEOUT_MS = 30_000

interface StartMessage {
  listening: boolean
  text: string
}

/** True in the process that was started to run in the background. */
export function isInBackground(): boolean {
  return process.env[BACKGROUND] !== undefined
}

/** Starts this very command line in the background; resolves with the exit code. */
export async function startInBackground(stderr: Writable): Promise<number> {
  const args = [...process.execArgv, ...process.argv.slice(1)]
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, [BACKGROUND]: '1' },
  })
  const { promise, resolve } = Promise.withResolvers<number>()
  const timer = setTimeout(() => {
    stderr.write(`ERROR: not listening after ${START_TIMEOUT_MS} ms\n`)
    child.kill('SIGKILL')
    resolve(1)
  }, START_TIMEOUT_MS)
  child.on('message', (message: StartMessage) => {
    if (message.text !== '') stderr.write(message.text)
    if (message.listening) resolve(0)
  })
  child.on('error', (error) => {
    stderr.write(`ERROR: ${error.message}\n`)
    resolve(1)
  })
  child.on('exit', (code) => resolve(code ?? 1))
  const code = await promise
  clearTimeout(timer)
  if (child.connected) child.disconnect()
  child.unref()
  return code
}

/** Tells the waiting command; its part ends with the first call that says it listens. */
export function tellForeground(message: StartMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (process.send === undefined || !process.connected) return Promise.resolve()
  process.send(message, undefined, {}, () => {
    if (message.listening && process.connected) process.disconnect?.()
    resolve()
  })
  return promise
}
