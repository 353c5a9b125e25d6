import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../rest/session-types.ts'
import { attributeWords, nameOf, pathOf, sessionPath, span, storedAs } from './session-words.ts'

const session: Session = {
  id: 'shop_0123456789abcdef-n1',
  bucket: 'carts & more',
  prefix: 'shop_',
  user: null,
  createdAt: null,
  lastAccessedAt: null,
  ageSeconds: null,
  idleSeconds: null,
  expiresInSeconds: null,
  sizeBytes: 2048,
  encoding: 'json',
  compressed: true,
  encrypted: false,
  attributes: [],
}

test('a question becomes a path, with what the person typed as it is', () => {
  const question = { bucket: 'a b', by: 'user', text: 'x&y' } as const
  assert.equal(pathOf(question), '/sessions?bucket=a+b&limit=50&user=x%26y')
  assert.equal(pathOf({ ...question, by: 'any' }, '7'), '/sessions?bucket=a+b&limit=50&start=7')
})

test('the path of a session has its prefix, and asks for values only when it shall', () => {
  const path = '/sessions/carts%20%26%20more/shop_0123456789abcdef-n1?prefix=shop_'
  assert.equal(sessionPath(session), path)
  assert.equal(sessionPath(session, true), `${path}&values=1`)
})

test('what is typed to end a session is the beginning of its own part of the id', () => {
  assert.equal(nameOf(session), '01234567')
})

test('times that are not known say so, and so does no end', () => {
  assert.equal(span(null), 'unknown')
  assert.equal(span(null, 'never'), 'never')
  assert.equal(span(61), '1 min 1 s')
})

test('attributes are named, a few of many; encrypted ones are explained', () => {
  const named = (count: number): Session => ({
    ...session,
    attributes: Array.from({ length: count }, (_, i) => ({
      name: `a${i}`,
      type: 'x',
      sizeBytes: 1,
    })),
  })
  assert.equal(attributeWords(named(2)), 'a0, a1')
  assert.equal(attributeWords(named(7)), 'a0, a1, a2, a3, a4 and 2 more')
  assert.match(attributeWords({ ...session, encrypted: true }), /only the application/)
  assert.equal(attributeWords({ ...session, note: 'broken' }), 'broken')
  assert.equal(storedAs(session), 'json, 2 KB, compressed')
})
