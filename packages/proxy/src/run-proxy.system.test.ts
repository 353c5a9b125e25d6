// The proxy as a process of its own: ready line, signals, parent.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { TextClient } from './testing/text-client.ts'

const PROGRAM = `
  import { runProxy } from ${JSON.stringify(new URL('./run-proxy.ts', import.meta.url).href)}
  process.exitCode = await runProxy(process.argv.slice(1), process)
`

interface Started {
  child: ChildProcess
  output: { stdout: string; stderr: string }
  /** Address of the ready line. */
  ready: () => Promise<string>
  exited: Promise<number | null>
}

function spawnProxy(args: readonly string[], stdio: 'pipe' | 'ipc' = 'pipe'): Started {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, '--', ...args], {
    stdio: stdio === 'ipc' ? ['pipe', 'pipe', 'pipe', 'ipc'] : 'pipe',
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString()
  })
  const exited = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null))
  const ready = async (): Promise<string> => {
    await until('ready line', () => output.stdout.includes('\n'))
    const address = /^holdfast proxy ready (127\.0\.0\.1:\d+)\n$/.exec(output.stdout)?.[1]
    assert.ok(address, output.stdout + output.stderr)
    return address
  }
  return { child, output, ready, exited }
}

describe('the proxy command', () => {
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-run-'))
  })

  after(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  test('prints one ready line, serves, and ends with SIGTERM and code 0', async () => {
    const args = ['-Z', 'port_listen=0,colour=red', '--http-port', '0', `embedded:${folder}/a`]
    const { child, output, ready, exited } = spawnProxy(args)
    const client = await TextClient.connect(await ready())
    assert.equal(await client.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
    child.kill('SIGTERM')
    await client.ended()
    assert.equal(await exited, 0)
    assert.match(output.stderr, /^ERROR: config error in key: colour value: red\n/)
    assert.match(output.stderr, /"msg":"stopping"/)
  })

  test('ends when its parent is gone', async () => {
    const args = ['-Z', 'port_listen=0', '--http-port', '0', `embedded:${folder}/b`]
    const { child, ready, exited } = spawnProxy(args, 'ipc')
    await ready()
    child.disconnect()
    assert.equal(await exited, 0)
  })

  test('ends when standard input is closed, if asked to', async () => {
    const args = ['-Y', 'y', '-Z', 'port_listen=0', '--http-port', '0', `embedded:${folder}/c`]
    const { child, ready, exited } = spawnProxy(args)
    await ready()
    child.stdin?.end()
    assert.equal(await exited, 0)
  })

  test('prints no ready line without a config, and can be ended', async () => {
    const args = [
      '-Z',
      'port_listen=0,usr=u,pwd=topsecret',
      '--http-port',
      '0',
      'http://127.0.0.1:9/',
    ]
    const { child, output, exited } = spawnProxy(args)
    await until('it listens', () => output.stderr.includes('"msg":"listening"'))
    await until('it asks', () => output.stderr.includes('config stream ended'))
    child.kill('SIGINT')
    assert.equal(await exited, 0)
    assert.equal(output.stdout, '')
    assert.ok(!output.stderr.includes('topsecret'))
  })

  test('a taken port is an error in the original words', async () => {
    const args = ['-Z', 'port_listen=0', '--http-port', '0', `embedded:${folder}/d`]
    const { child, ready, exited } = spawnProxy(args)
    const port = (await ready()).split(':')[1]
    const second = spawnProxy(['-Z', `port_listen=${port}`, `embedded:${folder}/e`])
    assert.equal(await second.exited, 1)
    assert.equal(
      second.output.stderr,
      `ERROR: could not listen on port ${port}. Please use -Z port_listen=PORT_NUM to specify a different port number.\n`,
    )
    child.kill('SIGTERM')
    assert.equal(await exited, 0)
  })

  test('a bad command line is an error, help is not', async () => {
    const bad = spawnProxy([])
    assert.equal(await bad.exited, 1)
    assert.equal(bad.output.stderr, 'ERROR: need cluster configuration. See usage (-h).\n')
    const help = spawnProxy(['-h'])
    assert.equal(await help.exited, 0)
    assert.match(help.output.stdout, /^usage: holdfast proxy/)
  })
})
