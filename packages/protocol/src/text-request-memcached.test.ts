// Our parser against the original: the same raw input goes to a real memcached and to our parser
// behind a stub that answers as an empty store would, and both outputs must agree to the byte.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type MemcachedRequest, Op } from './request.ts'
import { TextRequestParser } from './text-request-parser.ts'

const MEMCACHED = '/usr/bin/memcached'
const START_TIMEOUT_MS = 5000
const ANSWER_TIMEOUT_MS = 5000
const LONG_KEY = 'k'.repeat(251)
const LARGE = 'x'.repeat(2_000_000)

/** Each on an empty store; keys that are stored are not read again. */
const INPUTS: readonly string[] = [
  '\r\n',
  '\n',
  'x\r\n',
  'foo bar\r\n',
  'GET a\r\n',
  'getx a\r\n',
  '  version  \r\n',
  'version x\r\n',
  'get\r\n',
  'gets \r\n',
  'get a\r\n',
  'get a\n',
  'gets a b c\r\n',
  'get  a  b \r\n',
  `get ${LONG_KEY}\r\n`,
  `get a ${LONG_KEY} b\r\n`,
  'gat\r\n',
  'gat x a\r\n',
  'gat 1 a\r\n',
  'gats 0 a b\r\n',
  'gat -1 a\r\n',
  'set s1 0 0 3\r\nabc\r\n',
  'set s2 4294967295 0 0\r\n\r\n',
  'set s3 +1 +0 +1\r\nx\r\n',
  'set s4 0 -1 1\r\nx\r\n',
  'set s5 0 4294967296 1\r\nx\r\n',
  'set s6 0 0 1 foo\r\nx\r\n',
  'set s7 0 0 1 noreply\r\nx\r\n',
  'set s8 0 0 1\nx\r\n',
  'set k 0 0\r\n',
  'set k 0 0 1 2 3\r\nx\r\n',
  'set k x 0 1\r\nx\r\n',
  'set k -1 0 1\r\nx\r\n',
  'set k 0 x 1\r\nx\r\n',
  'set k 0 0 -1\r\nx\r\n',
  'set k 0 0 x\r\nx\r\n',
  'set k 0 0 2147483646\r\nx\r\n',
  'set k 0 0 99999999999999999999\r\nx\r\n',
  'set k 0 0 3\r\nabcde\r\n',
  'set k 0 0 3\r\nabcXXversion\r\n',
  'set k 0 0 1\r\nx\n\r\n',
  'set k 0 0 3 noreply\r\nabcde\r\n',
  'set k 0 0 noreply\r\n',
  'set k x 0 1 noreply\r\n',
  `set k 0 0 ${LARGE.length}\r\n${LARGE}\r\n`,
  `set k 0 0 ${LARGE.length} noreply\r\n${LARGE}\r\n`,
  'add a1 0 0 1\r\nx\r\n',
  'replace nk 0 0 1\r\nx\r\n',
  'append nk 0 0 1\r\nx\r\n',
  'prepend nk 0 0 1\r\nx\r\n',
  'replace nk 0 0 1 noreply\r\nx\r\n',
  'add k 0 0\r\n',
  'cas k 0 0 1\r\nx\r\n',
  'cas k 0 0 1 x\r\nx\r\n',
  'cas nk 0 0 1 18446744073709551615\r\nx\r\n',
  'cas k 0 0 1 18446744073709551616\r\nx\r\n',
  'cas k 0 0 1 -1\r\nx\r\n',
  'incr k\r\n',
  'incr k x\r\n',
  'incr nk -1\r\n',
  'incr nk +1\r\n',
  'incr nk 1 foo\r\n',
  'incr nk 18446744073709551615\r\n',
  'incr nk 18446744073709551616\r\n',
  'decr nk 1 2 3\r\n',
  'incr k x noreply\r\n',
  'incr k noreply\r\n',
  `incr ${LONG_KEY} 1\r\n`,
  'delete\r\n',
  'delete nk\r\n',
  'delete nk 0\r\n',
  'delete nk 10\r\n',
  'delete nk 00\r\n',
  'delete nk noreply\r\n',
  'delete nk 0 noreply\r\n',
  'delete nk 1 noreply\r\n',
  'delete nk 0 foo\r\n',
  'delete nk 0 noreply x\r\n',
  `delete ${LONG_KEY}\r\n`,
  'touch k\r\n',
  'touch k x\r\n',
  'touch nk 1\r\n',
  'touch nk 1 foo\r\n',
  'touch k x noreply\r\n',
  `touch ${LONG_KEY} 1\r\n`,
  'flush_all x\r\n',
  'flush_all -1\r\n',
  'flush_all 0 noreply\r\n',
  'flush_all noreply\r\n',
  'flush_all 1 2\r\n',
  'flush_all 1 2 3\r\n',
  'flush_all noreply x\r\n',
  'flush_all x noreply\r\n',
  'verbosity\r\n',
  'verbosity x\r\n',
  'verbosity 1\r\n',
  'verbosity 1 noreply\r\n',
  'verbosity noreply\r\n',
  'verbosity 1 2 3\r\n',
  'verbosity -1\r\n',
  'quit\r\n',
  'quit x\r\n',
]

/** What an empty store answers to a valid request. */
function emptyStoreReply(request: MemcachedRequest): string {
  switch (request.op) {
    case Op.Invalid:
      return `${request.error}\r\n`
    case Op.Get:
    case Op.Gets:
    case Op.Gat:
    case Op.Gats:
      return 'END\r\n'
    case Op.Set:
    case Op.Add:
      return 'STORED\r\n'
    case Op.Replace:
    case Op.Append:
    case Op.Prepend:
      return 'NOT_STORED\r\n'
    case Op.FlushAll:
    case Op.Verbosity:
      return 'OK\r\n'
    case Op.Version:
      return 'VERSION\r\n'
    case Op.Quit:
      return ''
    default:
      return 'NOT_FOUND\r\n'
  }
}

function ourReply(input: string): string {
  let output = ''
  new TextRequestParser({ valueBytesMax: 1_000_000 }).push(Buffer.from(input), (request) => {
    if (!request.noreply || request.fatal) output += emptyStoreReply(request)
  })
  return output
}

let memcached: ChildProcess | undefined
let port = 0

before(async () => {
  if (!existsSync(MEMCACHED)) return
  port = await freePort()
  const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-u', 'nobody']
  memcached = spawn(MEMCACHED, args, { stdio: 'ignore' })
  const deadlineMs = Date.now() + START_TIMEOUT_MS
  while ((await memcachedReply('version\r\n').catch(() => '')) === '') {
    if (Date.now() > deadlineMs) throw new Error('memcached did not start')
    await delay(20)
  }
})

after(async () => {
  if (memcached === undefined) return
  const exited = once(memcached, 'exit')
  memcached.kill()
  await exited
})

test('replies agree with memcached to the byte', { skip: !existsSync(MEMCACHED) }, async () => {
  for (const input of INPUTS) {
    // A last command of known answer shows that both are in step again.
    const raw = `${input}verbosity 1\r\nquit\r\n`
    const name = JSON.stringify(input.slice(0, 60))
    const theirs = (await memcachedReply(raw)).replace(/^VERSION .*(?=\r)/gm, 'VERSION')
    assert.equal(ourReply(raw), theirs, name)
    await memcachedReply('flush_all\r\nquit\r\n')
  }
})

/** Everything the server says until it closes. */
async function memcachedReply(raw: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('memcached is silent')))
  let output = ''
  socket.on('data', (text) => {
    output += text
  })
  socket.write(raw.endsWith('quit\r\n') ? raw : `${raw}quit\r\n`)
  await once(socket, 'close')
  return output
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}
