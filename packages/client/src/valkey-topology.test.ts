import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RespParser, type RespReply } from '@holdfast/protocol'
import { slotOf } from '@holdfast/topology'
import {
  parseClusterSlots,
  parseRedirect,
  parseRole,
  standsAlone,
  tagInSlots,
} from './valkey-topology.ts'

type Tree = string | number | null | readonly Tree[]

function encoded(tree: Tree): string {
  if (tree === null) return '$-1\r\n'
  if (typeof tree === 'number') return `:${tree}\r\n`
  if (typeof tree === 'string') {
    return tree.startsWith('-') ? `${tree}\r\n` : `$${tree.length}\r\n${tree}\r\n`
  }
  return `*${tree.length}\r\n${tree.map(encoded).join('')}`
}

function replyOf(tree: Tree): RespReply {
  const replies: RespReply[] = []
  new RespParser().push(Buffer.from(encoded(tree)), (reply) => replies.push({ ...reply }))
  const [reply] = replies
  assert.ok(reply)
  return reply
}

const SLOTS_ANSWER: Tree = [
  [0, 99, ['10.0.0.1', 7000, 'id', []], ['10.0.0.4', 7000, 'id', []]],
  [100, 16_000, ['', 7000, 'id', []], ['?', 7001, 'id']],
  [16_001, 16_383, ['10.0.0.1', 7000], ['10.0.0.4', 7000], ['fe80::1', 7000]],
]

test('the ranges of one primary come together, a nameless one is who was asked', () => {
  assert.deepEqual(parseClusterSlots(replyOf(SLOTS_ANSWER), 'asked:1'), [
    {
      primary: '10.0.0.1:7000',
      replicas: ['10.0.0.4:7000', '[fe80::1]:7000'],
      slots: [
        [0, 99],
        [16_001, 16_383],
      ],
    },
    { primary: 'asked:7000', replicas: [], slots: [[100, 16_000]] },
  ])
  assert.equal(
    parseClusterSlots(replyOf([[0, 5, [null, 7000]]]), '[::1]:1')?.[0]?.primary,
    '[::1]:7000',
  )
})

test('an answer that is none is refused', () => {
  const trees: Tree[] = [
    [],
    '-ERR no',
    [[0, 16_384, ['h', 1]]],
    [[5, 4, ['h', 1]]],
    [[0, 1]],
    [[0, 1, ['h', 0]]],
    [['x', 1, ['h', 1]]],
    [[0, 1, ['?', 7]]],
  ]
  for (const tree of trees) assert.equal(parseClusterSlots(replyOf(tree), 'a:1'), undefined)
})

test('an engine alone says so and whether it is the primary', () => {
  assert.equal(standsAlone(replyOf('-ERR This instance has cluster support disabled')), true)
  assert.equal(standsAlone(replyOf('-NOPERM no')), false)
  assert.equal(standsAlone(replyOf([])), false)
  const alone = [{ primary: 'a:1', replicas: [], slots: [[0, 16_383]] }]
  assert.deepEqual(parseRole(replyOf(['master', 5, []]), 'a:1'), alone)
  assert.deepEqual(parseRole(replyOf('-NOPERM no'), 'a:1'), alone)
  assert.equal(parseRole(replyOf(['slave', 'h', 6379, 'connected', 0]), 'a:1'), undefined)
})

test('redirects name slot and place', () => {
  assert.deepEqual(parseRedirect('MOVED 7 10.0.0.2:7001', 'a:1'), {
    kind: 'MOVED',
    slot: 7,
    address: '10.0.0.2:7001',
  })
  assert.deepEqual(parseRedirect('ASK 7 :7001', 'a:1')?.address, 'a:7001')
  assert.deepEqual(parseRedirect('ASK 7 fe80::1:7001', 'a:1')?.address, '[fe80::1]:7001')
  for (const text of ['MOVED', 'MOVED x h:1', 'CLUSTERDOWN The cluster is down', 'ERR ASK 1 h:1']) {
    assert.equal(parseRedirect(text, 'a:1'), undefined)
  }
})

test('a tag is found for every slot', () => {
  for (const slot of [0, 1, 5461, 16_383]) {
    const tag = tagInSlots([[slot, slot]])
    assert.equal(slotOf(Buffer.concat([tag, Buffer.from('x')])), slot)
  }
})
