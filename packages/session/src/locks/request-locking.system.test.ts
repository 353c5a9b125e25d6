import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { GatedProcess } from '../test-support/gated-process.ts'
import { type GatedOptions, type GatedSite, startGatedSite } from '../test-support/gated-site.ts'
import { countsOf, has } from '../test-support/memcached-counts.ts'
import { Browser, type Page } from '../test-support/test-site.ts'

const OPTIONS: GatedOptions = {
  lockingMode: 'all',
  lockExpiration: 1,
  lockWait: 20_000,
}

describe('the lock of a request that runs for longer than the lock lives', () => {
  let store: MemcachedProcess
  let site: GatedSite
  before(async () => {
    store = await MemcachedProcess.start()
    site = await startGatedSite(store.address, OPTIONS)
  })
  after(async () => {
    await site.close()
    await store.kill()
  })

  async function begin(): Promise<Browser> {
    const browser = new Browser()
    await browser.get(`${site.url}/set?user=ann`)
    return browser
  }

  async function startOther(t: { after(work: () => Promise<void>): void }): Promise<GatedProcess> {
    const other = await GatedProcess.start(store.address, OPTIONS)
    t.after(() => other.kill())
    return other
  }

  test('is renewed, so that others go on waiting', async (t) => {
    const long = await startGatedSite(store.address, OPTIONS)
    t.after(() => long.close())
    const browser = await begin()
    const { sets } = await countsOf(store)
    const held = browser.get(`${long.url}/gate?k=1`)
    await long.gate.arrived(1)
    const read: Page[] = []
    const reading = browser.get(`${long.url}/read`).then((page) => read.push(page))
    // Each renewal is a third of the lock's life later than the one before.
    const renewed = async (): Promise<boolean> => (await countsOf(store)).sets - sets >= 12
    await until('it was renewed eleven times', renewed, 20_000)
    assert.equal(await has(store, `lock:${browser.sessionId}`), true)
    assert.equal(read.length, 0)
    long.gate.open()
    assert.equal((await held).status, 200)
    await reading
    assert.equal(read[0]?.json.k, '1')
  })

  test('is renewed no longer than lockHoldMax, and what comes late is refused', async (t) => {
    const bounded = await startGatedSite(store.address, { ...OPTIONS, lockHoldMax: 1 })
    t.after(() => bounded.close())
    const browser = await begin()
    const endless = browser.get(`${bounded.url}/gate?user=late`)
    await bounded.gate.arrived(1)
    assert.equal((await browser.get(`${bounded.url}/set?user=next`)).status, 200)
    bounded.gate.open()
    assert.equal((await endless).status, 503)
    assert.ok(bounded.warnings.includes('request has lost the lock of its session'))
    assert.equal((await browser.get(`${site.url}/read`)).json.user, 'next')
  })

  test('expires when its process is killed, and not before', async (t) => {
    const other = await startOther(t)
    const browser = await begin()
    const killed = assert.rejects(browser.get(`${other.url}/gate?k=1`))
    await other.arrived(1)
    await other.kill()
    await killed
    assert.equal(await has(store, `lock:${browser.sessionId}`), true)
    const page = await browser.get(`${site.url}/set?k=2`)
    assert.equal(page.status, 200)
    assert.equal((await browser.get(`${site.url}/read`)).json.k, '2')
  })

  test('is lost when its process stands still, which then overwrites nothing', async (t) => {
    const other = await startOther(t)
    const browser = await begin()
    const stopped = browser.get(`${other.url}/gate?k=old`)
    await other.arrived(1)
    other.signal('SIGSTOP')
    assert.equal((await browser.get(`${site.url}/set?k=new`)).status, 200)
    // It goes on after the other request is over and its lock given back.
    await until('the lock is gone', async () => !(await has(store, `lock:${browser.sessionId}`)))
    other.openGate()
    other.signal('SIGCONT')
    assert.equal((await stopped).status, 503)
    assert.equal((await browser.get(`${site.url}/read`)).json.k, 'new')
  })
})
