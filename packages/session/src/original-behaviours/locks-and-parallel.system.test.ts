// The original's test list: parallel requests on one host and on two, with each lock mode.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import {
  BehaviourStage,
  type Host,
  LOCKING_NON_STICKY_MODES,
  MODES_WITH_STICKY_LOCKS,
  type Mode,
  NON_STICKY_MODES,
  unlocked,
} from '../test-support/behaviour-stage.ts'
import { has, put } from '../test-support/memcached-counts.ts'
import { Browser, type Page } from '../test-support/test-site.ts'

const INCREMENTS = 20
/** Of requests that do not get the lock; long enough for the store to say who has it. */
const IN_VAIN_MS = 1500

describe('parallel requests', { concurrency: 4 }, () => {
  for (const mode of MODES_WITH_STICKY_LOCKS) {
    test(`${mode.name}: a long request beside one on the same host: another host sees both`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = await begun(host)
      const long = post(browser, `${host.url}/gate?k2=v2`)
      await host.gate.arrived(1)
      const second = post(browser, `${host.url}/set?k3=v3&at=gate`)
      await until('both are there', () => mode.sticky || host.gate.seen === 2)
      if (!mode.locks) assert.equal((await second).status, 200)
      host.gate.open()
      for (const page of await Promise.all([long, second])) assert.equal(page.status, 200)
      await keeps(browser, other, { k1: 'v1', k2: 'v2', k3: 'v3' })
    })

    test(`${mode.name}: a long request on one host beside one on another: all is kept`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = await begun(host)
      const long = post(browser, `${host.url}/gate?k2=v2`)
      await host.gate.arrived(1)
      const second = post(browser, `${other.url}/set?k3=v3&at=gate`)
      if (mode.locks) await until('the other waits', () => other.gate.seen === 1)
      else await second
      host.gate.open()
      for (const page of await Promise.all([long, second])) assert.equal(page.status, 200)
      for (const reader of [host, other]) {
        await keeps(browser, reader, { k1: 'v1', k2: 'v2', k3: 'v3' })
      }
    })

    test(`${mode.name}: what one host writes and another overwrites is what the first reads`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = await begun(host)
      await post(browser, `${host.url}/set?k=old`)
      await post(browser, `${other.url}/set?k=new`)
      await keeps(browser, host, { k1: 'v1', k: 'new' })
    })

    test(`${mode.name}: atomic updates on two hosts at once are all counted`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const hosts = [await stage.host(), await stage.host()]
      const [host, other] = hosts as [Host, Host]
      const browser = await begun(host)
      const headers = { cookie: browser.cookieHeader }
      const requests = Array.from({ length: INCREMENTS }, (_, n) =>
        fetch(`${hosts[n % 2]?.url}/increment`, { method: 'POST', headers }),
      )
      for (const page of await Promise.all(requests)) assert.equal(page.status, 200)
      const third = await stage.host()
      for (const reader of mode.sticky ? [third] : [host, other]) {
        const page = await new Browser().get(`${reader.url}/read`, { headers })
        assert.equal(page.json.count, INCREMENTS)
      }
    })

    test(`${mode.name}: of parallel requests on one host each finds the session, the last one too`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host()
      const browser = await begun(host)
      const requests = Array.from({ length: 6 }, (_, n) =>
        post(browser, `${host.url}/gate?p${n}=1`),
      )
      if (!mode.locks) await host.gate.arrived(6)
      host.gate.open()
      for (const page of await Promise.all(requests)) assert.equal(page.json.k1, 'v1')
      await unlocked(host)
      assert.equal(await has(stage.store, `lock:${browser.sessionId}`), false)
      const { json } = await browser.get(`${host.url}/read`)
      assert.equal(Object.keys(json).filter((name) => /^p\d$/.test(name)).length, 6)
    })

    test(`${mode.name}: a logout beside a slow request: the session does not come back`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = await begun(host)
      const id = browser.sessionId
      const headers = { cookie: browser.cookieHeader }
      const slow = post(browser, `${host.url}/gate?late=1`)
      await host.gate.arrived(1)
      const logout = fetch(`${other.url}/logout?at=gate`, { headers })
      if (mode.locks) await until('the logout waits', () => other.gate.seen === 1)
      else await logout
      host.gate.open()
      assert.equal((await logout).status, 200)
      assert.equal((await slow).status, 200)
      assert.equal(await has(stage.store, id), false)
      for (const reader of [host, other]) {
        const page = await new Browser().get(`${reader.url}/read`, { headers })
        assert.equal(page.json.k1, undefined)
      }
    })
  }
})

describe('requests that only read', { concurrency: 4 }, () => {
  for (const mode of withPostsLocked()) {
    test(`${mode.name}: two of them run side by side, beside a locking one and before it ends`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const host = await stage.host()
      const browser = await begun(host)
      await learn(host, browser)
      const locking = post(browser, `${host.url}/gate?k2=v2`)
      await host.gate.arrived(1)
      const reading = [1, 2].map((n) => browser.get(`${host.url}/gate?${n}`))
      await host.gate.arrived(3)
      if (mode.lockingMode !== 'none') await holdsLock(stage, browser)
      const before = await Promise.all([3, 4].map(() => browser.get(`${host.url}/read`)))
      for (const { json } of before) assert.equal(json.k1, 'v1')
      host.gate.open()
      for (const page of [...reading, locking]) assert.equal((await page).status, 200)
      await keeps(browser, host, { k1: 'v1', k2: 'v2' })
    })
  }

  test('non-sticky, all: they wait for the lock like any other', async (t) => {
    const stage = await BehaviourStage.open(t, modeOf('all'))
    const host = await stage.host()
    const browser = await begun(host)
    const first = browser.get(`${host.url}/gate`)
    await host.gate.arrived(1)
    const second = browser.get(`${host.url}/gate`)
    await until('it waits', () => host.gate.seen === 2)
    await holdsLock(stage, browser)
    assert.equal(host.gate.values.length, 1)
    host.gate.open()
    for (const page of [first, second]) assert.equal((await page).status, 200)
  })
})

describe('a lock', { concurrency: 4 }, () => {
  for (const mode of LOCKING_NON_STICKY_MODES) {
    test(`${mode.name}: is waited for by a read on another host, which sees the change`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const browser = await begun(host)
      const long = post(browser, `${host.url}/gate?k2=v2`)
      await host.gate.arrived(1)
      const read = browser.get(`${other.url}/read?at=gate`)
      await until('it waits', () => other.gate.seen === 1)
      host.gate.open()
      assert.equal((await read).json.k2, 'v2')
      assert.equal((await long).status, 200)
    })

    test(`${mode.name}: that is not had within lockWait is a 503, and the next request has it`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, other] = [await stage.host(), await stage.host()]
      const impatient = await stage.host({ lockWait: IN_VAIN_MS })
      const browser = await begun(host)
      const long = post(browser, `${host.url}/gate?k2=v2`)
      await host.gate.arrived(1)
      const page = await post(browser, `${impatient.url}/set?k2=other`)
      assert.equal(page.status, 503)
      assert.equal(page.json.code, 'HOLDFAST_SESSION_LOCK_TIMEOUT')
      host.gate.open()
      assert.equal((await long).status, 200)
      await unlocked(host)
      assert.equal((await post(browser, `${other.url}/set?k3=v3`)).status, 200)
      await keeps(browser, other, { k1: 'v1', k2: 'v2', k3: 'v3' })
    })

    test(`${mode.name}: of somebody else is not freed by the end of a request`, async (t) => {
      const stage = await BehaviourStage.open(t, mode)
      const [host, impatient] = [await stage.host(), await stage.host({ lockWait: IN_VAIN_MS })]
      const browser = await begun(host)
      const long = post(browser, `${host.url}/gate`)
      await host.gate.arrived(1)
      await put(stage.store, `lock:${browser.sessionId}`, 'other')
      host.gate.open()
      await long
      await unlocked(host)
      assert.equal(await has(stage.store, `lock:${browser.sessionId}`), true)
      assert.equal((await post(browser, `${impatient.url}/set?a=1`)).status, 503)
    })
  }
})

/** Modes in which GET /gate goes free, once it is learnt or because it is outside the pattern. */
function withPostsLocked(): Mode[] {
  const pattern = modeOf('uriPattern:.*')
  const posts = {
    ...pattern,
    name: 'non-sticky, uriPattern:POST .*',
    lockingMode: 'uriPattern:POST .*',
  }
  return [modeOf('auto'), posts, modeOf('none')]
}

function modeOf(lockingMode: string): Mode {
  const mode = NON_STICKY_MODES.find((one) => one.lockingMode === lockingMode)
  assert.ok(mode !== undefined)
  return mode
}

async function begun(host: Host): Promise<Browser> {
  const browser = new Browser()
  await browser.get(`${host.url}/set?k1=v1`)
  return browser
}

/** Tells a host of mode `auto` that GET /gate and GET /read change nothing. */
async function learn(host: Host, browser: Browser): Promise<void> {
  host.gate.open()
  await browser.get(`${host.url}/gate`)
  await browser.get(`${host.url}/read`)
  await unlocked(host)
  host.gate.shut()
}

function post(browser: Browser, url: string): Promise<Page> {
  return browser.get(url, { method: 'POST' })
}

async function keeps(
  browser: Browser,
  host: Host,
  attributes: Record<string, string>,
): Promise<void> {
  const { json } = await browser.get(`${host.url}/read`)
  const seen = Object.keys(attributes).map((name) => [name, json[name]])
  assert.deepEqual(Object.fromEntries(seen), attributes)
}

async function holdsLock(stage: BehaviourStage, browser: Browser): Promise<void> {
  assert.equal(await has(stage.store, `lock:${browser.sessionId}`), true)
}
