import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { holdfastProgram } from '../command-line.ts'
import { CLI_REFERENCE, cliReference } from './cli-reference.ts'

test('the reference is what the tables say', () => {
  assert.equal(
    readFileSync(CLI_REFERENCE, 'utf8'),
    cliReference(),
    'write it anew: node packages/holdfast/src/cluster/cli-reference.ts',
  )
})

test('every command of the program and each of its options is in the reference', () => {
  const text = cliReference()
  for (const command of holdfastProgram().commands) {
    assert.match(text, new RegExp(`^##+ holdfast ${command.name()}$`, 'm'))
    for (const option of command.options) assert.ok(text.includes(option.flags), option.flags)
    for (const inner of command.commands) {
      assert.ok(text.includes(`holdfast ${command.name()} ${inner.name()}`), inner.name())
    }
  }
})
