import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeIndex,
  EMPTY_INDEX,
  ENDED_SESSIONS_MAX,
  encodeIndex,
  indexTtlSeconds,
  isEnded,
  surplus,
  type UserIndex,
  withDeleted,
  withEnded,
  withoutExpired,
  withoutSessions,
  withSession,
} from './user-index.ts'

const listed = (sid: string, createdMs = 0, seenMs = 0): UserIndex['sessions'][number] => ({
  sid,
  id: `${sid}-n1.app1`,
  createdMs,
  seenMs,
  lifeSeconds: 10,
})
const of = (...sids: string[]): UserIndex =>
  sids.reduce((index, sid, n) => withSession(index, listed(sid, n, n)), EMPTY_INDEX)

test('an index comes back from the store as it was', () => {
  const index = withDeleted(
    withEnded(of('a', 'b', 'c', 'd'), [listed('b'), listed('c')], 7, 10),
    new Set(['b']),
  )
  assert.deepEqual(decodeIndex(encodeIndex(index)), index)
})

test('what is no index is told apart from an empty one', () => {
  for (const text of ['', 'x', '[]', 'null', '{"v":2,"sessions":[],"ended":[]}', '{"v":1}']) {
    assert.equal(decodeIndex(Buffer.from(text)), undefined, text)
  }
  const rows = '{"v":1,"sessions":[1,["a"],["a","a-n1",1,"x"]],"ended":[null,[5,null,1]]}'
  assert.deepEqual(decodeIndex(Buffer.from(rows)), EMPTY_INDEX)
})

test('a session that moved is listed once, under its new id', () => {
  const moved = withSession(of('a', 'b'), { ...listed('a', 0, 9), id: 'a-n2.app2' })
  assert.deepEqual(
    moved.sessions.map(({ id }) => id),
    ['b-n1.app1', 'a-n2.app2'],
  )
})

test('an ended session is not listed, is remembered, and loses its id once it is deleted', () => {
  const ended = withEnded(of('a', 'b'), [listed('a')], 5, 60)
  assert.deepEqual(
    ended.sessions.map(({ sid }) => sid),
    ['b'],
  )
  assert.equal(isEnded(ended, 'a'), true)
  assert.equal(isEnded(ended, 'b'), false)
  assert.equal(withDeleted(ended, new Set(['b'])), ended)
  assert.deepEqual(withDeleted(ended, new Set(['a'])).ended, [
    { sid: 'a', id: undefined, endedMs: 5, lifeSeconds: 10 },
  ])
})

test('the number of remembered ended sessions is bounded', () => {
  const many = Array.from({ length: ENDED_SESSIONS_MAX + 5 }, (_, n) => listed(`s${n}`))
  const ended = withEnded(EMPTY_INDEX, many, 1, 10).ended
  assert.equal(ended.length, ENDED_SESSIONS_MAX)
  assert.equal(ended[0]?.sid, 's5')
})

test('what has been silent for longer than a session lives is forgotten', () => {
  const index = withEnded(of('a', 'b', 'c'), [listed('a')], 0, 60)
  assert.equal(withoutExpired(index, 10_010, 10), index)
  const left = withoutExpired(index, 10_012, 10)
  assert.deepEqual(
    left.sessions.map(({ sid }) => sid),
    ['c'],
  )
  assert.deepEqual(left.ended, [])
})

test('each session has a life of its own, and the index lives as long as the longest', () => {
  const remembered = withSession(of('a'), { ...listed('b'), lifeSeconds: 1000 })
  assert.deepEqual(
    withoutExpired(remembered, 20_000, 0).sessions.map(({ sid }) => sid),
    ['b'],
  )
  assert.equal(indexTtlSeconds(remembered, 1500), 1002)
  const eternal = withSession(of('a'), { ...listed('b'), lifeSeconds: 0 })
  assert.deepEqual(withoutExpired(eternal, 1e12, 0).sessions.length, 1)
  assert.equal(indexTtlSeconds(eternal, 1500), 0)
  assert.deepEqual(withEnded(EMPTY_INDEX, [listed('x')], 1, 60).ended[0]?.lifeSeconds, 60)
})

test('sessions that are on no list change nothing', () => {
  const index = of('a')
  assert.equal(withoutSessions(index, new Set(['b'])), index)
})

test('the sessions created first make room for one more', () => {
  const index = of('a', 'b', 'c')
  const sids = (sid: string, sessionsMax: number): string[] =>
    surplus(index, sid, sessionsMax).map((one) => one.sid)
  assert.deepEqual(sids('d', 4), [])
  assert.deepEqual(sids('d', 3), ['a'])
  assert.deepEqual(sids('d', 1), ['a', 'b', 'c'])
  assert.deepEqual(sids('b', 3), [])
  assert.deepEqual(sids('b', 1), ['a', 'c'])
})
