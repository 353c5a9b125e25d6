// Listeners of every kind, with real sockets and real certificates.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import tls from 'node:tls'
import { Turn } from '@holdfast/client'
import { MemoryBackend, until } from '@holdfast/client/testing'
import { Opcode } from '@holdfast/protocol'
import { ListenError } from './listen-error.ts'
import { BinaryClient } from './testing/binary-client.ts'
import {
  type CertificateFiles,
  createAuthority,
  createCertificate,
} from './testing/certificates.ts'
import { bucketOf, type Front, type FrontOptions, onlyBucket, openFront } from './testing/front.ts'
import { TextClient } from './testing/text-client.ts'

function open(options: Partial<FrontOptions> = {}): Promise<Front> {
  const directory = onlyBucket(bucketOf('default', new MemoryBackend()))
  return openFront({ turn: new Turn(), directory, ...options })
}

function portOf(front: Front): number {
  return front.listener.port
}

describe('a TCP listener', () => {
  test('tells text, meta and binary by the first byte of each connection', async (t) => {
    const front = await open()
    t.after(() => front.stop())
    const text = await TextClient.connect(front.address)
    const binary = await BinaryClient.connect(front.address)
    assert.equal(await text.ask('set a 5 0 1\r\nx\r\n'), 'STORED\r\n')
    assert.equal(await text.ask('mg a v f\r\n'), 'VA 1 f5\r\nx\r\n')
    assert.equal((await binary.ask(Opcode.Get, { key: 'a' })).value, 'x')
    text.close()
    binary.close()
  })

  for (const [protocol, sent, expected] of [
    ['ascii', Buffer.from('\x80\x00\r\nversion\r\n', 'latin1'), /^ERROR\r\nVERSION/],
    ['binary', Buffer.from('version\r\n'), /^\x81.*Invalid magic$/s],
  ] as const) {
    test(`that speaks ${protocol} only takes every first byte as such`, async (t) => {
      const front = await open({ settings: { protocol } })
      t.after(() => front.stop())
      const socket = net.connect(portOf(front), '127.0.0.1')
      let received = ''
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
      })
      socket.write(sent)
      await until('the answer', () => expected.test(received))
      socket.destroy()
    })
  }

  test('beyond the limit tells so, counts it, and has room again when one has left', async (t) => {
    const front = await open({ connectionsMax: 2 })
    t.after(() => front.stop())
    const first = await TextClient.connect(front.address)
    const second = await TextClient.connect(front.address)
    await until('both are known', () => front.listener.connections === 2)
    const third = await TextClient.connect(front.address)
    await third.ended()
    assert.match(third.received, /^(SERVER_ERROR too many open connections\r\n)?$/)
    assert.equal(front.unbound.refusedConnections, 1)
    first.close()
    await until('one has left', () => front.listener.connections === 1)
    const fourth = await TextClient.connect(front.address)
    assert.equal(await fourth.ask('mn\r\n'), 'MN\r\n')
    second.close()
    fourth.close()
  })

  test('names an IPv6 address in brackets', async (t) => {
    const front = await open({ place: { host: '::1', port: 0 } })
    t.after(() => front.stop())
    assert.equal(front.address, `[::1]:${portOf(front)}`)
  })

  test('answers what is outstanding when it stops, and takes nothing new', async () => {
    const front = await open()
    const client = await TextClient.connect(front.address)
    assert.equal(await client.ask('mn\r\n'), 'MN\r\n')
    const stopped = front.stop()
    await client.ended()
    await stopped
    await assert.rejects(TextClient.connect(front.address))
  })

  test('takes other settings for the connections that there are', async (t) => {
    const front = await open()
    t.after(() => front.stop())
    const client = await TextClient.connect(front.address)
    assert.equal(await client.ask('set a 0 0 2000\r\n', '').catch(() => ''), '')
    assert.equal(await client.ask(`${'x'.repeat(2000)}\r\n`), 'STORED\r\n')
    const { settings, directory } = front.listener
    front.listener.update({ settings: { ...settings, valueBytesMax: 1024 }, directory })
    const refused = await client.ask(`set a 0 0 2000\r\n${'x'.repeat(2000)}\r\nmn\r\n`, 'MN\r\n')
    assert.equal(refused, 'SERVER_ERROR object too large for cache\r\nMN\r\n')
    client.close()
  })
})

describe('a unix socket', () => {
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-socket-'))
  })

  after(() => rm(folder, { recursive: true, force: true }))

  test('serves with the permissions that were asked for, and is gone afterwards', async () => {
    const socketPath = join(folder, 'a.sock')
    const front = await open({ place: { socketPath, socketMode: 0o600 } })
    assert.equal(front.address, socketPath)
    assert.equal(front.listener.port, 0)
    assert.equal((await stat(socketPath)).mode & 0o777, 0o600)
    const client = new BinaryClient(net.connect(socketPath))
    assert.equal((await client.ask(Opcode.Get, { key: 'a' })).status, 1)
    client.close()
    await front.stop()
    await until('the file is gone', async () => (await stat(socketPath).catch(() => 0)) === 0)
  })

  test('replaces a file that nobody listens on', async (t) => {
    const socketPath = join(folder, 'stale.sock')
    const stale = net.createServer().listen(socketPath)
    await once(stale, 'listening')
    await closeLeavingFile(stale, socketPath)
    const front = await open({ place: { socketPath, socketMode: 0o700 } })
    t.after(() => front.stop())
    assert.equal((await stat(socketPath)).mode & 0o777, 0o700)
  })

  test('is refused where somebody listens, and where a file is no socket', async (t) => {
    const socketPath = join(folder, 'taken.sock')
    const front = await open({ place: { socketPath, socketMode: 0o700 } })
    t.after(() => front.stop())
    await assert.rejects(open({ place: { socketPath, socketMode: 0o700 } }), ListenError)
    const file = join(folder, 'file')
    await writeFile(file, 'precious')
    await assert.rejects(open({ place: { socketPath: file, socketMode: 0o700 } }), ListenError)
    assert.ok((await stat(file)).isFile())
  })
})

/** Ends the server but leaves its file, as a process that was killed does. */
async function closeLeavingFile(server: net.Server, path: string): Promise<void> {
  await rename(path, `${path}.kept`)
  server.close()
  await once(server, 'close')
  await rename(`${path}.kept`, path)
}

describe('a listener with TLS', () => {
  let folder: string
  let authority: CertificateFiles
  let own: CertificateFiles
  let other: CertificateFiles

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-'))
    authority = await createAuthority(folder, 'authority')
    own = await createCertificate(folder, 'own', authority)
    other = await createCertificate(folder, 'other', authority)
  })

  after(() => rm(folder, { recursive: true, force: true }))

  async function connect(
    front: Front,
    options: tls.ConnectionOptions = {},
  ): Promise<tls.TLSSocket> {
    const ca = await readFile(authority.certFile)
    const socket = tls.connect({ port: portOf(front), host: '127.0.0.1', ca, ...options })
    await once(socket, 'secureConnect')
    return socket
  }

  test('serves every dialect, large values and a client that half closes', async (t) => {
    const front = await open({ tls: own })
    t.after(() => front.stop())
    const binary = new BinaryClient(await connect(front))
    const value = 'v'.repeat(3_000_000)
    const stored = await binary.ask(Opcode.Set, { key: 'a', value, extras: '00'.repeat(8) })
    assert.equal(stored.status, 0)
    assert.equal((await binary.ask(Opcode.Get, { key: 'a' })).value, value)
    binary.close()
    const text = await connect(front)
    let received = ''
    text.on('data', (chunk) => {
      received += chunk
    })
    text.end('mn\r\nmg a s\r\n')
    await until('all replies and the end', () => text.readableEnded)
    assert.equal(received, 'MN\r\nHD s3000000\r\n')
  })

  test('takes a new certificate when it reloads, and keeps the old one when that is bad', async (t) => {
    const certFile = join(folder, 'live.crt')
    const keyFile = join(folder, 'live.key')
    await copyFile(own.certFile, certFile)
    await copyFile(own.keyFile, keyFile)
    const front = await open({ tls: { certFile, keyFile } })
    t.after(() => front.stop())
    const before = await connect(front)
    assert.equal(before.getPeerCertificate().subject.CN, 'own')
    await copyFile(other.certFile, certFile)
    await assert.rejects(front.listener.reload(), 'key and certificate do not match')
    const between = await connect(front)
    assert.equal(between.getPeerCertificate().subject.CN, 'own')
    await copyFile(other.keyFile, keyFile)
    await front.listener.reload()
    const later = await connect(front)
    assert.equal(later.getPeerCertificate().subject.CN, 'other')
    before.write('mn\r\n')
    assert.equal(String(await once(before, 'data')), 'MN\r\n')
    for (const socket of [before, between, later]) socket.destroy()
  })

  test('may want a certificate of the client', async (t) => {
    const tlsFiles = { ...own, caFile: authority.certFile, requireClientCertificate: true }
    const front = await open({ tls: tlsFiles })
    t.after(() => front.stop())
    const stranger = await connect(front)
    stranger.on('error', () => {})
    stranger.write('mn\r\n')
    await until('the stranger is refused', () => stranger.closed)
    const [cert, key] = await Promise.all([readFile(other.certFile), readFile(other.keyFile)])
    const known = await connect(front, { cert, key })
    known.write('mn\r\n')
    assert.equal(String(await once(known, 'data')), 'MN\r\n')
    known.destroy()
  })

  test('closes a handshake that is never finished, and serves others meanwhile', async (t) => {
    const front = await open({ tls: own, settings: { handshakeTimeoutMs: 300 } })
    t.after(() => front.stop())
    const silent = net.connect(portOf(front), '127.0.0.1')
    const plain = net.connect(portOf(front), '127.0.0.1')
    plain.on('error', () => {})
    plain.write('get a\r\n')
    const good = await connect(front)
    good.write('mn\r\n')
    assert.equal(String(await once(good, 'data')), 'MN\r\n')
    silent.resume()
    plain.resume()
    await until('both are closed', () => silent.closed && plain.closed)
    good.destroy()
  })

  test('does not open without its files', async () => {
    await assert.rejects(open({ tls: { ...own, keyFile: join(folder, 'none.key') } }), /ENOENT/)
  })
})
