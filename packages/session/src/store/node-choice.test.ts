import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChoosableNode, chooseMove, chooseNode, nodesAfter } from './node-choice.ts'

/** `n1` steady, `n1~` only just back, `n1!` away; `(n1)` a failover node. */
function nodes(text: string): ChoosableNode[] {
  return text.split(' ').map((word) => {
    const isUp = !word.includes('!')
    return {
      id: /\w+/.exec(word)?.[0],
      isUp,
      isSteady: isUp && !word.includes('~'),
      isFailover: word.startsWith('('),
    }
  })
}

function choices(text: string): string {
  const ids = [0, 0.3, 0.6, 0.99].map((random) => chooseNode(nodes(text), random)?.id)
  return [...new Set(ids)].join()
}

test('a new session is given a primary, and a failover node only when no primary is up', () => {
  assert.equal(choices('n1 n2 (n3)'), 'n1,n2')
  assert.equal(choices('n1! n2 (n3)'), 'n2')
  assert.equal(choices('n1! n2! (n3)'), 'n3')
  assert.equal(choices('n1! n2! (n3)!'), '')
})

test('a node that has only just come back is chosen only if there is no steadier primary', () => {
  assert.equal(choices('n1~ n2 (n3)'), 'n2')
  assert.equal(choices('n1~ n2! (n3)'), 'n1')
})

test('a session moves when its node is away or unknown, and from a failover node', () => {
  const move = (id: string, text: string): string | undefined => {
    const all = nodes(text)
    return chooseMove(
      all.find((node) => node.id === id),
      all,
      0,
    )?.id
  }
  assert.equal(move('n1', 'n1 n2 (n3)'), undefined)
  assert.equal(move('n1', 'n1~ n2 (n3)'), undefined)
  assert.equal(move('n1', 'n1! n2 (n3)'), 'n2')
  assert.equal(move('n1', 'n1! n2! (n3)'), 'n3')
  assert.equal(move('n1', 'n1! n2! (n3)!'), undefined)
  assert.equal(move('n9', 'n1 n2'), 'n1')
  assert.equal(move('n3', 'n1 n2! (n3)'), 'n1')
  assert.equal(move('n3', 'n1~ n2! (n3)'), undefined)
  assert.equal(move('n3', 'n1~ n2! (n3)!'), 'n1')
})

test('copies go to the primaries behind a node, in configured order', () => {
  const all = nodes('n1 n2 (n3) n4')
  const after = (index: number): string => {
    const node = all[index]
    assert.ok(node)
    return nodesAfter(node, all)
      .map(({ id }) => id)
      .join()
  }
  assert.equal(after(0), 'n2,n4')
  assert.equal(after(1), 'n4,n1')
  assert.equal(after(2), 'n4,n1,n2')
})
