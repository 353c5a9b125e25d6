import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatSessionId, newSid, parseSessionId, SID_CHARS } from './session-id.ts'

const sid = fc.stringMatching(/^[\w~-]{1,128}$/)
const nodeId = fc.option(fc.stringMatching(/^\w{1,10}$/), { nil: undefined })
const route = fc.option(fc.stringMatching(/^[\w~.-]{1,64}$/), { nil: undefined })

test('any well-formed id is parsed into the parts it was made of, dashes included', () => {
  fc.assert(
    fc.property(sid, nodeId, route, (sid, nodeId, route) => {
      const id = { sid, nodeId, route }
      assert.deepEqual(parseSessionId(formatSessionId(id), nodeId !== undefined), id)
    }),
  )
})

test('no text makes the parser throw or yields parts that differ from the text', () => {
  fc.assert(
    fc.property(fc.string(), fc.boolean(), (text, withNodeId) => {
      const parsed = parseSessionId(text, withNodeId)
      if (parsed !== undefined) assert.equal(formatSessionId(parsed), text)
    }),
  )
})

test('a fresh sid has 32 characters and neither dash nor dot', () => {
  const sids = new Set(Array.from({ length: 1000 }, newSid))
  assert.equal(sids.size, 1000)
  for (const one of sids) assert.match(one, new RegExp(`^\\w{${SID_CHARS}}$`))
})

test('ids of the original form are understood', () => {
  assert.deepEqual(parseSessionId('foo-n.jvm1', true), { sid: 'foo', nodeId: 'n', route: 'jvm1' })
  assert.deepEqual(parseSessionId('foo-n.j-v-m1', true), {
    sid: 'foo',
    nodeId: 'n',
    route: 'j-v-m1',
  })
  assert.deepEqual(parseSessionId('8d1c-41ab-n1', true), {
    sid: '8d1c-41ab',
    nodeId: 'n1',
    route: undefined,
  })
})

test('an id made while no node was up has no node id', () => {
  const id = { sid: 'foo', nodeId: undefined, route: 'j-v-m1' }
  assert.deepEqual(parseSessionId('foo.j-v-m1', true), id)
})

test('what must not become a store key is no id', () => {
  for (const text of ['', '.app1', 'a b', 'a\r\nset', 'a.', 'a.\n', 'ä', 'a'.repeat(129)]) {
    assert.equal(parseSessionId(text, false), undefined)
  }
  for (const text of ['', '-n1', 'a-', 'a-n1.', 'a-n 1', `a-n1.${'r'.repeat(65)}`]) {
    assert.equal(parseSessionId(text, true), undefined)
  }
})
