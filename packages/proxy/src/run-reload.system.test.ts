import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { CommandProcess } from './testing/command-process.ts'
import { TextClient } from './testing/text-client.ts'

/** Of the proxy with servers that are there: they may only be slow, as the whole machine is. */
const PATIENCE_MS = 20_000

describe('a proxy with a configuration file', () => {
  let one: MemcachedProcess
  let two: MemcachedProcess
  let folder: string
  let file: string
  let proxy: CommandProcess | undefined

  function text(server: MemcachedProcess, more = ''): string {
    return `
listeners:
  - port: 0
backends:
  cache: { type: memcached, servers: ["127.0.0.1:${server.port}"] }
buckets:
  default: { use: cache }
http: { port: 0 }
limits: { connectTimeoutMs: ${PATIENCE_MS}, operationTimeoutMs: ${PATIENCE_MS} }
${more}`
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-reload-'))
    file = join(folder, 'proxy.yaml')
    one = await MemcachedProcess.start()
    two = await MemcachedProcess.start()
  })

  afterEach(async () => {
    await proxy?.stop()
    proxy = undefined
  })

  after(async () => {
    await one?.kill()
    await two?.kill()
    await rm(folder, { recursive: true, force: true })
  })

  async function start(content: string, ...args: string[]): Promise<TextClient> {
    await writeFile(file, content)
    proxy = new CommandProcess(['--config', file, ...args])
    return await TextClient.connect(await proxy.ready())
  }

  test('follows it when it changes, without dropping a connection or a request', async () => {
    const client = await start(text(one))
    assert.equal(await client.ask('set where 0 0 3\r\none\r\n'), 'STORED\r\n')
    let answers = 0
    let stop = false
    const load = (async () => {
      while (!stop) {
        const reply = await client.ask('get where\r\n', 'END\r\n')
        assert.match(reply, /^(VALUE where 0 3\r\n(one|two)\r\n)?END\r\n$/)
        answers++
        if (reply === 'END\r\n') await client.ask('set where 0 0 3\r\ntwo\r\n')
        if (reply.includes('two')) stop = true
      }
    })()
    const late = `${file}.new`
    await writeFile(late, text(two))
    await rename(late, file)
    await load
    assert.ok(answers > 1)
    client.close()
  })

  test('refuses a bad one, says in which line, and keeps the old', async () => {
    const client = await start(text(one))
    const bad = text(one).replace('memcached', 'mongo')
    await writeFile(file, bad)
    await until('it is refused', () => proxy?.stderr.includes('is refused') === true)
    assert.match(proxy?.stderr ?? '', /proxy\.yaml:5:\d+: backends\.cache\.type: /)
    assert.equal(await client.ask('get nothing\r\n'), 'END\r\n')
    await writeFile(file, text(two, 'log: { level: debug }'))
    await until('a good one is taken', () => {
      return proxy?.stderr.includes('configuration in use') === true
    })
    assert.equal(await client.ask('get nothing\r\n'), 'END\r\n')
    client.close()
  })

  test('opens and closes listeners, and serves buckets that come', async () => {
    const socket = join(folder, 'socket')
    const client = await start(text(one))
    const more = text(two)
      .replace('  - port: 0', `  - port: 0\n  - { socket: "${socket}", bucket: other }`)
      .replace('backends:', `backends:\n  own: { type: embedded, folder: "${folder}/data" }`)
      .replace('buckets:', 'buckets:\n  other: { use: own }')
    await writeFile(file, more)
    // It listens a moment before its bucket is there.
    await until('it is in use', () => proxy?.stderr.includes('configuration in use') === true)
    assert.equal(await ask(socket, 'set own 0 0 1\r\nx\r\nquit\r\n'), 'STORED\r\n')
    assert.equal(await client.ask('get own\r\n'), 'END\r\n')
    await writeFile(file, text(two))
    await until('the socket is closed', () => !existsSync(socket))
    assert.equal(await client.ask('get own\r\n'), 'END\r\n')
    client.close()
  })

  test('SIGHUP opens the log file anew after it was moved away', async () => {
    const log = join(folder, 'proxy.log')
    const client = await start(text(one), '-O', log)
    await rename(log, `${log}.1`)
    proxy?.signal('SIGHUP')
    await until('the new log has lines', () => {
      return existsSync(log) && readFileSync(log, 'utf8').includes('configuration in use')
    })
    assert.match(readFileSync(`${log}.1`, 'utf8'), /"msg":"listening"/)
    client.close()
  })

  test('-d returns once it listens, with the process in the background', async () => {
    await writeFile(file, text(one).replace('- port: 0', `- socket: "${folder}/d"`))
    const pidFile = join(folder, 'pid')
    const args = ['--config', file, '-d', '-P', pidFile, '-O', join(folder, 'd.log')]
    const command = new CommandProcess(args)
    assert.equal(await command.exited, 0, command.stderr)
    assert.equal(command.stderr, '')
    const pid = Number(readFileSync(pidFile, 'utf8'))
    assert.notEqual(pid, command.pid)
    assert.equal(await ask(join(folder, 'd'), 'get x\r\nquit\r\n'), 'END\r\n')
    const second = new CommandProcess(args)
    assert.equal(await second.exited, 1)
    assert.match(second.stderr, /^ERROR: could not listen at /)
    process.kill(pid, 'SIGTERM')
    await until('it is gone, with its pid file', () => !existsSync(pidFile))
  })
})

/** All that a unix socket says until it closes. */
function ask(path: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = net.connect(path)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
    socket.write(request)
  })
}
