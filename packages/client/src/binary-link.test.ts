import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { BinaryLink } from './binary-link.ts'
import type { Operation } from './operation.ts'
import type { SaslCredentials } from './sasl-client.ts'
import { until } from './testing/engines.ts'
import { MemcachedProcess, memcachedInstalled } from './testing/memcached-process.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { VBucketServer, type VBucketServerOptions } from './testing/vbucket-server.ts'
import { Turn } from './turn.ts'

interface Opened {
  link: BinaryLink
  upstream: TextUpstream
  log: string[]
}

interface OpenOptions {
  credentials?: SaslCredentials
  bucket?: string
  silenceTimeoutMs?: number
}

const opened: Opened[] = []

function open(address: string, options: OpenOptions = {}): Opened {
  const turn = new Turn()
  const log: string[] = []
  const target = {
    address,
    connectTimeoutMs: 400,
    loginTimeoutMs: 300,
    silenceTimeoutMs: 5000,
    ...options,
  }
  const link = new BinaryLink({
    target,
    turn,
    log: (_level, message, fields) => log.push(`${message} ${JSON.stringify(fields)}`),
  })
  const submit = (operation: Operation): void => link.submit(operation)
  const backend = { submit, report: () => never(), stop: async () => {} }
  const upstream = new TextUpstream(backend, turn)
  opened.push({ link, upstream, log })
  return { link, upstream, log }
}

function never(): never {
  throw new Error('not asked for')
}

function sweeping(link: BinaryLink): NodeJS.Timeout {
  return setInterval(() => link.sweep(performance.now()), 20)
}

afterEach(() => {
  for (const { link, upstream } of opened.splice(0)) {
    upstream.close()
    for (const operation of link.close()) operation.fail('SERVER_ERROR closed')
  }
})

describe('a binary link to memcached', { skip: !memcachedInstalled }, () => {
  let plain: MemcachedProcess
  let behind: MemcachedProcess

  before(async () => {
    plain = await MemcachedProcess.start()
    behind = await MemcachedProcess.start()
  })

  after(async () => {
    await plain.kill()
    await behind.kill()
  })

  async function bothAnswer(upstream: TextUpstream, script: string): Promise<void> {
    const expected = await plain.ask(Buffer.from(`flush_all\r\n${script}quit\r\n`, 'latin1'))
    const answer = await upstream.ask(`flush_all\r\n${script}`)
    assert.equal(withoutCas(answer), withoutCas(expected.toString('latin1')), script)
  }

  const key = fc.constantFrom('a', 'b', 'number', 'k'.repeat(250))
  const value = fc.constantFrom(
    '',
    'x',
    '7',
    '18446744073709551615',
    '\0\r\n\xff',
    'v'.repeat(5000),
  )
  const exptime = fc.constantFrom('0', '0', '100', '-1', '2592001', '2000000000')
  const flags = fc.constantFrom('0', '1', '4294967295')
  const verb = fc.constantFrom('set', 'set', 'add', 'replace', 'append', 'prepend')
  const store = fc
    .tuple(verb, key, flags, exptime, value)
    .map(([v, k, f, e, d]) => `${v} ${k} ${f} ${e} ${d.length}\r\n${d}\r\n`)
  const read = fc
    .tuple(fc.constantFrom('get', 'gets'), fc.array(key, { minLength: 1, maxLength: 5 }))
    .map(([v, keys]) => `${v} ${keys.join(' ')}\r\n`)
  const touchRead = fc.tuple(exptime, key).map(([e, k]) => `gat ${e} ${k}\r\n`)
  const count = fc
    .tuple(fc.constantFrom('incr', 'decr'), key, fc.constantFrom('1', '0', '18446744073709551615'))
    .map(([v, k, d]) => `${v} ${k} ${d}\r\n`)
  const rest = fc.oneof(
    key.map((k) => `delete ${k}\r\n`),
    fc.tuple(key, exptime).map(([k, e]) => `touch ${k} ${e}\r\n`),
    key.map((k) => `cas ${k} 0 0 1 0\r\nx\r\n`),
    key.map((k) => `cas ${k} 0 0 1 18446744073709551615\r\nx\r\n`),
    key.map((k) => `set ${k} 0 0 1 noreply\r\n5\r\n`),
    key.map((k) => `incr ${k} 1 noreply\r\n`),
  )

  test('any text pipeline gets the replies that memcached itself gives', async () => {
    const { upstream } = open(`127.0.0.1:${behind.port}`)
    const command = fc.oneof(store, store, read, touchRead, count, rest)
    const scripts = fc.array(command, { minLength: 1, maxLength: 40 })
    const property = fc.asyncProperty(scripts, (commands) =>
      bothAnswer(upstream, commands.join('')),
    )
    await fc.assert(property, { numRuns: 60 })
  })

  const uint32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const uint64 = (value: bigint): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(value)
    return bytes
  }
  const opaque = fc.nat(0xffff_ffff)
  const wireValue = fc.constantFrom('', 'x', '7', '18446744073709551615', 'v'.repeat(5000))
  const amount = fc.constantFrom(0n, 1n, 2n ** 64n - 1n)
  const frames: fc.Arbitrary<Buffer> = fc.oneof(
    fc
      .tuple(fc.constantFrom(0x00, 0x09, 0x0c, 0x0d, 0x04, 0x14), key, opaque)
      .map(([op, k, o]) => frame(op, k, o)),
    fc
      .tuple(fc.constantFrom(0x01, 0x11, 0x02, 0x12, 0x03, 0x13), key, opaque, wireValue)
      .map(([op, k, o, v]) => frame(op, k, o, Buffer.concat([uint32(7), uint32(100)]), v)),
    fc
      .tuple(fc.constantFrom(0x0e, 0x0f, 0x19, 0x1a), key, opaque, wireValue)
      .map(([op, k, o, v]) => frame(op, k, o, Buffer.alloc(0), v)),
    fc
      .tuple(fc.constantFrom(0x1c, 0x1d, 0x1e, 0x23, 0x24), key, opaque)
      .map(([op, k, o]) => frame(op, k, o, uint32(200))),
    fc
      .tuple(fc.constantFrom(0x05, 0x06, 0x15, 0x16), key, opaque, amount, fc.boolean())
      .map(([op, k, o, delta, makes]) => {
        const expiry = uint32(makes ? 100 : 0xffff_ffff)
        return frame(op, k, o, Buffer.concat([uint64(delta), uint64(40n), expiry]))
      }),
  )

  test('any binary pipeline gets the replies that memcached itself gives', async () => {
    const pipelines = fc.array(frames, { minLength: 1, maxLength: 40 })
    const property = fc.asyncProperty(pipelines, async (requests) => {
      const { upstream } = open(`127.0.0.1:${behind.port}`)
      const bytes = Buffer.concat([frame(0x08, '', 1), ...requests, frame(0x00, 'unset', 2)])
      const expected = await plain.ask(Buffer.concat([bytes, frame(0x17, '', 3)]))
      const answer = Buffer.from(await upstream.ask(bytes.toString('latin1')), 'latin1')
      assert.deepEqual(framesWithoutCas(answer), framesWithoutCas(expected))
    })
    await fc.assert(property, { numRuns: 60 })
  })

  test('a CAS that was read stores once', async () => {
    const { upstream } = open(`127.0.0.1:${behind.port}`)
    const hit = await upstream.ask('set c 3 0 1\r\na\r\ngets c\r\n')
    const cas = /VALUE c 3 1 (\d+)\r\na\r\nEND/.exec(hit)?.[1]
    assert.ok(cas !== undefined && cas !== '0', hit)
    const again = `cas c 0 0 1 ${cas}\r\nb\r\n`
    assert.equal(
      await upstream.ask(`${again}${again}get c\r\n`),
      'STORED\r\nEXISTS\r\nVALUE c 0 1\r\nb\r\nEND\r\n',
    )
  })

  test('a large value comes whole, one too large gets memcached’s own error', async () => {
    const { upstream } = open(`127.0.0.1:${behind.port}`)
    const large = 'x'.repeat(900_000)
    const answer = await upstream.ask(`set large 1 0 ${large.length}\r\n${large}\r\nget large\r\n`)
    assert.equal(answer.length, `STORED\r\nVALUE large 1 900000\r\n${large}\r\nEND\r\n`.length)
    const tooLarge = 'x'.repeat(2_000_000)
    assert.equal(
      await upstream.ask(`set large 1 0 ${tooLarge.length}\r\n${tooLarge}\r\nget unset\r\n`),
      'SERVER_ERROR object too large for cache\r\nEND\r\n',
    )
  })

  test('meta commands are carried out as far as the protocol goes, and refused beyond', async () => {
    const { upstream } = open(`127.0.0.1:${behind.port}`)
    assert.equal(await upstream.ask('ms m 2 F5\r\nhi\r\nmg m v f\r\n'), 'HD\r\nVA 2 f5\r\nhi\r\n')
    assert.equal(
      await upstream.ask('ma n N0 J13 v\r\nma n N0 J13 v\r\n'),
      'VA 2\r\n13\r\nVA 2\r\n14\r\n',
    )
    assert.equal(await upstream.ask('md m C0\r\nmd gone C0\r\n'), 'EX\r\nNF\r\n')
    const refused = 'SERVER_ERROR not supported by a binary downstream\r\n'
    for (const command of ['mg m t', 'mg m N30', 'md m I', 'mg m h', 'ma n T30', 'md m x']) {
      assert.equal(await upstream.ask(`${command}\r\n`), refused, command)
    }
  })

  test('a password for a server without SASL is refused, an empty one is not asked for', async () => {
    const address = `127.0.0.1:${behind.port}`
    const named = open(address, { credentials: { username: 'default', password: 'secret' } })
    assert.match(await named.upstream.ask('get x\r\n'), /^SERVER_ERROR proxy write to downstream/)
    assert.doesNotMatch(named.log.join('\n'), /secret/)
    const empty = open(address, { credentials: { username: 'default', password: '' }, bucket: 'b' })
    assert.equal(await empty.upstream.ask('get x\r\n'), 'END\r\n')
  })
})

describe('a binary link', () => {
  let server: VBucketServer

  beforeEach(async () => {
    server = await serve({})
  })

  afterEach(() => server.stop())

  async function serve(options: VBucketServerOptions): Promise<VBucketServer> {
    return (await new VBucketServer(options).start()).activate([0])
  }

  test('logs in with the strongest mechanism, then selects its bucket', async () => {
    await server.stop()
    const users = new Map([['travel', 'p,ä=ss']])
    for (const mechanism of ['PLAIN', 'SCRAM-SHA1', 'SCRAM-SHA256', 'SCRAM-SHA512']) {
      server = await serve({ users, mechanisms: `PLAIN ${mechanism}`, buckets: ['travel'] })
      const credentials = { username: 'travel', password: 'p,ä=ss' }
      const { upstream } = open(server.address, { credentials, bucket: 'travel' })
      assert.equal(
        await upstream.ask('set a 0 0 1\r\nx\r\nget a\r\n'),
        'STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n',
      )
      assert.deepEqual(server.logins, [`${mechanism} travel`])
      assert.deepEqual(server.selected, ['travel'])
      await server.stop()
    }
  })

  test('refused logins and buckets fail operations and never show the password', async () => {
    await server.stop()
    for (const mechanisms of ['PLAIN', 'SCRAM-SHA256', 'CRAM-MD5']) {
      server = await serve({ users: new Map([['b', 'right']]), mechanisms, buckets: ['b'] })
      const wrong = open(server.address, { credentials: { username: 'b', password: 'hunter2' } })
      assert.equal(
        await wrong.upstream.ask('get a\r\n'),
        `SERVER_ERROR proxy write to downstream ${server.address}\r\n`,
      )
      assert.equal(wrong.log.length, 1)
      assert.doesNotMatch(wrong.log.join(), /hunter2|right/)
      const credentials = { username: 'b', password: 'right' }
      const nowhere = open(server.address, { credentials, bucket: 'other' })
      assert.match(await nowhere.upstream.ask('get a\r\n'), /write to downstream/)
      await server.stop()
    }
  })

  test('fails at once while the server is away and serves as soon as it is back', async () => {
    const { upstream, link } = open(server.address)
    assert.equal(await upstream.ask('set a 0 0 1\r\nx\r\n'), 'STORED\r\n')
    await server.stop()
    await until('noticed', () => link.report().state === 'away')
    const line = `SERVER_ERROR proxy write to downstream ${server.address}\r\n`
    assert.equal(await upstream.ask('get a\r\nset a 0 0 1\r\ny\r\n'), line + line)
    await server.start()
    await until('back', () => link.report().state === 'connected')
    assert.equal(await upstream.ask('get a\r\n'), 'VALUE a 0 1\r\nx\r\nEND\r\n')
  })

  test('a server that hung up while idle goes unnoticed', async () => {
    const { upstream } = open(server.address)
    for (let i = 0; i < 20; i++) {
      assert.equal(await upstream.ask(`set a 0 0 2\r\n${10 + i}\r\n`), 'STORED\r\n')
      if (i % 2 === 0) server.hangUp()
      else server.cut()
      assert.equal(await upstream.ask('get a\r\n'), `VALUE a 0 2\r\n${10 + i}\r\nEND\r\n`)
    }
  })

  test('what was in flight when the server died gets one error each, and is not repeated', async () => {
    const { upstream } = open(server.address)
    assert.equal(await upstream.ask('set n 0 0 1\r\n1\r\n'), 'STORED\r\n')
    server.silent = true
    upstream.send('incr n 1\r\nincr n 1\r\ndelete n\r\n')
    await until('sent', () => server.keyedRequests === 4)
    server.silent = false
    server.cut()
    const line = `SERVER_ERROR proxy downstream closed ${server.address}\r\n`
    assert.equal(await upstream.ask('get other\r\n'), `${line.repeat(3)}END\r\n`)
    assert.equal(server.keyedRequests, 5)
  })

  test('a server that says nothing is given up, and taken back when it speaks', async () => {
    const { upstream, link } = open(server.address, { silenceTimeoutMs: 200 })
    const timer = sweeping(link)
    assert.equal(await upstream.ask('get a\r\n'), 'END\r\n')
    server.silent = true
    assert.equal(await upstream.ask('get a\r\n'), 'SERVER_ERROR proxy downstream timeout\r\n')
    await until('away', () => link.report().state === 'away')
    server.silent = false
    await until('back', () => link.report().state === 'connected')
    assert.equal(await upstream.ask('get a\r\n'), 'END\r\n')
    clearInterval(timer)
  })

  test('statuses come out as the texts that clients know', async () => {
    const { upstream } = open(server.address)
    const texts: [number, string][] = [
      [0x03, 'SERVER_ERROR object too large for cache'],
      [0x04, 'SERVER_ERROR a2b einval'],
      [0x06, 'CLIENT_ERROR cannot increment or decrement non-numeric value'],
      [0x07, 'SERVER_ERROR a2b not_my_vbucket'],
      [0x20, 'SERVER_ERROR a2b auth_error'],
      [0x81, 'SERVER_ERROR a2b unknown'],
      [0x82, 'SERVER_ERROR a2b out of memory'],
      [0x83, 'SERVER_ERROR a2b not supported'],
      [0x84, 'SERVER_ERROR a2b einternal'],
      [0x85, 'SERVER_ERROR a2b ebusy'],
      [0x86, 'SERVER_ERROR temporary failure'],
      [0x7777, 'SERVER_ERROR a2b error'],
    ]
    const commands = ['get a', 'delete a', 'touch a 0', 'incr a 1', 'set a 0 0 1\r\nx', 'gat 0 a']
    for (const [status, text] of texts) {
      server.statusOf = () => status
      for (const command of commands) {
        assert.equal(await upstream.ask(`${command}\r\n`), `${text}\r\n`, command)
      }
    }
    server.statusOf = () => 0x83
    assert.equal(await upstream.ask('flush_all\r\n'), 'SERVER_ERROR flush_all not supported\r\n')
  })

  test('a peer that talks nonsense is left, and every operation answered', async () => {
    const { upstream } = open(server.address)
    assert.equal(await upstream.ask('get a\r\n'), 'END\r\n')
    server.garbles = true
    assert.match(
      await upstream.ask('incr a 1\r\nincr a 1\r\n'),
      /^(SERVER_ERROR proxy downstream closed \S+\r\n){2}$/,
    )
    server.garbles = false
    assert.equal(await upstream.ask('get a\r\n'), 'END\r\n')
  })
})

/** The two servers count their CAS values on their own. */
function withoutCas(replies: string): string {
  return replies.replace(/(VALUE \S+ \d+ \d+) \d+\r\n/g, '$1 CAS\r\n')
}

function frame(op: number, key: string, opaque: number, extras?: Buffer, value = ''): Buffer {
  const header = Buffer.alloc(24)
  const extrasBytes = extras?.length ?? 0
  header[0] = 0x80
  header[1] = op
  header.writeUInt16BE(key.length, 2)
  header[4] = extrasBytes
  header.writeUInt32BE(extrasBytes + key.length + value.length, 8)
  header.writeUInt32BE(opaque, 12)
  return Buffer.concat([header, extras ?? Buffer.alloc(0), Buffer.from(key + value, 'latin1')])
}

/** The replies one by one, their CAS as whether there is one. */
function framesWithoutCas(bytes: Buffer): string[] {
  const replies: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 24 + bytes.readUInt32BE(at + 8)
    const cas = bytes.readBigUInt64BE(at + 16) === 0n ? 'none' : 'some'
    const head = bytes.toString('hex', at, at + 16)
    replies.push(`${head} cas ${cas} ${bytes.toString('latin1', at + 24, end)}`)
    at = end
  }
  return replies
}
