// The original's test list: storage nodes die, come back, stand still, or are configured anew.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type MemcachedProcess, until } from '@holdfast/client/testing'
import {
  BehaviourStage,
  type Host,
  IMPATIENT,
  MODES,
  NON_STICKY_MODES,
} from '../test-support/behaviour-stage.ts'
import { has, ttlOf } from '../test-support/memcached-counts.ts'
import { Browser, type Page } from '../test-support/test-site.ts'

const DAY_SECONDS = 86_400
const LIVES = [
  { life: 'without end', seconds: 0 },
  { life: 'of 15 days and a second', seconds: 15 * DAY_SECONDS + 1 },
  { life: 'of more than 30 days', seconds: 31 * DAY_SECONDS },
]

describe('the nodes of a session and of its copy die', { concurrency: 4 }, () => {
  for (const mode of NON_STICKY_MODES) {
    for (const second of ['set?b=2', 'read']) {
      test(`${mode.name}: one after the other, a ${second} between: its value is on the third`, async (t) => {
        const stage = await BehaviourStage.open(t, mode, 3)
        const host = await stage.host(IMPATIENT)
        const browser = await begun(host)
        const id = browser.sessionId
        const [own, next, third] = nodesFrom(stage, id)
        await until('the copy is on the second', () => has(next, `bak:${id}`))
        await next.kill()
        await until('the third has it', async () => {
          const page = await browser.get(`${host.url}/${second}`)
          assert.equal(page.status, 200)
          return await has(third, `bak:${id}`)
        })
        assert.equal(browser.sessionId, id)
        await own.kill()
        const page = await untilMoved(browser, host, id)
        assert.equal(page.json.a, '1')
        assert.equal(page.json.b, second === 'read' ? undefined : '2')
        assert.equal(browser.sessionId, withNode(id, indexOf(stage, third) + 1))
        assert.ok(await has(third, browser.sessionId))
        await isStable(browser, host)
      })
    }
  }
})

describe('nodes die', { concurrency: 4 }, () => {
  for (const mode of MODES) {
    test(`${mode.name}: one, two, all of three: the sid stays, each move is told once`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 3)
      const host = await stage.host(IMPATIENT)
      const browser = await begun(host)
      const [sid] = browser.sessionId.split('-')
      for (let killed = 0; killed < 2; killed++) {
        const id = browser.sessionId
        await copied(stage, mode.sticky, id)
        await stage.storeOf(id).kill()
        const page = await untilMoved(browser, host, id)
        assert.equal(page.json.a, '1')
        assert.equal(browser.sessionId.split('-')[0], sid)
        await isStable(browser, host)
      }
      const id = browser.sessionId
      await stage.storeOf(id).kill()
      await until('it is known that none is left', async () => {
        const page = await browser.get(`${host.url}/set?b=1`)
        assert.equal(page.headers.get('set-cookie'), null)
        assert.equal(page.status, mode.sticky ? 200 : 503)
        return !host.manager.create().id.includes('-')
      })
      const page = await browser.get(`${host.url}/read`)
      assert.equal(page.status, mode.sticky ? 200 : 503)
      assert.equal(page.json.a, mode.sticky ? '1' : undefined)
      assert.equal(browser.sessionId, id, 'the id is kept')
    })

    test(`${mode.name}: a session goes to the failover node, and back, each told once`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 2)
      const host = await stage.host({ ...IMPATIENT, failoverNodes: 'n2' })
      const browser = await begun(host)
      const id = browser.sessionId
      assert.match(id, /-n1/)
      await stage.storeAt(0).kill()
      if (mode.sticky) {
        assert.equal((await untilMoved(browser, host, id)).json.a, '1')
      } else {
        // No primary was left to have a copy.
        await until('it is begun anew', async () => {
          await browser.get(`${host.url}/set?a=1`)
          return browser.sessionId.includes('-n2')
        })
      }
      const moved = browser.sessionId
      assert.match(moved, /-n2/)
      await isStable(browser, host)
      await stage.storeAt(0).restart()
      const page = await untilMoved(browser, host, moved)
      assert.equal(page.json.a, '1')
      assert.match(browser.sessionId, /-n1/)
      assert.ok(await has(stage.storeAt(0), browser.sessionId))
      await isStable(browser, host)
    })

    test(`${mode.name}: nodes changed at run time are what the next request uses`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 3)
      const [n1, n2, n3] = stage.nodes.split(',')
      const host = await stage.host({
        ...IMPATIENT,
        memcachedNodes: `${n1},${n2}`,
        failoverNodes: 'n2',
      })
      const browser = await begun(host)
      const id = browser.sessionId
      assert.match(id, /-n1/)
      host.manager.reconfigure({ memcachedNodes: `${n1},${n2}`, failoverNodes: '' })
      await browser.get(`${host.url}/set?b=2`)
      if (!mode.sticky) {
        const ask = Buffer.from(`get bak:${id}\r\nquit\r\n`)
        await until('the copy is there', async () =>
          (await stage.storeAt(1).ask(ask)).includes('"b"'),
        )
      }
      host.manager.reconfigure({ memcachedNodes: `${n2},${n3}` })
      const page = await browser.get(`${host.url}/read`)
      assert.deepEqual([page.json.a, page.json.b], ['1', '2'])
      assert.match(browser.sessionId, /-n[23]/)
      assert.equal(browser.sessionId.split('-')[0], id.split('-')[0])
      assert.ok(await has(stage.storeOf(browser.sessionId), browser.sessionId))
      await isStable(browser, host)
      host.manager.reconfigure({ memcachedNodes: `${n1},${n3}`, failoverNodes: 'n3' })
      for (let n = 0; n < 5; n++) assert.match(host.manager.create().id, /-n1/)
    })

    test(`${mode.name}: a node that stands still is left, and not returned to when it thaws`, async (t) => {
      const stage = await BehaviourStage.open(t, mode, 2)
      const [host, other] = [await stage.host(IMPATIENT), await stage.host(IMPATIENT)]
      const browser = await begun(host)
      const id = browser.sessionId
      await copied(stage, mode.sticky, id)
      const frozen = stage.storeOf(id)
      await frozen.freeze()
      const page = await untilMoved(browser, host, id)
      assert.equal(page.json.a, '1')
      await browser.get(`${host.url}/set?a=2`)
      await isStable(browser, host)
      frozen.thaw()
      await until('it is used again', async () => (await host.sessions.health()).ok)
      assert.equal((await browser.get(`${host.url}/read`)).json.a, '2')
      await isStable(browser, host)
      assert.equal((await browser.get(`${other.url}/read`)).json.a, '2', 'no stale session')
    })
  }

  for (const mode of MODES.slice(0, 2)) {
    for (const { life, seconds } of LIVES) {
      test(`${mode.name}: a session ${life} is found after its node died, and keeps its life`, async (t) => {
        const stage = await BehaviourStage.open(t, mode, 2)
        const host = await stage.host({ ...IMPATIENT, maxInactiveInterval: seconds })
        const browser = await begun(host)
        const id = browser.sessionId
        await copied(stage, mode.sticky, id)
        await stage.storeOf(id).kill()
        const page = await untilMoved(browser, host, id)
        assert.equal(page.json.a, '1')
        const place = indexOf(stage, stage.storeOf(id))
        assert.equal(browser.sessionId, withNode(id, place === 0 ? 2 : 1), 'only its node')
        const ttl = await ttlOf(stage.storeOf(browser.sessionId), browser.sessionId)
        if (seconds === 0) assert.equal(ttl, -1)
        else assert.ok(ttl >= seconds - 60 && ttl <= seconds + 65, `${ttl} s`)
      })
    }
  }
})

async function begun(host: Host): Promise<Browser> {
  const browser = new Browser()
  await browser.get(`${host.url}/set?a=1`)
  return browser
}

/** The session's node and those after it. */
function nodesFrom(
  stage: BehaviourStage,
  id: string,
): [MemcachedProcess, MemcachedProcess, MemcachedProcess] {
  const place = indexOf(stage, stage.storeOf(id))
  return [stage.storeAt(place), stage.storeAt((place + 1) % 3), stage.storeAt((place + 2) % 3)]
}

function indexOf(stage: BehaviourStage, store: MemcachedProcess): number {
  return stage.stores.indexOf(store)
}

function withNode(id: string, number: number): string {
  return id.replace(/-n\d/, `-n${number}`)
}

/** Waits for a second copy; sticky sessions have none but the one in memory. */
async function copied(stage: BehaviourStage, sticky: boolean, id: string): Promise<void> {
  if (sticky) return
  await until('there is a second copy', async () => {
    const found = await Promise.all(
      stage.stores.map((store) => has(store, `bak:${id}`).catch(() => false)),
    )
    return found.includes(true)
  })
}

/** Requests may fail until it is known that the node is away. */
async function untilMoved(browser: Browser, host: Host, id: string): Promise<Page> {
  const { sticky } = host.manager.settings
  let tries = 0
  await until('the session has moved', async () => {
    tries += 1
    // A sticky session meets its node with its next write only.
    const { status } = await browser.get(`${host.url}/${sticky ? `set?try=${tries}` : 'read'}`)
    assert.ok(status === 200 || (status === 503 && !sticky), `status ${status}`)
    return browser.sessionId !== id
  })
  return await browser.get(`${host.url}/read`)
}

async function isStable(browser: Browser, host: Host): Promise<void> {
  const id = browser.sessionId
  for (let n = 0; n < 3; n++) {
    const page = await browser.get(`${host.url}/read`)
    assert.equal(page.status, 200)
    assert.equal(page.headers.get('set-cookie'), null)
    assert.equal(browser.sessionId, id)
  }
}
