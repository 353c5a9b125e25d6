import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { MemcachedProcess } from '@holdfast/client/testing'
import type { SessionOptions } from '../options.ts'
import { put } from '../test-support/memcached-counts.ts'
import { Browser, eventually, startSite, type TestSite } from '../test-support/test-site.ts'
import { ARRIVAL_MS_MAX } from '../users/user-sessions.ts'
import { SESSION_EVENTS } from './session-events.ts'

type Told = [server: string, event: string, detail: unknown]

/** Two servers, and everything that they tell, in order. */
async function withServers(
  options: Partial<Omit<SessionOptions, 'secret'>>,
  work: (apps: [TestSite, TestSite], told: Told[], store: MemcachedProcess) => Promise<void>,
): Promise<void> {
  const store = await MemcachedProcess.start()
  const common = { memcachedNodes: `n1:${store.address}`, sessionBackupAsync: false, ...options }
  const apps: [TestSite, TestSite] = [
    await startSite({ ...common, route: 'app1' }),
    await startSite({ ...common, route: 'app2' }),
  ]
  const told: Told[] = []
  for (const [n, app] of apps.entries()) {
    for (const event of SESSION_EVENTS) {
      app.sessions.sessionManager.on(event, (detail) => told.push([`app${n + 1}`, event, detail]))
    }
  }
  try {
    await work(apps, told, store)
  } finally {
    for (const app of apps) await app.close()
    await store.kill()
  }
}

const names = (told: Told[]): string[] => told.map(([server, event]) => `${server} ${event}`)

for (const sticky of [true, false]) {
  test(`created and destroyed are told once, ${sticky ? 'sticky' : 'non-sticky'}`, async () => {
    await withServers({ sticky }, async ([app1, app2], told) => {
      const browser = new Browser()
      await browser.get(`${app1.url}/read`)
      assert.deepEqual(told, [])
      await browser.get(`${app1.url}/set?user=ann`)
      const id = browser.sessionId
      await browser.get(`${app1.url}/set?user=ben`)
      await browser.get(`${app1.url}/logout`)
      assert.deepEqual(names(told), ['app1 created', 'app1 destroyed'])
      assert.deepEqual(told[1]?.[2], { id, by: 'application' })
      const other = new Browser()
      await other.get(`${app1.url}/set?user=ann`)
      await app2.sessions.sessionManager.destroyById(other.sessionId)
      await other.get(`${app1.url}/regenerate`)
      assert.deepEqual(names(told).slice(2, 4), ['app1 created', 'app2 destroyed'])
    })
  })
}

test('a takeover is told by the server that takes over', async () => {
  await withServers({}, async ([app1, app2], told) => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const previousId = browser.sessionId
    await browser.get(`${app2.url}/read`)
    assert.deepEqual(names(told), ['app1 created', 'app2 takenOver'])
    assert.deepEqual(told[1]?.[2], { id: browser.sessionId, previousId })
  })
})

test('sticky: expired is told once, by the server that had the session', async () => {
  await withServers({ maxInactiveInterval: 1 }, async ([app1, app2], told) => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    await browser.get(`${app2.url}/read`)
    const id = browser.sessionId
    await eventually(() => names(told).some((name) => name.endsWith('expired')))
    // The first server's own copy has to expire as well, in silence.
    const { sessionManager } = app1.sessions
    await eventually(() => sessionManager.statistics().requestsWithSession === 0)
    await browser.get(`${app1.url}/read`)
    assert.deepEqual(names(told).slice(1), ['app2 takenOver', 'app2 expired'])
    assert.deepEqual(told[2]?.[2], { id, attributes: { user: 'ann' } })
  })
})

test('non-sticky: expired is told once, when the list of the user is read', async () => {
  const options = { sticky: false, userOf: 'user', maxInactiveInterval: 1 }
  await withServers(options, async ([app1, app2], told) => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const id = browser.sessionId
    const lists = async (): Promise<unknown[]> =>
      await Promise.all([
        app1.sessions.sessionManager.listByUser('ann'),
        app2.sessions.sessionManager.listByUser('ann'),
      ])
    // A session that has just logged in counts as one that is still arriving.
    const deadlineMs = performance.now() + 2 * ARRIVAL_MS_MAX
    while (told.length < 2 && performance.now() < deadlineMs) {
      await lists()
      await delay(200)
    }
    await lists()
    assert.deepEqual(
      told.slice(1).map(([, event, detail]) => [event, detail]),
      [['expired', { id, attributes: undefined }]],
    )
  })
})

test('stored data that cannot be read is told and left where it is', async () => {
  await withServers({ sticky: false }, async ([app1], told, store) => {
    const browser = new Browser()
    await browser.get(`${app1.url}/set?user=ann`)
    const id = browser.sessionId
    await put(store, id, 'broken')
    assert.equal((await browser.get(`${app1.url}/read`)).json.user, undefined)
    assert.equal(told[1]?.[1], 'unreadable')
    assert.deepEqual(
      told.map(([, , detail]) => Reflect.get(Object(detail), 'id')),
      [id, id],
    )
  })
})

test('a listener that throws is reported, and the others and the request go on', async () => {
  const errors: unknown[] = []
  const ignore = (): void => undefined
  const logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields: object) => void errors.push(Reflect.get(fields, 'err')),
  }
  await withServers({ logger }, async ([app1], told) => {
    const { sessionManager } = app1.sessions
    const failure = new Error('listener')
    let calls = 0
    sessionManager.once('created', () => {
      calls++
      throw failure
    })
    sessionManager.on('created', () => calls++)
    const unheard = (): void => void calls++
    sessionManager.on('created', unheard).off('created', unheard)
    assert.equal((await new Browser().get(`${app1.url}/set?user=ann`)).status, 200)
    assert.equal((await new Browser().get(`${app1.url}/set?user=ann`)).status, 200)
    assert.equal(calls, 3)
    assert.deepEqual(errors, [failure])
    assert.deepEqual(names(told), ['app1 created', 'app1 created'])
  })
})

test('diagnostics channels tell loads, saves and events by a hash of the id', async () => {
  const messages: [string, Record<string, unknown>][] = []
  const hear = (message: unknown, channel: string | symbol): void => {
    messages.push([String(channel), message as Record<string, unknown>])
  }
  const channels = ['load', 'save', 'event'].map((name) => `holdfast:session:${name}`)
  for (const channel of channels) subscribe(channel, hear)
  try {
    await withServers({ sticky: false }, async ([app1]) => {
      const browser = new Browser()
      await browser.get(`${app1.url}/set?user=ann`)
      await browser.get(`${app1.url}/read`)
      assert.deepEqual(
        messages.map(([channel, { result, event }]) => [channel, result ?? event]),
        [
          ['holdfast:session:save', 'written'],
          ['holdfast:session:event', 'created'],
          ['holdfast:session:load', 'hit_remote'],
        ],
      )
      const [, first] = messages[0] ?? ['', {}]
      assert.match(String(first.idHash), /^[0-9a-f]{16}$/)
      assert.equal(JSON.stringify(messages).includes(browser.sessionId.slice(0, 32)), false)
    })
  } finally {
    for (const channel of channels) unsubscribe(channel, hear)
  }
})
