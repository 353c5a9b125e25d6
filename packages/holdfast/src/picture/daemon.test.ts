import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Daemon } from './daemon.ts'
import { isAlive } from './node-processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-daemon-'))
after(() => rmSync(folder, { recursive: true }))

function script(name: string, text: string) {
  return {
    name,
    command: process.execPath,
    args: ['-e', text],
    logPath: join(folder, `${name}.log`),
    readyLine: /^ready$/,
  }
}

const FOREVER = 'setInterval(() => {}, 1000)'

test('a daemon is started when it says its ready line, and stopped by SIGTERM', async () => {
  const daemon = await Daemon.start(script('good', `console.log('ready'); ${FOREVER}`))
  assert.equal(daemon.isRunning, true)
  assert.equal(await daemon.stop(), true)
  assert.equal(daemon.isRunning, false)
  assert.equal(isAlive(daemon.pid), false)
})

test('a daemon that ends before it is ready is an error that shows its log', async () => {
  const options = script('bad', "console.error('port is busy'); process.exit(3)")
  await assert.rejects(Daemon.start(options), /bad did not start: it ended with 3\nport is busy/)
})

test('a daemon that ignores SIGTERM is killed', async () => {
  const text = `process.on('SIGTERM', () => {}); console.log('ready'); ${FOREVER}`
  const daemon = await Daemon.start(script('deaf', text))
  assert.equal(await daemon.stop(100), false)
  assert.equal(isAlive(daemon.pid), false)
})

test('a command that does not exist is an error', async () => {
  const options = { ...script('none', ''), command: join(folder, 'nothing-here') }
  await assert.rejects(Daemon.start(options), /none did not start: spawn .* ENOENT/)
})
