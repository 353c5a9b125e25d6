import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isAnswering, sendCommand, serveControl } from './demo-control.ts'
import { type DemoState, readState, removeState, writeState } from './demo-state.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-demo-'))
const commands = {
  kill: async (node: number) => `killed ${node}`,
  revive: async (node: number) => `revived ${node}`,
  status: async () => 'all is well',
}
const control = await serveControl(commands, 'secret')
const state: DemoState = {
  pid: process.pid,
  controlPort: control.port,
  token: 'secret',
  pids: [],
  nodeFolders: [],
}

after(() => {
  control.server.close()
  control.server.closeAllConnections()
  rmSync(root, { recursive: true })
})

test('a second terminal finds the running demo and its commands reach it', async () => {
  writeState(root, state)
  assert.equal(await sendCommand(root, '/kill/2'), 'killed 2')
  assert.equal(await sendCommand(root, '/revive/3'), 'revived 3')
  assert.equal(await sendCommand(root, '/status'), 'all is well')
  await assert.rejects(sendCommand(root, '/kill/all'), /unknown command/)
})

test('whoever does not know the token is refused', async () => {
  assert.equal(await isAnswering(state), true)
  assert.equal(await isAnswering({ ...state, token: 'guess' }), false)
})

test('without a running demo a command says how to start one', async () => {
  removeState(root)
  assert.equal(readState(root), undefined)
  await assert.rejects(sendCommand(root, '/status'), /npm start/)
})
