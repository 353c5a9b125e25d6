// What can be changed while the application runs: nodes, failover nodes, enabled.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import type { ActiveSession } from '../active-session.ts'
import { SessionManager } from '../session-manager.ts'

const servers: MemcachedProcess[] = []
let manager: SessionManager

afterEach(async () => {
  await manager.close()
  for (const server of servers.splice(0)) await server.kill()
})

async function startServer(): Promise<MemcachedProcess> {
  const server = await MemcachedProcess.start()
  servers.push(server)
  return server
}

/** One request of this user; resolves when what it changed is stored. */
async function request(cookie: string | undefined, word?: string): Promise<ActiveSession> {
  const active = await manager.load(cookie === undefined ? [] : [cookie])
  active.accessed = true
  if (word !== undefined) active.attributes.word = word
  await manager.commit(active).saved
  manager.release(active)
  return active
}

async function isStored(server: MemcachedProcess, id: string): Promise<boolean> {
  const raw = await server.ask(Buffer.from(`get ${id}\r\nquit\r\n`))
  return raw.toString('latin1').startsWith(`VALUE ${id} `)
}

test('a manager that starts disabled contacts no store; enabled, it stores its sessions', async () => {
  const server = await startServer()
  manager = new SessionManager({ memcachedNodes: server.address, secret: 's', enabled: false })
  const made = await request(undefined, 'first')
  const cookie = manager.cookieValue(made)
  assert.equal(await isStored(server, made.id), false)
  manager.reconfigure({ enabled: true })
  assert.equal((await request(cookie)).attributes.word, 'first')
  assert.equal(await isStored(server, made.id), true)
  manager.reconfigure({ enabled: false })
  await server.kill()
  assert.equal((await request(cookie, 'later')).attributes.word, 'later')
  assert.deepEqual(await manager.health(), { ok: true, nodes: [] })
})

test('a session moves with the nodes, keeps its sid and tells the browser once', async () => {
  const [first, second] = [await startServer(), await startServer()]
  manager = new SessionManager({ memcachedNodes: `n1:${first.address}`, secret: 's' })
  const made = await request(undefined, 'x')
  const [sid = ''] = made.id.split('-')
  assert.equal(made.id, `${sid}-n1`)
  manager.reconfigure({ memcachedNodes: `n2:${second.address}` })
  const moved = await request(manager.cookieValue(made))
  assert.equal(moved.id, `${sid}-n2`)
  assert.equal(moved.attributes.word, 'x')
  assert.equal(await isStored(second, moved.id), true)
  const next = await manager.load([manager.cookieValue(moved)])
  assert.equal(next.cookieDue, false)
})

test('a session made while no node was up gets its node and its copy later', async () => {
  const [first, second] = [await startServer(), await startServer()]
  const memcachedNodes = `n1:${first.address} n2:${second.address}`
  manager = new SessionManager({ memcachedNodes, secret: 's' })
  await first.kill()
  await second.kill()
  await until('both nodes are away', async () => {
    await request(undefined, 'x').catch(() => undefined)
    return manager.create().id.includes('-') === false
  })
  const made = await manager.load([])
  made.attributes.word = 'kept'
  await assert.rejects(async () => manager.commit(made).saved)
  const cookie = manager.cookieValue(made)
  assert.doesNotMatch(made.id, /-/)
  await second.restart()
  await until('the session has a node', async () => {
    const active = await request(cookie).catch(() => undefined)
    return active?.id === `${made.id}-n2`
  })
  assert.equal((await request(cookie)).attributes.word, 'kept')
  assert.equal(await isStored(second, `${made.id}-n2`), true)
})

test('an encrypted session is read by all while a node is given its name', async () => {
  const server = await startServer()
  const options = { secret: 's', sticky: false, encryption: { keys: randomBytes(32) } }
  manager = new SessionManager({ ...options, memcachedNodes: server.address })
  const made = await request(undefined, 'early')
  const named = `n1:${server.address}`
  manager.reconfigure({ memcachedNodes: named })
  const moved = await request(manager.cookieValue(made))
  assert.equal(moved.id, `${made.id}-n1`)
  assert.equal(moved.attributes.word, 'early')
  const later = await request(manager.cookieValue(moved), 'later')
  const other = new SessionManager({ ...options, memcachedNodes: named })
  assert.deepEqual(await other.read(later.id), { word: 'later' })
  await other.close()
  manager.reconfigure({ memcachedNodes: server.address })
  assert.equal((await request(manager.cookieValue(later))).attributes.word, 'later')
})

test('settings that are wrong change nothing', async () => {
  const server = await startServer()
  manager = new SessionManager({ memcachedNodes: server.address, secret: 's', sticky: false })
  assert.throws(() => manager.reconfigure({ enabled: false }), /enabled: false needs sticky/)
  assert.throws(() => manager.reconfigure({ memcachedNodes: 'nonsense' }), TypeError)
  assert.throws(() => manager.reconfigure({ failoverNodes: 'n1' }), TypeError)
  const made = await request(undefined, 'x')
  assert.equal((await request(manager.cookieValue(made))).attributes.word, 'x')
})
