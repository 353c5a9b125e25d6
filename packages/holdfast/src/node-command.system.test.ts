/** A store node as a process, with its gateway: buckets by REST, logins on the memcached port. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Daemon } from './picture/daemon.ts'
import { PortPlan } from './picture/ports.ts'

const WAIT_MS_MAX = 20_000
const POLL_MS = 30
const HOLDFAST = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url))
const SASL_AUTH = 0x21
const BINARY_SET = 0x01
const BINARY_GET = 0x00
const STATUS_AT = 6

describe('a store node', () => {
  let folder: string
  let node: Daemon
  let restPort: number
  let gatewayPort: number

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-node-command-'))
    const ports = new PortPlan()
    restPort = await ports.port()
    gatewayPort = await ports.port()
    const engines = await ports.engineRange(4)
    node = await Daemon.start({
      name: 'node',
      command: process.execPath,
      args: [
        ...[HOLDFAST, 'node', '--data', folder, '--port', String(restPort)],
        ...['--gateway-port', String(gatewayPort), '--data-port', String(await ports.port())],
        ...['--engine-ports', `${engines.from}-${engines.to}`],
      ],
      logPath: join(folder, 'node.log'),
      readyLine: /^holdfast node ready /,
    })
  })

  after(async () => {
    await node?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('serves all its buckets at its gateway, the one without a password to everybody', async () => {
    await makeBucket({ name: 'default' })
    await until('default takes writes', async () => {
      return (await talk('set a 0 0 1\r\nx\r\nquit\r\n')) === 'STORED\r\n'
    })
  })

  test('the functions of its engines are there for those who may not change them', async () => {
    assert.equal(await talk('set n 0 0 1\r\n1\r\nincr n 4\r\nquit\r\n'), 'STORED\r\n5\r\n')
  })

  test('a bucket made later is there for those who log in', async () => {
    await makeBucket({ name: 'shop', saslPassword: 'pw' })
    await until('a login leads to it', async () => (await statusOfLogin('shop', 'pw')) === 0)
    assert.equal(await statusOfLogin('shop', 'wrong'), 0x20)
    await until('it takes writes', async () => {
      const replies = await talkBinary(
        request(SASL_AUTH, 'PLAIN', '\0shop\0pw'),
        request(BINARY_SET, 'a', 'y', 8),
        request(BINARY_GET, 'a', ''),
      )
      return replies.includes('y')
    })
    assert.equal(await talk('get a\r\nquit\r\n'), 'VALUE a 0 1\r\nx\r\nEND\r\n')
  })

  async function makeBucket(fields: Record<string, string>): Promise<void> {
    const body = new URLSearchParams({ replicaNumber: '0', shards: '1', ...fields })
    const url = `http://127.0.0.1:${restPort}/pools/default/buckets`
    const made = await fetch(url, { method: 'POST', body })
    assert.equal(made.status, 202, await made.text())
  }

  async function statusOfLogin(name: string, password: string): Promise<number> {
    const replies = await talkBinary(request(SASL_AUTH, 'PLAIN', `\0${name}\0${password}`))
    return Buffer.from(replies, 'latin1').readUInt16BE(STATUS_AT)
  }

  async function talkBinary(...requests: Buffer[]): Promise<string> {
    return await talk(Buffer.concat([...requests, request(0x07, '', '')]).toString('latin1'))
  }

  /** All that the gateway says until it closes; what is sent ends with a quit. */
  async function talk(text: string): Promise<string> {
    const socket = connect(gatewayPort, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.write(Buffer.from(text, 'latin1'))
    await once(socket, 'close')
    return received
  }
})

function request(opcode: number, key: string, value: string, extrasBytes = 0): Buffer {
  const header = Buffer.alloc(24 + extrasBytes)
  header[0] = 0x80
  header[1] = opcode
  header.writeUInt16BE(key.length, 2)
  header[4] = extrasBytes
  header.writeUInt32BE(extrasBytes + key.length + value.length, 8)
  return Buffer.concat([header, Buffer.from(key), Buffer.from(value)])
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS_MAX
  for (;;) {
    if (await isSo().catch(() => false)) return
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${WAIT_MS_MAX} ms`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
