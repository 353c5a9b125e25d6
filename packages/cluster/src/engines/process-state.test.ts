import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { hasEnded, isAlive } from './process-state.ts'

/** Ends the first thread of its process; those of the runtime go on. */
const FIRST_THREAD_ENDS = `
const { DynamicLibrary } = process.getBuiltinModule('node:ffi')
const exit = { arm64: 93, x64: 60 }[process.arch]
const syscall = new DynamicLibrary(null).getFunction('syscall', {
  arguments: ['int32', 'int32'], return: 'int32',
})
syscall(exit, 0)
`
const cannotEndThread =
  existsSync('/proc/self/stat') &&
  process.getBuiltinModule('node:ffi') !== undefined &&
  ['arm64', 'x64'].includes(process.arch)
    ? false
    : 'needs /proc and node:ffi'

function statOf(child: ChildProcess): string {
  return readFileSync(`/proc/${child.pid}/stat`, 'latin1')
}

test('a process runs until its last thread has ended', { skip: cannotEndThread }, async (t) => {
  const child = spawn(process.execPath, ['--no-warnings', '-e', FIRST_THREAD_ENDS])
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  await until('its first thread has ended', () => / Z /.test(statOf(child)))
  assert.equal(isAlive(child.pid ?? 0), true)
  child.kill('SIGKILL')
  await exited
  assert.equal(isAlive(child.pid ?? 0), false)
})

test('a dead process that nobody has reaped has ended', () => {
  const numbers = '0 -1 4194560 1 0 0 0 1 2 0 0 20 0'
  assert.equal(hasEnded(`41 (redis-server) Z 1 41 41 ${numbers} 1 0 99 0 0`), true)
  assert.equal(hasEnded(`41 (redis-server) Z 1 41 41 ${numbers} 2 0 99 0 0`), false)
  assert.equal(hasEnded(`41 (redis-server) S 1 41 41 ${numbers} 1 0 99 0 0`), false)
})

test('the name of a program does not pass for its state', () => {
  const numbers = '0 -1 4194560 1 0 0 0 1 2 0 0 20 0'
  assert.equal(hasEnded(`41 (a) Z 1 b) S 1 41 41 ${numbers} 1 0 99 0 0`), false)
})
