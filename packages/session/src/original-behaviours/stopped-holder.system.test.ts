// What the original's test list misses: a process that holds a lock, of the default life of 5 s,
// and stands still for 10 s or dies; the same of processes that hold none.
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@holdfast/client/testing'
import {
  BehaviourStage,
  type Host,
  IMPATIENT,
  LOCKING_NON_STICKY_MODES,
  MODES,
  type Mode,
} from '../test-support/behaviour-stage.ts'
import { GatedProcess } from '../test-support/gated-process.ts'
import { has } from '../test-support/memcached-counts.ts'
import { Browser, type Page } from '../test-support/test-site.ts'

const STOPPED_MS = 10_000
/** A lock lives for 5 s and is renewed each third of that. */
const LOCK_LEFT_MS_MIN = 3000
const LOCK_FREE_TIMEOUT_MS = 30_000

describe('a process that stands still for 10 s', { concurrency: true }, () => {
  for (const mode of LOCKING_NON_STICKY_MODES) {
    test(`${mode.name}: loses its lock after 5 s, and then overwrites nothing`, async (t) => {
      const { stage, host, holder, browser, slow } = await begun(t, mode)
      const lock = `lock:${browser.sessionId}`
      holder.signal('SIGSTOP')
      const stoppedMs = performance.now()
      await firstServed(browser, host)
      const takenMs = performance.now() - stoppedMs
      assert.ok(takenMs >= LOCK_LEFT_MS_MIN, `taken after ${takenMs} ms`)
      await delay(Math.max(0, STOPPED_MS - takenMs))
      holder.signal('SIGCONT')
      holder.openGate()
      const page = await slow
      assert.equal(page.status, 503)
      assert.equal(page.json.code, 'HOLDFAST_SESSION_LOCK_LOST')
      const { json } = await browser.get(`${host.url}/read`)
      assert.deepEqual([json.user, json.k], ['ann', 'new'])
      await until('the lock is free', async () => !(await has(stage.store, lock)))
    })

    test(`${mode.name}: that dies leaves a lock that ends by itself`, async (t) => {
      const { host, holder, browser, slow } = await begun(t, mode)
      const gone = assert.rejects(slow)
      await holder.kill()
      const killedMs = performance.now()
      await gone
      await firstServed(browser, host)
      assert.ok(performance.now() - killedMs >= LOCK_LEFT_MS_MIN)
      const { json } = await browser.get(`${host.url}/read`)
      assert.deepEqual([json.user, json.k], ['ann', 'new'])
    })
  }

  for (const mode of MODES.filter(({ locks }) => !locks)) {
    test(`${mode.name}: holds nobody up, and merges what it then stores`, async (t) => {
      const { stage, host, holder, browser, slow } = await begun(t, mode)
      holder.signal('SIGSTOP')
      assert.equal((await browser.get(`${host.url}/set?l=new`)).status, 200)
      holder.signal('SIGCONT')
      holder.openGate()
      assert.equal((await slow).status, 200)
      const reader = mode.sticky ? await stage.host() : host
      const { json } = await browser.get(`${reader.url}/read`)
      assert.deepEqual([json.user, json.k, json.l], ['ann', 'old', 'new'])
    })
  }
})

interface Begun {
  stage: BehaviourStage
  host: Host
  holder: GatedProcess
  browser: Browser
  /** At the gate of the holder, about to set `k`. */
  slow: Promise<Page>
}

async function begun(t: TestContext, mode: Mode): Promise<Begun> {
  const stage = await BehaviourStage.open(t, mode)
  // As long as applications wait for a lock, so that the wait is over before the lock is.
  const host = await stage.host(IMPATIENT)
  const { sticky, lockingMode } = mode
  const route = sticky ? { jvmRoute: 'holder', sessionBackupAsync: false } : {}
  const holder = await GatedProcess.start(stage.nodes, { sticky, lockingMode, ...route })
  t.after(() => holder.kill())
  const browser = new Browser()
  await browser.get(`${holder.url}/set?user=ann`)
  const slow = browser.get(`${holder.url}/gate?k=old`)
  await holder.arrived(1)
  return { stage, host, holder, browser, slow }
}

/** Until the lock is had again. */
function firstServed(browser: Browser, host: Host): Promise<void> {
  const isServed = async (): Promise<boolean> =>
    (await browser.get(`${host.url}/set?k=new`)).status === 200
  return until('the session is served again', isServed, LOCK_FREE_TIMEOUT_MS)
}
