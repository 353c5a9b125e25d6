import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ShownAttribute, StoredView } from '@holdfast/session/operator'
import { candidatesIn, SessionUsers } from './session-users.ts'

function view(attributes: Record<string, unknown>): StoredView {
  const shown = Object.entries(attributes).map(([name, value]): ShownAttribute => {
    return { name, type: typeof value, sizeBytes: 1, value }
  })
  return {
    encoding: 'json',
    compressed: false,
    encrypted: false,
    times: undefined,
    attributes: shown,
    note: undefined,
  }
}

/** Lists by user, and what was asked for. */
function lists(of: Record<string, string[]>) {
  const asked: string[] = []
  return {
    asked,
    sessionsOf: async (user: string) => {
      asked.push(user)
      return (of[user] ?? []).map((id) => {
        return { sid: id, id: `${id}.app1`, createdMs: 0, seenMs: 0, lifeSeconds: 0 }
      })
    },
  }
}

test('likely attributes are tried first, then other texts and numbers, one level deep', () => {
  const found = candidatesIn(
    view({ theme: 'dark', count: 3, passport: { user: 7 }, list: ['no'], long: 'x'.repeat(300) }),
  )
  assert.deepEqual(found, ['7', 'dark', '3'])
})

test('a user is told only when the list of the user names the session', async () => {
  const known = lists({ ann: ['other'], bob: ['shop_sid'] })
  const users = new SessionUsers(known, 100)
  const question = { view: view({ user: 'ann', friend: 'bob' }), triesMax: 10 }
  assert.equal(await users.userOf('shop_shop_sid', 'shop_', question), 'bob')
  assert.equal(await users.userOf('another', '', question), undefined)
})

test('a list is asked for once, and no more lists than the bound', async () => {
  const known = lists({ ann: ['a', 'b'] })
  const users = new SessionUsers(known, 2)
  for (const key of ['a', 'b']) {
    const question = { view: view({ user: 'ann' }), triesMax: 1 }
    assert.equal(await users.userOf(key, '', question), 'ann')
  }
  assert.deepEqual(known.asked, ['ann'])
  const other = { view: view({ user: 'x', name: 'y', login: 'z' }), triesMax: 3 }
  assert.equal(await users.userOf('c', '', other), undefined)
  assert.equal(known.asked.length, 2)
})
