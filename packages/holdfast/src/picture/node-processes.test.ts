import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodePids } from './node-processes.ts'

const SLEEP = ['-e', 'setInterval(() => {}, 60_000); process.stdout.write("up")', '--']

test('a pid file names a process of the node, not a stranger with its number', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-pids-'))
  const own = join(folder, 'node1')
  const other = join(folder, 'node10')
  for (const node of [own, other]) mkdirSync(join(node, 'run'), { recursive: true })
  // As another node's manager is: ours by its command line, and in a folder with a like name.
  const stranger = spawn(process.execPath, [...SLEEP, 'holdfast', other], { cwd: tmpdir() })
  const byFolder = spawn(process.execPath, SLEEP, { cwd: join(own, 'run') })
  const byCommand = spawn(process.execPath, [...SLEEP, '--data', own], { cwd: tmpdir() })
  const children = [stranger, byFolder, byCommand]
  t.after(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await Promise.all(children.map(({ stdout }) => once(stdout, 'data')))
  writeFileSync(join(own, 'run', 'engine-default-0.pid'), `${stranger.pid}\n`)
  writeFileSync(join(own, 'run', 'gateway.pid'), `${byFolder.pid}\n`)
  writeFileSync(join(own, 'run', 'manager.pid'), `${byCommand.pid}\n`)
  assert.deepEqual(nodePids(own), [byCommand.pid, byFolder.pid])
})
