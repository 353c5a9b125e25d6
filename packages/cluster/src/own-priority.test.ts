import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { after, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { lowerPriority, ownPriority, restorePriority } from './own-priority.ts'

const { PRIORITY_NORMAL } = constants.priority
const before = getPriority()
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
  detached: true,
  stdio: 'ignore',
})
const pid = child.pid ?? 0

after(() => {
  child.kill('SIGKILL')
  if (getPriority() !== before) setPriority(before)
})

/** True when this process may raise priorities. */
function raised(): boolean {
  try {
    setPriority(-5)
    return true
  } catch {
    return false
  }
}

test('a priority is lowered only by who may raise it again, for every thread, and is restored', async () => {
  ownPriority(pid)
  if (!raised()) {
    assert.equal(lowerPriority(pid), false)
    assert.equal(getPriority(pid), PRIORITY_NORMAL)
    return
  }
  await until('the child has threads', () => readdirSync(`/proc/${pid}/task`).length > 1)
  const priorities = () => readdirSync(`/proc/${pid}/task`).map((one) => getPriority(Number(one)))
  assert.equal(lowerPriority(pid), true)
  assert.ok(priorities().every((one) => one > PRIORITY_NORMAL))
  await until('it is restored', () => restorePriority(pid))
  assert.ok(priorities().every((one) => one === PRIORITY_NORMAL))
})

test('a process that is gone has no priority to restore', async () => {
  const gone = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await new Promise((resolve) => gone.once('exit', resolve))
  assert.equal(restorePriority(gone.pid ?? 0), true)
})
