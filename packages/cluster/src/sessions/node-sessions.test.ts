import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { documentWithBucket } from '../test-support/fixtures.ts'
import { ASKED_AT_ONCE_MAX, NodeSessions, SessionsUnavailableError } from './node-sessions.ts'
import type { SessionBrowser, SessionSource } from './session-browser.ts'

const document = documentWithBucket(2)
const [member] = document.members
assert.ok(member)
const host = {
  document,
  selfMember: member,
  heartbeats: { isLive: () => true },
  log: pino({ level: 'silent' }),
}

/** A browser that was never asked is no browser yet. */
function browser(): SessionBrowser & { closed: number } {
  return {
    closed: 0,
    find: async () => ({ sessions: [], next: null }),
    look: async () => null,
    revoke: async () => 0,
    revokeUser: async () => 0,
    async close() {
      this.closed++
    },
  }
}

test('a node without a browser says so', async () => {
  const sessions = new NodeSessions(host, null)
  await assert.rejects(
    sessions.ask(async () => 1),
    SessionsUnavailableError,
  )
  await sessions.close()
})

test('the browser is opened once, with the first question, and closed with the node', async () => {
  const opened: SessionSource[] = []
  const one = browser()
  const sessions = new NodeSessions(host, async (source) => {
    opened.push(source)
    return one
  })
  assert.equal(opened.length, 0)
  await Promise.all([sessions.ask(async () => 1), sessions.ask(async () => 2)])
  assert.equal(opened.length, 1)
  await sessions.close()
  assert.equal(one.closed, 1)
})

test('a browser that cannot be opened is opened anew by the next question', async () => {
  let tries = 0
  const sessions = new NodeSessions(host, async () => {
    if (tries++ === 0) throw new Error('not yet')
    return browser()
  })
  await assert.rejects(
    sessions.ask(async () => 1),
    /not yet/,
  )
  assert.equal(await sessions.ask(async () => 1), 1)
})

test('no more questions than the bound are answered at a time', async () => {
  const sessions = new NodeSessions(host, async () => browser())
  const gate = Promise.withResolvers<void>()
  const waiting = Array.from({ length: ASKED_AT_ONCE_MAX }, () => sessions.ask(() => gate.promise))
  await assert.rejects(
    sessions.ask(async () => 1),
    SessionsUnavailableError,
  )
  gate.resolve()
  await Promise.all(waiting)
  assert.equal(await sessions.ask(async () => 1), 1)
})

test('the browser is told a bucket by its name, and none that is not there', async () => {
  let source: SessionSource | undefined
  const sessions = new NodeSessions(host, async (given) => {
    source = given
    return browser()
  })
  await sessions.ask(async () => 1)
  const [bucket] = document.buckets
  const access = source?.bucket(bucket?.name ?? '')
  assert.equal(access?.uuid, bucket?.uuid)
  assert.match(access?.url ?? '', /^http:\/\/[^/]+\/pools\/default\/bucketsStreaming\/\w+$/)
  assert.equal(source?.bucket('nothing'), null)
})
