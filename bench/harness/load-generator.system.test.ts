// The load generator against real memcached and against servers that misbehave.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { pipeline, Transform } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { findProgram } from '../../packages/holdfast/src/picture/find-program.ts'
import { startBackend } from './backends.ts'
import type { LoadResult } from './figures.ts'
import { buildLoadGenerator } from './load-generator.ts'
import { Stage } from './stage.ts'

const WANTED = ['gcc', 'memcached', 'taskset', 'setpriv']
const missing = WANTED.filter((name) => findProgram(name) === undefined)
const skip = missing.length === 0 ? false : `not installed: ${missing.join(', ')}`

const STALL_MS = 300
const SHORT = ['--seconds=0.3', '--warm-up-seconds=0', '--keys=500']

async function load(port: number, args: readonly string[]) {
  const child = spawn(buildLoadGenerator(), [`--port=${port}`, ...SHORT, ...args])
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const [code] = await once(child, 'close')
  return { code, errors, result: () => JSON.parse(output) as LoadResult }
}

/** Passes bytes between the load and memcached, the replies through `bend`. */
async function startBending(
  to: number,
  bend: (replies: Buffer, sofar: number) => Buffer | Promise<Buffer>,
): Promise<net.Server> {
  const ended = (): void => undefined
  const server = net.createServer((client) => {
    const upstream = net.connect(to, '127.0.0.1')
    let sofar = 0
    const bender = new Transform({
      async transform(replies: Buffer, _encoding, done) {
        const bent = await bend(replies, sofar)
        sofar += replies.length
        done(null, bent)
      },
    })
    pipeline(client, upstream, ended)
    pipeline(upstream, bender, client, ended)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describe('the load generator', { skip }, () => {
  let stage: Stage
  let port: number

  before(async () => {
    stage = new Stage({ proxyCore: 0, loadCore: 0, backendCore: 0 })
    const memcached = await startBackend(stage, 'memcached', 1)
    port = Number(memcached.address.split(':')[1])
  })

  after(async () => {
    await stage.stop()
  })

  for (const args of [
    ['--connections=1', '--depth=1'],
    ['--connections=20', '--depth=10', '--value-bytes=4096'],
    ['--connections=3', '--depth=7', '--sliding', '--value-bytes=16'],
    ['--connections=4', '--depth=3', '--keys-per-get=30', '--value-bytes=2000'],
    ['--connections=10', '--depth=5', '--rate=2000'],
    ['--get-share=0', '--operations=200'],
  ]) {
    test(`every reply of memcached is right: ${args.join(' ')}`, async () => {
      const { code, errors, result } = await load(port, args)
      assert.equal(code, 0, errors)
      const { operations, gets, sets, misses, p50Us, maxUs } = result()
      assert.ok(operations > 0)
      assert.equal(gets + sets, operations)
      assert.equal(misses, 0)
      assert.ok(p50Us <= maxUs)
    })
  }

  test('keys that are not there are counted as misses', async () => {
    const other = ['--no-fill', '--keys=100000', '--get-share=1', '--keys-per-get=4']
    const { code, errors, result } = await load(port, other)
    assert.equal(code, 0, errors)
    assert.ok(result().misses > 0)
  })

  test('one wrong byte in a value ends the run with exit code 3', async (t) => {
    let bent = false
    const server = await startBending(port, (replies) => {
      const at = replies.indexOf('VALUE ')
      if (bent || at < 0 || at + 80 >= replies.length) return replies
      bent = true
      replies[at + 80] = (replies[at + 80] ?? 0) ^ 1
      return replies
    })
    t.after(() => server.close())
    const { code, errors } = await load((server.address() as AddressInfo).port, ['--depth=10'])
    assert.equal(code, 3)
    assert.match(errors, /wrong reply to get of key \d+: VALUE bench:/)
  })

  test('an error line in place of a reply ends the run with exit code 3', async (t) => {
    const server = await startBending(port, (replies, sofar) =>
      sofar > 2000 ? Buffer.from('SERVER_ERROR out of luck\r\n') : replies,
    )
    t.after(() => server.close())
    const { code, errors } = await load((server.address() as AddressInfo).port, [])
    assert.equal(code, 3)
    assert.match(errors, /SERVER_ERROR out of luck\\x0d\\x0a/)
  })

  test('at a fixed rate a stall is in the latency of all that was due meanwhile', async (t) => {
    let stalls = 0
    const server = await startBending(port, async (replies, sofar) => {
      if (sofar > 10_000 && stalls++ === 0) await delay(STALL_MS)
      return replies
    })
    t.after(() => server.close())
    const args = ['--connections=1', '--rate=500', '--seconds=2', '--value-bytes=100']
    const { code, errors, result } = await load((server.address() as AddressInfo).port, args)
    assert.equal(code, 0, errors)
    assert.ok(result().maxUs >= STALL_MS * 900, `${result().maxUs} us`)
    // A closed loop would see the stall in one operation of hundreds, not in every one due.
    assert.ok(result().p99Us >= STALL_MS * 500, `${result().p99Us} us`)
  })
})
