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
