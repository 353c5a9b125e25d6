// Logins over real connections: which mechanism opens which bucket, what a connection without one
// may do, and that a wrong password changes nothing but the patience of the proxy.
import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { makeLoginKeys, Turn } from '@holdfast/client'
import { MemoryBackend } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import type { Bucket } from './bucket.ts'
import type { LoginSecret } from './login-secret.ts'
import { BinaryClient, binaryRequest } from './testing/binary-client.ts'
import { bucketOf, bucketsWithPasswords, type Front, openFront } from './testing/front.ts'
import { TextClient } from './testing/text-client.ts'

const NO_BUCKET = 'SERVER_ERROR unauthorized, null bucket\r\n'

/** The client's side of SCRAM; returns the status of each reply and whether the server proved itself. */
async function scram(
  client: BinaryClient,
  mechanism: string,
  [username, password]: [string, string],
): Promise<{ statuses: number[]; proven: boolean; salt: string }> {
  const hash = mechanism.replace('SCRAM-SHA', 'sha')
  const bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${randomBytes(9).toString('hex')}`
  const first = await client.ask(Opcode.SaslAuth, { key: mechanism, value: `n,,${bare}` })
  const parts = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(first.value)
  assert.ok(parts, first.value)
  const [, nonce, salt = '', iterations] = parts
  const bytes = createHash(hash).digest().length
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), bytes, hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  const storedKey = createHash(hash).update(clientKey).digest()
  const withoutProof = `c=biws,r=${nonce}`
  const message = `${bare},${first.value},${withoutProof}`
  const signature = createHmac(hash, storedKey).update(message).digest()
  const proof = clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))
  const value = `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
  const second = await client.ask(Opcode.SaslStep, { key: mechanism, value })
  const serverKey = createHmac(hash, salted).update('Server Key').digest()
  const verifier = createHmac(hash, serverKey).update(message).digest('base64')
  return { statuses: [first.status, second.status], proven: second.value === `v=${verifier}`, salt }
}

describe('a listener with logins and no bucket for strangers', () => {
  const one = bucketOf('one', new MemoryBackend())
  const two = bucketOf('two, with =', new MemoryBackend())
  let front: Front

  before(async () => {
    const keys = await makeLoginKeys('sécond', () => randomBytes(16))
    const directory = bucketsWithPasswords(
      new Map<Bucket, LoginSecret>([
        [one, 'first secret'],
        [two, keys],
      ]),
    )
    front = await openFront({ turn: new Turn(), directory, settings: { loginFailuresMax: 3 } })
  })

  after(() => front?.stop())

  test('offers its mechanisms, the strongest first', async () => {
    const client = await BinaryClient.connect(front.address)
    const { value } = await client.ask(Opcode.SaslMechanisms)
    assert.equal(value, 'SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1 PLAIN')
    client.close()
  })

  test('refuses keyed commands of strangers in every dialect, and says versions and no-ops', async () => {
    const text = await TextClient.connect(front.address)
    for (const command of [
      'get a',
      'gat 1 a b',
      'delete a',
      'mg a v',
      'flush_all',
      'flush_all 9',
      'stats',
    ]) {
      assert.equal(await text.ask(`${command}\r\n`), NO_BUCKET, command)
    }
    assert.equal(await text.ask('set a 0 0 1\r\nx\r\n'), NO_BUCKET)
    assert.match(await text.ask('version\r\n'), /^VERSION/)
    assert.equal(await text.ask('verbosity 1\r\n'), 'OK\r\n')
    assert.equal(await text.ask('mn\r\n'), 'MN\r\n')
    assert.equal(await text.ask('delete a noreply\r\nmn\r\n'), 'MN\r\n')
    text.send('quit\r\n')
    await text.ended()

    const binary = await BinaryClient.connect(front.address)
    for (const opcode of [Opcode.Get, Opcode.GetQ, Opcode.Delete]) {
      assert.equal((await binary.ask(opcode, { key: 'a' })).status, BinaryStatus.AuthError)
    }
    assert.equal((await binary.ask(Opcode.Flush)).status, BinaryStatus.AuthError)
    assert.equal((await binary.ask(Opcode.Stat)).status, BinaryStatus.AuthError)
    assert.equal((await binary.ask(Opcode.Noop)).status, BinaryStatus.Success)
    assert.equal((await binary.ask(Opcode.Version)).status, BinaryStatus.Success)
    assert.equal((await binary.ask(Opcode.Quit)).status, BinaryStatus.Success)
    await binary.ended()
  })

  test('PLAIN moves the connection to the bucket of its name, and again to another', async () => {
    const client = await BinaryClient.connect(front.address)
    const login = { key: 'PLAIN', value: '\0one\0first secret' }
    const reply = await client.ask(Opcode.SaslAuth, login)
    assert.deepEqual([reply.status, reply.value], [BinaryStatus.Success, 'Authenticated'])
    const set = { key: 'where', value: 'one', extras: '0000000000000000' }
    assert.equal((await client.ask(Opcode.Set, set)).status, BinaryStatus.Success)
    const other = { key: 'PLAIN', value: Buffer.from('ignored\0two, with =\0sécond') }
    assert.equal((await client.ask(Opcode.SaslAuth, other)).status, BinaryStatus.Success)
    assert.equal((await client.ask(Opcode.Get, { key: 'where' })).status, BinaryStatus.KeyNotFound)
    const [stat] = await client.askAll(binaryRequest(Opcode.Stat))
    assert.equal(stat?.value, two.name)
    client.close()
    assert.equal(one.statistics.logins, 1)
    assert.equal(two.statistics.currentConnections, 1)
  })

  test('a password that is known by its keys alone is right each time, and a wrong one never', async () => {
    const client = await BinaryClient.connect(front.address)
    const statusOf = async (password: string) => {
      const login = { key: 'PLAIN', value: Buffer.from(`\0two, with =\0${password}`) }
      return (await client.ask(Opcode.SaslAuth, login)).status
    }
    for (let round = 0; round < 2; round++) {
      assert.equal(await statusOf('sécond'), BinaryStatus.Success)
      assert.equal(await statusOf('second'), BinaryStatus.AuthError)
    }
    assert.equal(await statusOf(''), BinaryStatus.AuthError)
    client.close()
  })

  for (const mechanism of ['SCRAM-SHA512', 'SCRAM-SHA256', 'SCRAM-SHA1']) {
    test(`${mechanism} opens a bucket and proves the server`, async () => {
      const client = await BinaryClient.connect(front.address)
      const { statuses, proven } = await scram(client, mechanism, ['two, with =', 'sécond'])
      assert.deepEqual(statuses, [BinaryStatus.AuthContinue, BinaryStatus.Success])
      assert.ok(proven)
      assert.equal((await client.ask(Opcode.Get, { key: 'x' })).status, BinaryStatus.KeyNotFound)
      client.close()
    })
  }

  test('a user that does not exist goes through the same exchange, with a salt that stays', async () => {
    const client = await BinaryClient.connect(front.address)
    const nobody = await scram(client, 'SCRAM-SHA256', ['nobody', 'first secret'])
    const wrong = await scram(client, 'SCRAM-SHA256', ['one', 'wrong'])
    assert.deepEqual(nobody.statuses, wrong.statuses)
    assert.deepEqual(nobody.statuses, [BinaryStatus.AuthContinue, BinaryStatus.AuthError])
    client.close()
    const again = await BinaryClient.connect(front.address)
    const { salt } = await scram(again, 'SCRAM-SHA256', ['nobody', 'other'])
    assert.equal(salt, nobody.salt)
    assert.notEqual(salt, wrong.salt)
    again.close()
  })

  test('after the last failure allowed the connection is closed, requests before it are answered', async () => {
    const failuresBefore = front.unbound.loginFailures
    const client = await BinaryClient.connect(front.address)
    const wrong = binaryRequest(Opcode.SaslAuth, { key: 'PLAIN', value: '\0one\0wrong' })
    const noop = binaryRequest(Opcode.Noop)
    client.send(wrong, noop, wrong, noop, wrong, noop)
    const statuses: number[] = []
    for (let reply = await client.take(); reply; reply = await client.take()) {
      statuses.push(reply.status)
    }
    const { AuthError, Success } = BinaryStatus
    assert.deepEqual(statuses, [AuthError, Success, AuthError, Success, AuthError])
    assert.equal(front.unbound.loginFailures - failuresBefore, 3)
  })

  test('malformed messages and steps without a beginning are failures', async () => {
    for (const [opcode, key, value] of [
      [Opcode.SaslAuth, 'PLAIN', 'one'],
      [Opcode.SaslAuth, 'PLAIN', '\0one'],
      [Opcode.SaslAuth, 'PLAIN', '\0\0first secret'],
      [Opcode.SaslAuth, 'CRAM-MD5', ''],
      [Opcode.SaslAuth, 'SCRAM-SHA1', 'p=tls-unique,,n=one,r=abc'],
      [Opcode.SaslAuth, 'SCRAM-SHA1', 'n,,n=one=,r=abc'],
      [Opcode.SaslAuth, 'SCRAM-SHA1', 'n,,m=x,n=one,r=abc'],
      [Opcode.SaslStep, 'SCRAM-SHA1', 'c=biws,r=abc,p=AAAA'],
    ] as const) {
      const client = await BinaryClient.connect(front.address)
      const reply = await client.ask(opcode, { key, value })
      assert.equal(reply.status, BinaryStatus.AuthError, `${key} ${value}`)
      client.close()
    }
  })

  test('a text client logs in with its first set', async (t) => {
    const client = await TextClient.connect(front.address)
    const failed = await client.ask('set auth 0 0 9\r\none wrong\r\n')
    assert.equal(failed, 'CLIENT_ERROR authentication failure\r\n')
    assert.equal(await client.ask('get where\r\n'), NO_BUCKET)
    client.close()
    const other = bucketOf('plain', new MemoryBackend())
    const directory = bucketsWithPasswords(new Map([[other, 'word']]))
    const simple = await openFront({ turn: new Turn(), directory })
    t.after(() => simple.stop())
    const right = await TextClient.connect(simple.address)
    assert.equal(await right.ask('set auth 0 0 10\r\nplain word\r\n'), 'STORED\r\n')
    assert.equal(await right.ask('set auth 0 0 10\r\nplain word\r\n'), 'STORED\r\n')
    assert.match(await right.ask('get auth\r\n', 'END\r\n'), /plain word/)
    right.close()
  })
})

describe('a listener with a bucket for strangers', () => {
  test('serves them and keeps them after a failed login; PLAIN can be forbidden', async (t) => {
    const open = bucketOf('default', new MemoryBackend())
    const closed = bucketOf('closed', new MemoryBackend())
    const front = await openFront({
      turn: new Turn(),
      directory: bucketsWithPasswords(new Map([[closed, 'pw']]), open),
      settings: { plainLogins: false },
    })
    t.after(() => front.stop())
    const client = await BinaryClient.connect(front.address)
    const offered = await client.ask(Opcode.SaslMechanisms)
    assert.equal(offered.value, 'SCRAM-SHA512 SCRAM-SHA256 SCRAM-SHA1')
    const refused = await client.ask(Opcode.SaslAuth, { key: 'PLAIN', value: '\0closed\0pw' })
    assert.equal(refused.status, BinaryStatus.AuthError)
    const before = await client.askAll(binaryRequest(Opcode.Stat))
    assert.deepEqual(
      before.map(({ value }) => value),
      ['default', ''],
    )
    const { proven } = await scram(client, 'SCRAM-SHA512', ['closed', 'pw'])
    assert.ok(proven)
    const later = await client.askAll(binaryRequest(Opcode.Stat))
    assert.deepEqual(
      later.map(({ value }) => value),
      ['closed', ''],
    )
    client.close()
  })
})
