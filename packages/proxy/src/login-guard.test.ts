import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { FREE_FAILURES, LATE_MS_MAX, makeLoginKeys, PLACES_MAX, Turn } from '@holdfast/client'
import { MemoryBackend } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import { LoginGuard } from './login-guard.ts'
import { BinaryClient } from './testing/binary-client.ts'
import { bucketOf, bucketsWithPasswords, openFront } from './testing/front.ts'
import { TextClient } from './testing/text-client.ts'

/** A guard at a moment that a test chooses, with what it reports. */
function guardAt() {
  const reports: [string, number][] = []
  const clock = { nowMs: 0 }
  const report = (address: string, wrong: number) => reports.push([address, wrong])
  const guard = new LoginGuard({ report, nowMs: () => clock.nowMs })
  return { guard, reports, clock }
}

/** A login of which it is counted how often it was derived. */
function login(username: string, right: boolean, address = '10.0.0.1') {
  const derived = { times: 0 }
  const thorough = (): boolean => {
    derived.times++
    return right
  }
  return { derived, address, username, quick: () => right, thorough }
}

test('wrong logins are answered later and later, then refused without a look at them', () => {
  const { guard, reports } = guardAt()
  const late: number[] = []
  for (;;) {
    const verdict = guard.judge(login('shop', false))
    if (verdict.kind !== 'wrong') break
    late.push(verdict.lateMs)
  }
  assert.deepEqual(late.slice(0, FREE_FAILURES), [0, 0, 0, 0, 0])
  assert.equal(late.length, FREE_FAILURES + PLACES_MAX)
  assert.equal(late.at(-1), LATE_MS_MAX)
  const guess = login('shop', true)
  assert.deepEqual(guard.judge(guess), { kind: 'refused' })
  assert.equal(guess.derived.times, 0)
  assert.deepEqual(reports, [['10.0.0.1', 1]])
})

test('other addresses, and who has come in from there before, go on', () => {
  const { guard, clock } = guardAt()
  assert.equal(guard.judge(login('shop', true)).kind, 'right')
  for (let n = 0; n < 50; n++) guard.judge(login('shop', false))
  assert.equal(guard.judge(login('shop', true)).kind, 'right')
  assert.equal(guard.judge(login('shop', false)).kind, 'refused')
  assert.equal(guard.judge(login('other', true)).kind, 'refused')
  assert.equal(guard.judge(login('other', true, '10.0.0.2')).kind, 'right')
  clock.nowMs += LATE_MS_MAX + 1
  assert.equal(guard.judge(login('other', true)).kind, 'right')
})

test('a guesser gains nothing by many connections, in any dialect', async (t) => {
  const keys = await makeLoginKeys('secret', () => randomBytes(16))
  const bucket = bucketOf('shop', new MemoryBackend())
  const { guard, clock } = guardAt()
  const directory = bucketsWithPasswords(new Map([[bucket, keys]]))
  const front = await openFront({ turn: new Turn(), directory, loginGuard: guard })
  t.after(() => front.stop())
  const statusOf = async (password: string) => {
    const client = await BinaryClient.connect(front.address)
    const value = `\0shop\0${password}`
    const { status } = await client.ask(Opcode.SaslAuth, { key: 'PLAIN', value })
    client.close()
    return status
  }
  const guesses = Array.from({ length: FREE_FAILURES + PLACES_MAX }, (_, n) => statusOf(`x${n}`))
  assert.deepEqual(new Set(await Promise.all(guesses)), new Set([BinaryStatus.AuthError]))
  assert.equal(await statusOf('secret'), BinaryStatus.TemporaryFailure)
  const text = await TextClient.connect(front.address)
  const answer = await text.ask('set auth 0 0 11\r\nshop secret\r\n')
  assert.equal(answer, 'SERVER_ERROR Too many wrong logins from this address\r\n')
  text.close()
  clock.nowMs += LATE_MS_MAX + 1
  assert.equal(await statusOf('secret'), BinaryStatus.Success)
})
