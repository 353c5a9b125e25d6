import assert from 'node:assert/strict'
import { test } from 'node:test'
import { couldTakeOver, parseClusterNodes, parseInfo } from './engine-picture.ts'

const PRIMARY = 'fef77a58774b2f41afa578af798d91845d9beab8'
const REPLICA = '354ea371dfd38f08b28f1e88b0f3df7f824bb558'
const OTHER = '8cf4ded82a7d4fce7c6aed4c96e26683036ccc8b'
const STRANGER = 'f427756f4c7d1ea0334454ed0b3d6f3d8c841f99'

/** What redis-server 7.0.15 says in a cluster of three that was told of a dead address too. */
const FROM_PRIMARY = `${PRIMARY} 127.0.0.1:17101@27101 myself,master - 0 0 0 connected 0-5 7 9-10 [100-<-${OTHER}]
${OTHER} 127.0.0.1:17103@27103 master,fail? - 1795338625063 1795338622538 0 disconnected
${REPLICA} 127.0.0.1:17102@27102,node-2 slave,fail ${PRIMARY} 0 1795338622035 4 connected
${STRANGER} 127.0.0.1:17999@27999 handshake - 0 0 0 disconnected
`

test('CLUSTER NODES: roles, slots, epochs, addresses, who is dead, who is a stranger', () => {
  const blank = { myself: false, failed: false, handshake: false, primaryId: '', configEpoch: 0 }
  assert.deepEqual(parseClusterNodes(FROM_PRIMARY), [
    {
      ...blank,
      id: PRIMARY,
      address: '127.0.0.1:17101',
      myself: true,
      role: 'primary',
      slots: [
        [0, 5],
        [7, 7],
        [9, 10],
      ],
    },
    { ...blank, id: OTHER, address: '127.0.0.1:17103', role: 'primary', slots: [] },
    {
      ...blank,
      id: REPLICA,
      address: '127.0.0.1:17102',
      role: 'replica',
      failed: true,
      primaryId: PRIMARY,
      configEpoch: 4,
      slots: [],
    },
    {
      ...blank,
      id: STRANGER,
      address: '127.0.0.1:17999',
      role: 'primary',
      handshake: true,
      slots: [],
    },
  ])
})

test('a node that only one suspects does not count as dead', () => {
  const [, suspected] = parseClusterNodes(FROM_PRIMARY)
  assert.equal(suspected?.failed, false)
})

test('an engine that has lost its address counts as dead', () => {
  const [node] = parseClusterNodes(`${OTHER} :0@0 master,noaddr - 0 0 0 disconnected\n`)
  assert.equal(node?.failed, true)
})

test('no text, no nodes', () => {
  assert.deepEqual(parseClusterNodes(''), [])
})

test('INFO: fields by name, with values that hold colons, without section heads', () => {
  const text = '# Replication\r\nrole:slave\r\nmaster_link_status:down\r\nexecutable:/a:b\r\n\r\n'
  const fields = parseInfo(text)
  assert.deepEqual(Object.fromEntries(fields), {
    role: 'slave',
    master_link_status: 'down',
    executable: '/a:b',
  })
})

test('a replica could take over when it knows the slots and its primary knows it', () => {
  const primary = `${PRIMARY} 127.0.0.1:17101@27101 myself,master - 0 0 5 connected 0-2047\n`
  const seen = `${PRIMARY} 127.0.0.1:17101@27101 master - 0 0 5 connected`
  const replica = `${REPLICA} 127.0.0.1:17102@27102 myself,slave ${PRIMARY} 0 0 0 connected\n`
  const known = `${REPLICA} 127.0.0.1:17102@27102 slave ${PRIMARY} 0 0 0 connected\n`
  const asked = `${REPLICA} 127.0.0.1:17102@27102 handshake - 0 0 0 disconnected\n`
  const blank = `${REPLICA} 127.0.0.1:17102@27102 master - 0 0 0 connected\n`
  const could = (ofReplica: string, ofPrimary: string): boolean =>
    couldTakeOver(parseClusterNodes(ofReplica), parseClusterNodes(ofPrimary))
  assert.equal(could(`${seen} 0-2047\n${replica}`, primary + known), true)
  assert.equal(could(`${seen}\n${replica}`, primary + known), false, 'knows no slots')
  assert.equal(could(`${seen} 0-100\n${replica}`, primary + known), false, 'knows some slots')
  for (const strange of [asked, blank, '']) {
    assert.equal(could(`${seen} 0-2047\n${replica}`, primary + strange), false, 'is not known')
  }
})
