import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { endProcessesIn } from './left-processes.mjs'

const STAYS = ['-e', 'setInterval(() => {}, 1000)']
const skip = existsSync('/proc/self/cwd') ? false : 'no /proc here'

test('a process that stays is ended and told: by where it works, by its environment', {
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-left-'))
  t.after(() => rm(folder, { recursive: true }))
  const children = [
    spawn(process.execPath, [...STAYS, 'one'], { cwd: folder, detached: true }),
    spawn(process.execPath, [...STAYS, 'two'], { env: { TMPDIR: folder }, detached: true }),
  ]
  const ended = children.map((child) => once(child, 'exit'))
  const left = await endProcessesIn(folder, 0)
  assert.deepEqual(left.map((command) => command.split(' ').at(-1)).sort(), ['one', 'two'])
  await Promise.all(ended)
  assert.deepEqual(await endProcessesIn(folder), [])
})

test('processes of others are left alone', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-left-'))
  t.after(() => rm(folder, { recursive: true }))
  const child = spawn(process.execPath, STAYS)
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  assert.deepEqual(await endProcessesIn(folder), [])
  assert.equal(child.exitCode, null)
  assert.equal(child.signalCode, null)
})
