import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topology } from '../../mock/answers/pool.ts'
import { MockCluster } from '../../mock/simulation.ts'
import { changesBetween } from './changes.ts'
import { layoutPicture } from './picture-layout.ts'
import { pictureOf, rowInWords } from './picture-model.ts'

const hostnames = ['a:8091', 'b:8091', 'c:8091']

test('a failover is told: who died, what moved where, which copies were made', () => {
  let nowMs = 1_000_000_000_000
  const mock = new MockCluster({ hostnames }, () => nowMs)
  const whole = topology(mock)
  assert.deepEqual(changesBetween(whole, topology(mock)), [])
  const third = mock.state.nodes[2]
  assert.ok(third)
  mock.kill(third)
  const dead = topology(mock)
  assert.deepEqual(changesBetween(whole, dead), ['Server c:8091: does not answer.'])
  nowMs += 2000
  mock.tick()
  const over = changesBetween(dead, topology(mock))
  assert.ok(over.includes('Server c:8091: failed over, down.'))
  assert.ok(
    over.some((text) => /^sessions: \d primar\w+ moved from c:8091 to [ab]:8091\.$/.test(text)),
  )
  const before = topology(mock)
  for (let n = 0; n < 40; n++) mock.tick()
  const healed = changesBetween(before, topology(mock))
  assert.ok(healed.some((text) => /^sessions: \d cop\w+ in sync on [ab]:8091\.$/.test(text)))
})

test('everything of the picture stands inside it and no two boxes of a column overlap', () => {
  const mock = new MockCluster({ hostnames })
  const picture = pictureOf(topology(mock), null)
  for (const width of [320, 719, 720, 1600]) {
    const { height, nodes } = layoutPicture(picture, width)
    for (const [index, { x, y, ...node }] of nodes.entries()) {
      assert.ok(x >= 0 && x + node.width <= width, `node ${index} at ${width}`)
      assert.ok(y + node.height <= height)
      const above = nodes[index - 1]
      if (above) assert.ok(above.y + above.height < y)
      for (const cell of node.rows.flatMap((row) => row.cells)) {
        assert.ok(cell.x + cell.width <= x + node.width)
        assert.ok(cell.y + cell.height <= y + node.height)
      }
    }
  }
})

test('what a server holds is told in words', () => {
  const mock = new MockCluster({ hostnames })
  const [first] = pictureOf(topology(mock), null).nodes
  const [sessions] = first?.rows ?? []
  assert.ok(sessions)
  assert.match(rowInWords(sessions), /^primary of 0, 3, 6; replica of \d/)
  assert.equal(rowInWords({ bucket: 'b', shardCount: 8, cells: [] }), 'nothing')
})
