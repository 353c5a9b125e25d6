// Clients that mean harm, all at once, beside one that does not: garbage, half values, enormous
// lengths, ten thousand keys, replies never read, TLS handshakes that never finish. The good one is
// answered right and soon all the while, and the proxy's memory stays within bounds.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createAuthority, createCertificate } from '../packages/proxy/src/testing/certificates.ts'
import { figure } from './harness/figures.ts'
import { noProc, residentBytes } from './harness/processes.ts'
import { noMemcached, onProxyStage, type ProxyStage } from './harness/proxy-stage.ts'
import { TextClient } from './harness/text-client.ts'
import { until } from './harness/until.ts'

const EACH = 12
const ANSWERS_MIN = 500
const PAUSE_MS = 1000
const WAIT_MS = 90_000
/** A loaded machine may be slow; a proxy that hangs on a hostile client is slower. */
const SLOWEST_MS_MAX = 10_000
const GROWTH_BYTES_MAX = 512 * 1024 * 1024
const LARGE_VALUE_BYTES = 900_000
const LARGE_GETS = 400
const KEYS = ['good-1', 'good-2', 'good-3', 'good-4']

/** What a hostile connection does; it is made again whenever the proxy closes it. */
interface Hostile {
  readonly name: string
  readonly secure?: boolean
  readonly reads?: boolean
  /** Sends what it has to; returns whether it wants to be called again. */
  attack(socket: Socket, round: number): boolean
}

const HOSTILE: readonly Hostile[] = [
  {
    name: 'garbage',
    reads: true,
    attack: (socket, round) => socket.write(garbage(round)) || true,
  },
  {
    name: 'binary garbage',
    reads: true,
    attack: (socket, round) => {
      const bytes = garbage(round)
      bytes[0] = 0x80
      return socket.write(bytes) || true
    },
  },
  {
    name: 'half a value',
    reads: true,
    attack: (socket) => {
      socket.write(`set half 0 0 1000000\r\n${'x'.repeat(500_000)}`)
      return false
    },
  },
  {
    name: '2 GB length',
    reads: true,
    attack: (socket, round) => {
      const head = round === 0 ? 'set huge 0 0 2147483647\r\n' : ''
      return socket.write(head + 'x'.repeat(65_536)) || true
    },
  },
  {
    name: 'binary 2 GB length',
    reads: true,
    attack: (socket) => {
      const header = Buffer.alloc(24)
      header.set([0x80, 1, 0, 1, 8])
      header.writeUInt32BE(0x7fff_ffff, 8)
      socket.write(header)
      return false
    },
  },
  {
    name: '10,000 keys',
    reads: true,
    attack: (socket) => {
      const keys = Array.from({ length: 10_000 }, (_, i) => `${'k'.repeat(200)}${i}`)
      socket.write(`get ${keys.join(' ')}\r\nget ${keys.join(' ')} more\r\n`)
      return false
    },
  },
  {
    name: 'never reads',
    // Goes on asking, because whoever neither reads nor writes does not notice the end either.
    attack: (socket, round) => {
      return socket.write('get large\r\n'.repeat(round === 0 ? LARGE_GETS : 1)) || true
    },
  },
  { name: 'TLS handshake never begun', secure: true, attack: () => false },
  {
    name: 'TLS handshake begun',
    secure: true,
    attack: (socket) => {
      // The head of a ClientHello that announces more than ever comes.
      socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
      return false
    },
  },
]

test('a good client beside hostile ones', { skip: noMemcached || noProc }, async (t) => {
  await onProxyStage(t, async (stage) => {
    const memcached = await stage.addMemcached('-I', '2m')
    const port = await stage.ports.port()
    const securePort = await stage.ports.port()
    const authority = await createAuthority(stage.folder, 'authority')
    const files = await createCertificate(stage.folder, 'server', authority)
    const file = join(stage.folder, 'proxy.yaml')
    writeFileSync(
      file,
      `
listeners:
  - port: ${port}
  - { port: ${securePort}, tls: ${JSON.stringify(files)} }
backends:
  pool: { type: memcached, servers: ["127.0.0.1:${memcached.port}"] }
buckets:
  default: { use: pool }
limits:
  requestTimeoutMs: 1000
  blockedTimeoutMs: 1000
  handshakeTimeoutMs: 1000
`,
    )
    await stage.startProxy('--config', file)
    await play(t, stage, port, securePort)
  })
})

async function play(
  t: TestContext,
  stage: ProxyStage,
  port: number,
  securePort: number,
): Promise<void> {
  const writer = await TextClient.open(port)
  assert.equal(await writer.set('large', 'x'.repeat(LARGE_VALUE_BYTES)), 'STORED')
  writer.close()
  const good = await stage.addClient({ port, dialect: 'text', keys: KEYS })
  const secondGood = await stage.addClient({ port, dialect: 'binary', keys: ['binary-good'] })
  await until('it is answered', WAIT_MS, () => good.answers > 100)
  const before = residentBytes(stage.proxy.pid)
  let peak = before
  const attacks = HOSTILE.flatMap((hostile) =>
    Array.from({ length: EACH }, () => new Attack(hostile, hostile.secure ? securePort : port)),
  )
  const answersBefore = good.answers
  const describe = (): string => {
    const hanging = attacks.filter(({ isTurnedAway }) => !isTurnedAway).map(({ name }) => name)
    return `every attack turned away, not ${[...new Set(hanging)].join(', ')}`
  }
  try {
    await until(describe, WAIT_MS, () => {
      peak = Math.max(peak, residentBytes(stage.proxy.pid))
      const enough = good.answers - answersBefore > ANSWERS_MIN
      return enough && attacks.every((attack) => attack.isTurnedAway)
    })
  } finally {
    for (const attack of attacks) attack.stop()
  }
  for (const client of [good, secondGood]) await client.stop()
  const growth = peak - before
  figure(t, 'ms of the slowest reply to a good client', Math.round(good.slowestMs))
  figure(t, 'MB of memory more at the peak', Math.round(growth / 1024 / 1024))
  figure(
    t,
    'hostile connections',
    attacks.reduce((sum, { rounds }) => sum + rounds, 0),
  )
  assert.deepEqual([...good.wrong, ...good.failed, ...secondGood.wrong, ...secondGood.failed], [])
  assert.ok(!good.closed || good.owed === 0)
  assert.ok(good.slowestMs < SLOWEST_MS_MAX, `${good.slowestMs} ms`)
  assert.ok(growth < GROWTH_BYTES_MAX, `${growth} bytes more`)
  assert.ok(stage.proxy.isRunning)
}

/** One hostile client, on one connection after the other. */
class Attack {
  rounds = 0
  /** Bytes of replies, or closed connections: the proxy did not let it hang for ever. */
  isTurnedAway = false
  readonly #hostile: Hostile
  readonly #port: number
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(hostile: Hostile, port: number) {
    this.#hostile = hostile
    this.#port = port
    this.#begin()
  }

  get name(): string {
    return this.#hostile.name
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#socket?.destroy()
  }

  #begin(): void {
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    this.rounds++
    let round = 0
    socket.on('error', () => {})
    socket.on('connect', () => {
      if (!this.#hostile.attack(socket, round++)) return
      this.#timer = setInterval(() => this.#hostile.attack(socket, round++), 20)
    })
    if (this.#hostile.reads === true) {
      socket.on('data', () => {
        this.isTurnedAway = true
      })
    }
    socket.on('close', () => {
      clearInterval(this.#timer)
      this.isTurnedAway = true
      if (!this.#stopped) this.#timer = setTimeout(() => this.#begin(), PAUSE_MS)
    })
  }
}

function garbage(seed: number): Buffer {
  let state = seed + 1
  return Buffer.from(
    Array.from({ length: 2000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 24
    }),
  )
}
