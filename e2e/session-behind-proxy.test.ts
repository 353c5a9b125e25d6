// Sessions behind a local proxy, the usual way to run them: the proxy's command in front of a plain
// memcached, application servers in each mode with its one bare address as `memcachedNodes`.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  BehaviourStage,
  type Host,
  IMPATIENT,
  MODES,
  type Mode,
  unlocked,
} from '../packages/session/src/test-support/behaviour-stage.ts'
import { costOf, has } from '../packages/session/src/test-support/memcached-counts.ts'
import { Browser } from '../packages/session/src/test-support/test-site.ts'
import { noMemcached, onProxyStage, type ProxyStage } from './harness/proxy-stage.ts'
import { until } from './harness/until.ts'

const BACK_TIMEOUT_MS = 40_000
const INCREMENTS = 20

type Memcached = Awaited<ReturnType<ProxyStage['addMemcached']>>

interface Scene {
  readonly stage: ProxyStage
  readonly memcached: Memcached
  readonly proxyPort: number
}

test('sessions behind a proxy', { skip: noMemcached }, async (t) => {
  await onProxyStage(t, async (stage) => {
    const memcached = await stage.addMemcached()
    const proxyPort = await stage.ports.port()
    await startProxy({ stage, memcached, proxyPort })
    for (const mode of MODES) {
      await t.test(mode.name, (sub) => play(sub, mode, { stage, memcached, proxyPort }))
    }
  })
})

function startProxy({ stage, memcached, proxyPort }: Scene): Promise<void> {
  return stage.startProxy('-z', `${proxyPort}=127.0.0.1:${memcached.port}`)
}

async function play(t: TestContext, mode: Mode, scene: Scene): Promise<void> {
  const behaviours = await BehaviourStage.open(t, mode, 0)
  const memcachedNodes = `127.0.0.1:${scene.proxyPort}`
  const options = { ...IMPATIENT, memcachedNodes }
  const [host, other] = [await behaviours.host(options), await behaviours.host(options)]
  const browser = await isStored(mode, scene, host)
  await losesNothing(mode, browser, host, other)
  await outlivesTheProxy(mode, scene, browser, host)
  await endsWithLogout(scene, browser, host)
}

/** One key without a node in its id, for the operations that it costs without a proxy. */
async function isStored(mode: Mode, { memcached }: Scene, host: Host): Promise<Browser> {
  const browser = new Browser()
  const created = await costOf(memcached, async () => {
    const page = await browser.get(`${host.url}/set?a=1`)
    assert.equal(page.status, 200, page.text)
  })
  assert.equal(created.sets, 1)
  assert.equal(browser.sessionId.includes('-'), false)
  assert.ok(await has(memcached, browser.sessionId))
  const read = await costOf(memcached, async () => {
    await browser.get(`${host.url}/read`)
    await unlocked(host)
  })
  if (mode.sticky) assert.equal(read.gets + read.touches + read.sets, 0)
  else assert.equal(read.sets, mode.locks ? 2 : 0)
  return browser
}

async function losesNothing(
  { sticky }: Mode,
  browser: Browser,
  host: Host,
  other: Host,
): Promise<void> {
  const headers = { cookie: browser.cookieHeader }
  const requests = Array.from({ length: INCREMENTS }, (_, n) =>
    fetch(`${[host, other][n % 2]?.url}/increment`, { method: 'POST', headers }),
  )
  for (const page of await Promise.all(requests)) assert.equal(page.status, 200)
  await browser.get(`${other.url}/set?b=2`)
  const { json } = await browser.get(`${host.url}/read`)
  assert.deepEqual([json.a, json.b, json.count], ['1', '2', INCREMENTS])
  assert.equal(browser.sessionId.endsWith('.app1'), sticky)
}

/** A killed proxy logs nobody out; what a sticky host was told meanwhile is stored later. */
async function outlivesTheProxy(
  { sticky }: Mode,
  scene: Scene,
  browser: Browser,
  host: Host,
): Promise<void> {
  const id = browser.sessionId
  scene.stage.proxy.kill()
  await scene.stage.proxy.ended()
  const page = await browser.get(`${host.url}/set?c=3`)
  assert.equal(page.status, sticky ? 200 : 503)
  assert.equal(browser.sessionId, id)
  await startProxy(scene)
  await until('the session is served again', BACK_TIMEOUT_MS, async () => {
    return (await browser.get(`${host.url}/set?c=3`)).status === 200
  })
  const { json } = await browser.get(`${host.url}/read`)
  assert.deepEqual([json.a, json.b, json.c], ['1', '2', '3'])
  assert.equal(browser.sessionId, id)
}

/** A logout that was answered with 503, because the proxy was away, is made good by itself. */
async function endsWithLogout({ memcached }: Scene, browser: Browser, host: Host): Promise<void> {
  const id = browser.sessionId
  await until('the logout is answered', BACK_TIMEOUT_MS, async () => {
    return (await browser.get(`${host.url}/logout`)).status === 200
  })
  await until('the key is gone', BACK_TIMEOUT_MS, async () => !(await has(memcached, id)))
  assert.equal((await browser.get(`${host.url}/read`)).json.a, undefined)
}
