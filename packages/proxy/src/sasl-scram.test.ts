import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deriveKeys, type ScramHash } from '@holdfast/client'
import { ScramExchange } from './sasl-scram.ts'
import type { ScramCredential } from './scram-keys.ts'

function credentialOf(hash: ScramHash, salt: string): ScramCredential {
  const bytes = Buffer.from(salt, 'base64')
  return { salt: bytes, iterations: 4096, keys: () => deriveKeys(hash, 'pencil', bytes, 4096) }
}

/** The example exchanges of RFC 5802 and RFC 7677. */
const EXCHANGES = [
  {
    hash: 'sha1',
    salt: 'QSXCR+Q6sek8bf92',
    clientFirst: 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    serverFirst: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    clientFinal:
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    serverFinal: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    hash: 'sha256',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    serverFirst:
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    clientFinal:
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
] as const

describe('a SCRAM exchange', () => {
  for (const { hash, salt, clientFirst, serverNonce, serverFirst, ...last } of EXCHANGES) {
    const credential = credentialOf(hash, salt)

    test(`goes as the example of the standard for ${hash}`, () => {
      const exchange = new ScramExchange(hash, serverNonce)
      assert.equal(
        exchange.first(clientFirst, () => credential),
        serverFirst,
      )
      assert.equal(exchange.username, 'user')
      assert.equal(exchange.final(last.clientFinal), last.serverFinal)
      assert.equal(exchange.final(last.clientFinal), undefined, 'an exchange has one end')
    })

    test(`refuses a changed final message with ${hash}`, () => {
      const { clientFinal } = last
      for (const changed of [
        clientFinal.replace('p=', 'p=A'),
        clientFinal.replace('c=biws', 'c=eSws'),
        clientFinal.replace(',r=', ',r=x'),
        clientFinal.replace(/,p=.*/, ''),
        '',
      ]) {
        const exchange = new ScramExchange(hash, serverNonce)
        exchange.first(clientFirst, () => credential)
        assert.equal(exchange.final(changed), undefined, changed)
      }
    })
  }

  test("takes the blanks in the nonce of Couchbase's client", () => {
    const exchange = new ScramExchange('sha1', 'server')
    const credential = credentialOf('sha1', 'QSXCR+Q6sek8bf92')
    const reply = exchange.first('n,,n=shop,r=0xffffff89 0x4f', () => credential)
    assert.match(reply ?? '', /^r=0xffffff89 0x4fserver,/)
  })

  test('takes names with commas and equals signs, and no others with an equals sign', () => {
    const credential = credentialOf('sha1', 'QSXCR+Q6sek8bf92')
    const asked: string[] = []
    const lookup = (username: string): ScramCredential => {
      asked.push(username)
      return credential
    }
    assert.ok(new ScramExchange('sha1').first('y,,n=a=2Cb=3Dc,r=1', lookup))
    assert.equal(new ScramExchange('sha1').first('n,,n=a=2Db,r=1', lookup), undefined)
    assert.deepEqual(asked, ['a,b=c'])
  })
})
