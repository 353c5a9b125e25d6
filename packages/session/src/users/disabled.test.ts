import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { Browser, eventually, startSite } from '../test-support/test-site.ts'

test('sessions made while there was no store are listed once there is one', async () => {
  const store = await MemcachedProcess.start()
  const site = await startSite({
    memcachedNodes: store.address,
    userOf: 'user',
    revocationPoll: 50,
    enabled: false,
  })
  const { sessionManager } = site.sessions
  try {
    const browser = new Browser()
    await browser.get(`${site.url}/set?user=ann`)
    await browser.get(`${site.url}/read`)
    sessionManager.reconfigure({ enabled: true })
    assert.deepEqual(await sessionManager.listByUser('ann'), [])
    await eventually(async () => {
      await browser.get(`${site.url}/read`)
      return (await sessionManager.listByUser('ann')).length === 1
    })
    assert.equal(await sessionManager.revokeUser('ann'), 1)
    assert.equal((await browser.get(`${site.url}/read`)).json.user, undefined)
  } finally {
    await site.close()
    await store.kill()
  }
})

test('a cookie with an end is renewed by a change, while there is a store and while not', async () => {
  const store = await MemcachedProcess.start()
  const site = await startSite({
    memcachedNodes: store.address,
    cookie: { maxAge: 60_000 },
    sessionBackupAsync: false,
  })
  const { sessionManager } = site.sessions
  try {
    const browser = new Browser()
    const renews = async (path: string): Promise<boolean> => {
      const { headers } = await browser.get(site.url + path)
      return /Expires=/.test(headers.get('set-cookie') ?? '')
    }
    assert.ok(await renews('/set?a=0'))
    for (const enabled of [true, false]) {
      sessionManager.reconfigure({ enabled })
      assert.equal(await renews('/read'), false, `read, enabled: ${enabled}`)
      assert.equal(await renews(`/set?a=${enabled}`), true, `changed, enabled: ${enabled}`)
      assert.equal(await renews('/none'), false, `not looked at, enabled: ${enabled}`)
      assert.equal(await renews(`/set?a=${enabled}`), false, `the same, enabled: ${enabled}`)
    }
  } finally {
    await site.close()
    await store.kill()
  }
})
